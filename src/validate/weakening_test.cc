#include "validate/weakening.h"

#include <functional>

#include <gtest/gtest.h>

#include "x509/test_pki.h"

namespace portcullis::validate {
namespace {

using model::Gateway;
using model::HostConfig;
using std::chrono::hours;

struct Authorities {
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued other = pki.root("Other Root");
};
Authorities& authorities() {
  static Authorities made;
  return made;
}

model::Ref to(const char* name) { return {name, "", ""}; }

void add_rule(Gateway& gateway, const std::string& listener, std::uint32_t priority) {
  model::RequestRoutingRule rule;
  rule.name = "to-" + listener;
  rule.http_listener = {listener, "", ""};
  rule.priority = priority;
  gateway.request_routing_rules.push_back(rule);
}

// A copy of the first, on the same port, that asks for nothing.
void add_open_listener(Gateway& gateway, const std::vector<std::string>& hosts, std::uint32_t priority) {
  model::HttpListener open = gateway.http_listeners[0];
  open.name = "open";
  open.host_names = hosts;
  open.ssl_profile.reset();
  gateway.http_listeners.push_back(open);
  add_rule(gateway, "open", priority);
}

// Everything as strict as it can be, on one listener.
Gateway strict() {
  Gateway gateway;
  gateway.name = "gw";
  model::TrustedClientCertificate ca, other;
  ca.name = "ca";
  ca.data.bytes = authorities().root.pem() + authorities().ca.pem();
  other.name = "other";
  other.data.bytes = authorities().other.pem();
  gateway.trusted_client_certificates = {ca, other};
  model::SslProfile profile;
  profile.name = "mtls";
  profile.trusted_client_certificates = {to("ca")};
  profile.client_auth.emplace();
  profile.client_auth->verify_client_cert_issuer_dn = true;
  profile.client_auth->verify_client_revocation = model::ClientRevocation::kOcsp;
  gateway.ssl_profiles = {profile};
  model::HttpListener listener;
  listener.name = "web";
  listener.protocol = model::Protocol::kHttps;
  listener.frontend_ip_configuration = to("fip");
  listener.frontend_port = to("p443");
  listener.host_names = {"b.test", "a.test"};
  listener.ssl_profile = to("mtls");
  gateway.http_listeners = {listener};
  model::FrontendPort port;
  port.name = "p443";
  port.port = 443;
  gateway.frontend_ports = {port};
  port.name = "p444";
  port.port = 444;
  gateway.frontend_ports.push_back(port);
  add_rule(gateway, "web", 100);
  return gateway;
}

HostConfig strict_host() {
  HostConfig host;
  host.revocation.intermediates = host.revocation.nonce = true;
  host.revocation.crl["mtls"].files = {"/crl/a.crl", "/crl/b.crl"};
  host.revocation.crl["mtls"].fetch = true;
  return host;
}

using Change = std::function<void(Gateway&, HostConfig&)>;

std::vector<std::string> found(const Change& before, const Change& after) {
  Gateway old_gateway = strict(), new_gateway = strict();
  HostConfig old_host = strict_host(), new_host = strict_host();
  before(old_gateway, old_host);
  after(new_gateway, new_host);
  const auto then = outline({&old_gateway, 1}, old_host), now = outline({&new_gateway, 1}, new_host);
  std::vector<std::string> lines;
  for (const Weakening& one : weakenings(then, now)) {
    lines.push_back(std::string(one.what) + " " + one.gateway + "/" + one.listener + " " + one.before + " > " +
                    one.after);
  }
  return lines;
}

const Change kNothing = [](Gateway&, HostConfig&) {};

struct Case {
  const char* name;
  Change change;
  std::string line;  // empty: it is no weakening
};

std::vector<Case> cases() {
  using G = Gateway;
  using H = HostConfig;
  const std::string web = " gw/web ";
  const std::string fingerprint = authorities().other.certificate.sha1_fingerprint();
  const auto profile = [](G& g) -> model::SslProfile& { return g.ssl_profiles[0]; };
  return {
      {"passthrough",
       [=](G& g, H&) { profile(g).client_auth->verify_client_auth_mode = model::ClientAuthMode::kPassthrough; },
       "client_auth.mode" + web + "Strict > Passthrough"},
      {"profile_gone", [](G& g, H&) { g.http_listeners[0].ssl_profile.reset(); },
       "client_auth.mode" + web + "Strict > None"},
      {"profile_without_authentication",
       [=](G& g, H&) {
         profile(g).client_auth.reset();
         profile(g).trusted_client_certificates.clear();
       },
       "client_auth.mode" + web + "Strict > None"},
      {"clear_text", [](G& g, H&) { g.http_listeners[0].protocol = model::Protocol::kHttp; },
       "client_auth.mode" + web + "Strict > None"},
      {"another_listener_in_its_place",
       [](G& g, H&) {
         g.http_listeners[0].name = "renamed";
         g.request_routing_rules[0].http_listener = to("renamed");
         g.http_listeners[0].host_names = {"A.test.", "b.test"};
         g.http_listeners[0].ssl_profile.reset();
       },
       "client_auth.mode gw/renamed Strict > None"},
      {"dn_off", [=](G& g, H&) { profile(g).client_auth->verify_client_cert_issuer_dn = false; },
       "client_auth.issuer_dn" + web + "true > false"},
      {"ocsp_none",
       [=](G& g, H&) { profile(g).client_auth->verify_client_revocation = model::ClientRevocation::kNone; },
       "client_auth.revocation" + web + "OCSP > None"},
      {"ca_added", [=](G& g, H&) { profile(g).trusted_client_certificates.push_back(to("other")); },
       "client_auth.trusted_ca" + web + " > CN=Other Root (SHA-1 " + fingerprint + ")"},
      {"ca_swapped", [](G& g, H&) { g.trusted_client_certificates[0].data.bytes = authorities().other.pem(); },
       "client_auth.trusted_ca" + web + " > CN=Other Root (SHA-1 " + fingerprint + ")"},
      {"deeper", [](G&, H& h) { h.client_auth.verify_depth = 11; }, "client_auth.verify_depth / 10 > 11"},
      {"longer_sessions", [](G&, H& h) { h.client_auth.session_lifetime = hours(9); },
       "client_auth.session_lifetime / 28800s > 32400s"},
      {"unreachable", [](G&, H& h) { h.revocation.unreachable = model::RevocationAction::kAllow; },
       "revocation.unreachable / refuse > allow"},
      {"unknown", [](G&, H& h) { h.revocation.unknown = model::RevocationAction::kAllow; },
       "revocation.unknown / refuse > allow"},
      {"no_responder", [](G&, H& h) { h.revocation.no_responder = model::RevocationAction::kAllow; },
       "revocation.no_responder / refuse > allow"},
      {"expired_response", [](G&, H& h) { h.revocation.expired_response = model::RevocationAction::kAllow; },
       "revocation.expired_response / refuse > allow"},
      {"leaves_only", [](G&, H& h) { h.revocation.intermediates = false; }, "revocation.intermediates / true > false"},
      {"nonce_off", [](G&, H& h) { h.revocation.nonce = false; }, "revocation.nonce / true > false"},
      {"one_list_gone", [](G&, H& h) { h.revocation.crl["mtls"].files = {"/crl/b.crl"}; },
       "revocation.crl" + web + "/crl/a.crl > "},
      {"lists_fetched_no_more", [](G&, H& h) { h.revocation.crl["mtls"].fetch = false; },
       "revocation.crl" + web + "fetch > "},
      {"a_gateway_renamed_and_its_profile_gone",
       [](G& g, H& h) {
         g.name = "other";
         g.http_listeners[0].frontend_ip_configuration = to("renamed too");
         g.http_listeners[0].ssl_profile.reset();
         h.revocation.crl.clear();
       },
       "client_auth.mode other/web Strict > None"},
      {"a_new_listener_takes_one_host", [](G& g, H&) { add_open_listener(g, {"b.test"}, 50); },
       "client_auth.mode gw/open Strict > None"},
      {"a_new_listener_takes_every_host", [](G& g, H&) { add_open_listener(g, {}, 50); },
       "client_auth.mode gw/open Strict > None"},
      {"a_gateway_renamed", [](G& g, H&) { g.name = "other"; }, ""},
      {"the_directory_of_the_lists", [](G&, H& h) { h.revocation.crl["mtls"].files = {"/crl/"}; }, ""},
      {"a_new_listener_with_a_new_host", [](G& g, H&) { add_open_listener(g, {"c.test"}, 50); }, ""},
      {"a_new_listener_that_comes_after", [](G& g, H&) { add_open_listener(g, {"b.test"}, 200); }, ""},
      {"same_files_in_another_order",
       [](G& g, H&) {
         g.trusted_client_certificates[0].data.bytes = authorities().ca.pem() + authorities().root.pem();
       },
       ""},
      {"ca_renamed",
       [=](G& g, H&) {
         g.trusted_client_certificates[0].name = "new";
         profile(g).trusted_client_certificates = {to("new")};
       },
       ""},
      {"a_new_listener_elsewhere",
       [](G& g, H&) {
         model::HttpListener more = g.http_listeners[0];
         more.name = "more";
         more.frontend_port = to("p444");
         more.ssl_profile.reset();
         g.http_listeners.push_back(more);
       },
       ""},
      {"names_in_another_case", [](G& g, H&) { g.http_listeners[0].name = "WEB"; }, ""},
      {"no_change", kNothing, ""},
  };
}

TEST(Weakening, EveryWayIsNamedAndTheWayBackIsNone) {
  for (const Case& one : cases()) {
    const std::vector<std::string> expected = one.line.empty() ? std::vector<std::string>{} : std::vector{one.line};
    EXPECT_EQ(found(kNothing, one.change), expected) << one.name;
    // Either way a CA is new; what lies in a directory nobody knows.
    if (std::string_view(one.name) == "ca_swapped" || std::string_view(one.name) == "the_directory_of_the_lists") {
      continue;
    }
    EXPECT_EQ(found(one.change, kNothing), std::vector<std::string>{}) << one.name;
  }
}

TEST(Weakening, SeveralAtOnceAreAllNamed) {
  const Change all = [](Gateway& g, HostConfig& h) {
    g.ssl_profiles[0].client_auth->verify_client_cert_issuer_dn = false;
    g.ssl_profiles[0].trusted_client_certificates.push_back(to("other"));
    h.client_auth.verify_depth = 20;
  };
  EXPECT_EQ(found(kNothing, all).size(), 3U);
}

// A host is served by whoever matches it first, whatever has become of the listeners that served it.
TEST(Weakening, WhoServesAHostIsWhatCounts) {
  const std::string open = "client_auth.mode gw/open Strict > None";
  const auto any_host = [](Gateway& g, HostConfig&) { g.http_listeners[0].host_names.clear(); };
  const auto beside = [&](std::uint32_t priority) {
    return [=](Gateway& g, HostConfig& h) {
      any_host(g, h);
      add_open_listener(g, {"new.test"}, priority);
    };
  };
  EXPECT_EQ(found(any_host, beside(50)), std::vector{open}) << "it was the strict one's among all others";
  EXPECT_EQ(found(any_host, beside(200)), std::vector<std::string>{}) << "and still is";
  EXPECT_EQ(found(beside(200), beside(50)), std::vector{open}) << "by priority alone";

  const Change with_fallback = [](Gateway& g, HostConfig&) { add_open_listener(g, {}, 200); };
  const Change fallback_only = [&](Gateway& g, HostConfig& h) {
    with_fallback(g, h);
    g.http_listeners.erase(g.http_listeners.begin());
    g.request_routing_rules.erase(g.request_routing_rules.begin());
  };
  EXPECT_EQ(found(with_fallback, fallback_only), std::vector{open}) << "its hosts fall to the one that takes any";

  const Change apart = [](Gateway& g, HostConfig&) { add_open_listener(g, {"c.test"}, 200); };
  const Change swapped = [&](Gateway& g, HostConfig& h) {
    apart(g, h);
    std::swap(g.http_listeners[0].host_names, g.http_listeners[1].host_names);
  };
  EXPECT_EQ(found(apart, swapped), std::vector{open});
}

TEST(Weakening, AListenerThatTurnsToAnotherProfileLosesTheListsOfItsOwn) {
  const Change another = [](Gateway& g, HostConfig&) {
    g.ssl_profiles.push_back(g.ssl_profiles[0]);
    g.ssl_profiles[1].name = "other";
    g.http_listeners[0].ssl_profile = to("other");
  };
  const std::vector<std::string> all{"revocation.crl gw/web /crl/a.crl > ", "revocation.crl gw/web /crl/b.crl > ",
                                     "revocation.crl gw/web fetch > "};
  EXPECT_EQ(found(kNothing, another), all);
  EXPECT_EQ(found(kNothing, [](Gateway&, HostConfig& h) { h.revocation.crl.clear(); }), all);
}

TEST(Weakening, WhatPassthroughIgnoresIsNoWeakening) {
  const Change passing = [](Gateway& g, HostConfig&) {
    g.ssl_profiles[0].client_auth->verify_client_auth_mode = model::ClientAuthMode::kPassthrough;
  };
  const Change passing_more = [&](Gateway& g, HostConfig& h) {
    passing(g, h);
    g.ssl_profiles[0].client_auth->verify_client_cert_issuer_dn = false;
    g.ssl_profiles[0].trusted_client_certificates.push_back(to("other"));
  };
  EXPECT_EQ(found(passing, passing_more), std::vector<std::string>{});
  const Change nothing_asked = [](Gateway& g, HostConfig&) { g.http_listeners[0].ssl_profile.reset(); };
  EXPECT_EQ(found(passing, nothing_asked), std::vector<std::string>{"client_auth.mode gw/web Passthrough > None"});
}

}  // namespace
}  // namespace portcullis::validate
