#include "snapshot/compile.h"

#include "event/test_loop.h"
#include "x509/test_pki.h"

namespace portcullis::snapshot {
namespace {

using model::ClientAuthMode;

// Ready parts of a gateway: a PKI made once, for all tests.
struct World {
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued other_root = pki.root("Other Root");
  x509::Issued server = pki.server(root);
  x509::Issued client = pki.leaf("client", root);
};
World& world() {
  static World made;
  return made;
}

struct CompileTest : event::ManualLoopTest {
  CompileTest() {
    gateway.name = "gw";
    gateway.frontend_ip_configurations = {{{"fe", ""}}};
    gateway.frontend_ports = {{{"p80", ""}, 80}, {{"p443", ""}, 443}};
    model::SslCertificate web{{"web", "/properties/sslCertificates/0"}};
    web.data = model::Blob{world().server.pfx("secret"), ""};
    web.password = "secret";
    gateway.ssl_certificates = {web};
    add_ca("ca", world().root);
    add_ca("other", world().other_root);
    gateway.backend_address_pools = {{{"pool", ""}, {{"", "127.0.0.1", ""}}}};
    model::BackendHttpSettings settings{{"settings", ""}};
    settings.port = 8000;
    settings.request_timeout = std::chrono::seconds(7);
    gateway.backend_http_settings = {settings};
  }
  void add_ca(const char* name, const x509::Issued& root) {
    model::TrustedClientCertificate ca{{name, ""}};
    ca.data.bytes = root.pem();
    ca.data_pointer = "/properties/trustedClientCertificates/" +
                      std::to_string(gateway.trusted_client_certificates.size()) + "/properties/data";
    gateway.trusted_client_certificates.push_back(ca);
  }
  model::SslProfile& add_profile(const char* name, const char* ca, ClientAuthMode mode = ClientAuthMode::kStrict) {
    model::SslProfile profile{{name, std::string("/properties/sslProfiles/") + name}};
    if (ca != nullptr) profile.trusted_client_certificates = {{ca, ""}};
    profile.client_auth.emplace().verify_client_auth_mode = mode;
    gateway.ssl_profiles.push_back(profile);
    return gateway.ssl_profiles.back();
  }
  model::HttpListener& add_listener(const char* name, const char* port, const char* host,
                                    const char* profile = nullptr) {
    model::HttpListener listener{{name, std::string("/properties/httpListeners/") + name}};
    listener.frontend_ip_configuration = model::Ref{"fe", ""};
    listener.frontend_port = model::Ref{port, ""};
    listener.host_name = host;
    if (std::string_view(port) == "p443") {
      listener.protocol = model::Protocol::kHttps;
      listener.ssl_certificate = model::Ref{"WEB", ""};
    }
    if (profile != nullptr) listener.ssl_profile = model::Ref{profile, ""};
    gateway.http_listeners.push_back(listener);
    model::RequestRoutingRule rule{{std::string("rule-") + name, ""}};
    rule.priority = static_cast<std::uint32_t>(gateway.http_listeners.size()) * 10;
    rule.http_listener = model::Ref{name, ""};
    rule.backend_address_pool = model::Ref{"pool", ""};
    rule.backend_http_settings = model::Ref{"settings", ""};
    gateway.request_routing_rules.push_back(rule);
    return gateway.http_listeners.back();
  }
  std::shared_ptr<const Snapshot> compiled() {
    findings.clear();
    const model::Gateway* gateways[] = {&gateway, &second};
    return compile(std::span(gateways).first(second.name.empty() ? 1 : 2), host, &carryover, findings);
  }
  static const Endpoint at(const char* text) { return *Endpoint::parse(text); }
  const Listener& find(const std::shared_ptr<const Snapshot>& snapshot, const char* name) {
    for (const auto& address : snapshot->addresses) {
      if (const Listener* listener = address->find("gw", name)) return *listener;
    }
    CHECK(false);
  }

  model::Gateway gateway, second;
  model::HostConfig host;
  model::Findings findings;
  upstream::MembershipKeeper keeper{*loop, [](std::string, net::Resolver::Callback) {}};
  Carryover carryover{keeper};
};

TEST_F(CompileTest, ListenersOfOneAddressComeTogether) {
  host.bind["FE"] = {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};
  host.ports[443] = 8443;
  add_profile("strict", "ca");
  add_listener("plain", "p80", "");
  add_listener("a", "p443", "a.test", "strict");
  add_listener("b", "p443", "b.test");
  const auto snapshot = compiled();
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->addresses.size(), 4U);
  for (const char* endpoint : {"127.0.0.1:8443", "[::1]:8443"}) {
    const Address* address = snapshot->find(at(endpoint));
    ASSERT_NE(address, nullptr) << endpoint;
    EXPECT_TRUE(address->https);
    EXPECT_EQ(address->document_port, 443);
    ASSERT_EQ(address->listeners.size(), 2U);
    ASSERT_NE(address->door, nullptr);
    EXPECT_EQ(address->door->choose("b.test").context, address->listeners[1].tls.get());
    EXPECT_EQ(address->door->choose("a.test").listener, 0U);
    EXPECT_EQ(address->hosts.select("b.test"), 1U);
    EXPECT_EQ(address->hosts.select("c.test"), std::nullopt);
  }
  const Address* plain = snapshot->find(at("127.0.0.1:80"));
  ASSERT_NE(plain, nullptr);
  EXPECT_FALSE(plain->https);
  EXPECT_EQ(plain->door, nullptr);
  ASSERT_TRUE(plain->listeners[0].rule);
  const Backend& backend = plain->listeners[0].rule->backend;
  EXPECT_EQ(backend.port, 8000);
  EXPECT_EQ(backend.request_timeout, std::chrono::seconds(7));
  ASSERT_NE(backend.members, nullptr);
  EXPECT_EQ(snapshot->find(at("127.0.0.1:443")), nullptr);
}

TEST_F(CompileTest, ListenerWithoutARuleIsNotServed) {
  add_listener("ruled", "p80", "a.test");
  add_listener("idle", "p80", "b.test");
  gateway.request_routing_rules.pop_back();
  const auto snapshot = compiled();
  ASSERT_NE(snapshot, nullptr);
  const Address* address = snapshot->find(at("0.0.0.0:80"));
  ASSERT_NE(address, nullptr);
  ASSERT_EQ(address->listeners.size(), 1U);
  EXPECT_EQ(address->listeners[0].name, "ruled");
  EXPECT_EQ(address->hosts.select("b.test"), std::nullopt);
}

TEST_F(CompileTest, OnlyAProfileThatAsksHasAVerifier) {
  add_profile("strict", "ca");
  add_profile("passing", nullptr, ClientAuthMode::kPassthrough);
  add_profile("shadow", "ca", ClientAuthMode::kPassthrough);
  gateway.ssl_profiles.push_back({{"tls-only", ""}});
  for (const char* profile : {"strict", "passing", "shadow", "tls-only"}) {
    add_listener(profile, "p443", (std::string(profile) + ".test").c_str(), profile);
  }
  const auto snapshot = compiled();
  ASSERT_NE(snapshot, nullptr);
  ASSERT_NE(find(snapshot, "strict").verifier, nullptr);
  EXPECT_EQ(find(snapshot, "strict").verifier->policy().mode, clientauth::Mode::kStrict);
  EXPECT_EQ(find(snapshot, "passing").verifier->policy().anchors, nullptr);
  EXPECT_NE(find(snapshot, "shadow").verifier->policy().anchors, nullptr);
  EXPECT_EQ(find(snapshot, "shadow").verifier->policy().mode, clientauth::Mode::kPassthrough);
  EXPECT_EQ(find(snapshot, "tls-only").verifier, nullptr);
  EXPECT_EQ(find(snapshot, "tls-only").trust, clientauth::trust_digest({}));
}

TEST_F(CompileTest, CaNamesOver16KbAreNotSentAndSaidSo) {
  const auto said = [&] {
    std::vector<std::string> codes;
    for (const model::Finding& one : findings) codes.push_back(one.code + " " + one.pointer);
    return codes;
  };
  model::SslProfile& profile = add_profile("strict", "ca");
  add_listener("a", "p443", "a.test", "strict");
  std::size_t bytes = world().root.certificate.subject_der().size() + 2, one = 0;
  for (int i = 0; bytes + one <= 16'384 || i == 0; ++i) {
    // A name as long as it may be (64 characters), so that 200 files do.
    const x509::Issued root = world().pki.root(std::string(60, 'x') + std::to_string(1000 + i));
    one = root.certificate.subject_der().size() + 2;
    bytes += one;
    const std::string name = "ca" + std::to_string(i);
    add_ca(name.c_str(), root);
    profile.trusted_client_certificates.push_back({name, ""});
  }
  ASSERT_LE(bytes, 16'384U);
  ASSERT_NE(compiled(), nullptr);
  EXPECT_EQ(said(), std::vector<std::string>{});
  add_ca("one-more", world().pki.root(std::string(60, 'x') + "last"));
  profile.trusted_client_certificates.push_back({"one-more", ""});
  bytes += one;
  const std::vector<std::string> warning{"CaNamesNotSent /properties/sslProfiles/strict"};
  ASSERT_NE(compiled(), nullptr);
  EXPECT_EQ(said(), warning);
  EXPECT_NE(findings[0].message.find("take " + std::to_string(bytes) + " bytes"), std::string::npos);
  // Who wants none is not warned that there are none.
  host.client_auth.ca_names = model::CaNames::kNone;
  ASSERT_NE(compiled(), nullptr);
  EXPECT_EQ(said(), std::vector<std::string>{});
}

TEST_F(CompileTest, WithTheIssuerDnRuleOnlyAcceptableIssuersCountAsCaNames) {
  add_profile("strict", "ca");
  model::SslProfile& profile = gateway.ssl_profiles.back();
  add_listener("a", "p443", "a.test", "strict");
  // Under each root 35 intermediates side by side, of which the rule accepts the first.
  for (int file = 0; file < 7; ++file) {
    const std::string name = "ca" + std::to_string(file);
    const x509::Issued root = world().pki.root("Root " + name);
    add_ca(name.c_str(), root);
    profile.trusted_client_certificates.push_back({name, ""});
    std::string& data = gateway.trusted_client_certificates.back().data.bytes;
    for (int i = 0; i < 35; ++i) {
      data += world().pki.intermediate(std::string(60, 'x') + std::to_string(100 * file + i), root).pem();
    }
  }
  ASSERT_NE(compiled(), nullptr);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "CaNamesNotSent");
  profile.client_auth->verify_client_cert_issuer_dn = true;
  ASSERT_NE(compiled(), nullptr);
  EXPECT_TRUE(findings.empty());
}

TEST_F(CompileTest, EverythingThatIsWrongIsReportedWithItsPlace) {
  gateway.ssl_certificates[0].password = "wrong";
  gateway.trusted_client_certificates[0].data.bytes = "no certificate";
  gateway.trusted_client_certificates[1].data.bytes = world().server.pem();
  add_profile("strict", "ca");
  add_profile("leafs", "other");
  add_listener("a", "p443", "a.test", "strict");
  add_listener("b", "p443", "b.test", "leafs");
  EXPECT_EQ(compiled(), nullptr);
  const auto reported = [&](std::string_view code, std::string_view pointer) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const model::Finding& one) { return one.code == code && one.pointer == pointer; });
  };
  EXPECT_TRUE(reported(x509::kPasswordIncorrect, "/properties/sslCertificates/0"));
  EXPECT_TRUE(reported(x509::kInvalidData, "/properties/trustedClientCertificates/0/properties/data"));
  EXPECT_TRUE(reported(x509::kNoCaCertificate, "/properties/trustedClientCertificates/1/properties/data"));
  for (const model::Finding& one : findings) EXPECT_EQ(one.message.find("wrong"), std::string::npos);
}

TEST_F(CompileTest, AnEmptyTrustNeverMeansAnyone) {
  model::SslProfile& profile = add_profile("strict", nullptr);
  add_listener("a", "p443", "a.test", profile.name.c_str());
  EXPECT_EQ(compiled(), nullptr);
  ASSERT_TRUE(findings.has_errors());
  EXPECT_EQ(findings[0].pointer, "/properties/sslProfiles/strict");
}

TEST_F(CompileTest, ASecretThatCannotBeReadIsReported) {
  gateway.ssl_certificates[0].data.reset();
  host.secrets["web"] = "/nonexistent/web.pfx";
  add_listener("a", "p443", "a.test");
  EXPECT_EQ(compiled(), nullptr);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "SecretFileUnreadable");
}

TEST_F(CompileTest, OneAddressHasOneProtocolPortAndGateway) {
  add_listener("plain", "p80", "");
  add_listener("a", "p443", "a.test");
  host.ports = {{80, 8000}, {443, 8000}};
  EXPECT_EQ(compiled(), nullptr);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "ListenersShareAddress");
  EXPECT_EQ(findings[0].pointer, "/properties/httpListeners/a");
  host.ports.clear();
  second = gateway;
  second.name = "second";
  EXPECT_EQ(compiled(), nullptr);
  EXPECT_EQ(findings.size(), 2U);
  second.frontend_ip_configurations[0].name = "fe2";
  for (auto& listener : second.http_listeners) listener.frontend_ip_configuration->name = "fe2";
  host.bind["fe"] = {*IpAddress::parse("127.0.0.1")};
  host.bind["fe2"] = {*IpAddress::parse("127.0.0.2")};
  EXPECT_NE(compiled(), nullptr);
}

TEST_F(CompileTest, FindingsOfBeforeLeaveNothingToServe) {
  add_listener("plain", "p80", "");
  findings.error("X", "", "wrong already");
  const model::Gateway* gateways[] = {&gateway};
  EXPECT_EQ(compile(gateways, host, &carryover, findings), nullptr);
}

TEST_F(CompileTest, DigestsAreStableAndFollowTrustListenerProfileAndPolicy) {
  add_profile("strict", "ca");
  add_profile("strict2", "ca");
  add_profile("strict3", "other");
  add_listener("a", "p443", "a.test", "strict");
  add_listener("b", "p443", "b.test", "strict");
  const auto digests = [&] {
    const auto snapshot = compiled();
    CHECK(snapshot != nullptr);
    const Listener& listener = find(snapshot, "a");
    return std::pair(listener.trust, listener.tls->session_digest());
  };
  const auto before = digests();
  EXPECT_EQ(digests(), before);
  const auto snapshot = compiled();
  EXPECT_EQ(find(snapshot, "b").trust, before.first);
  EXPECT_NE(find(snapshot, "b").tls->session_digest(), before.second);

  gateway.http_listeners[0].ssl_profile->name = "strict2";
  EXPECT_EQ(digests().first, before.first);
  EXPECT_NE(digests().second, before.second);
  gateway.http_listeners[0].ssl_profile->name = "strict3";
  EXPECT_NE(digests().first, before.first);
  gateway.http_listeners[0].ssl_profile->name = "strict";
  EXPECT_EQ(digests(), before);
  gateway.ssl_profiles[0].client_auth->verify_client_cert_issuer_dn = true;
  EXPECT_NE(digests().first, before.first);
  gateway.ssl_profiles[0].client_auth->verify_client_cert_issuer_dn = false;
  gateway.ssl_policy.emplace().policy_name = "AppGwSslPolicy20220101S";
  EXPECT_EQ(digests().first, before.first);
  EXPECT_NE(digests().second, before.second);
  gateway.ssl_policy.reset();
  host.client_auth.verify_depth = 3;
  EXPECT_NE(digests().first, before.first);
}

TEST_F(CompileTest, SessionsSurviveAReloadOfTheirAddressAndNotItsEnd) {
  add_listener("a", "p443", "a.test");
  const Endpoint local = at("0.0.0.0:443");
  const auto first = compiled();
  const tls::SessionStore* const store = first->find(local)->door->store();
  ASSERT_NE(store, nullptr);
  carryover.keep_only(*first);
  const auto again = compiled();
  EXPECT_EQ(again->find(local)->door->store(), store);
  EXPECT_GT(again->generation, first->generation);
  EXPECT_EQ(again->find(local)->listeners[0].rule->backend.members,
            first->find(local)->listeners[0].rule->backend.members);
  const auto kept = carryover.session_store(local);
  host.ports[443] = 8443;
  const auto moved = compiled();
  carryover.keep_only(*moved);
  EXPECT_NE(carryover.session_store(local), kept);
}

TEST_F(CompileTest, KnownChainsSurviveAReloadOfTheirTrustAndNotItsEnd) {
  add_profile("strict", "ca");
  add_listener("a", "p443", "a.test", "strict");
  const auto first = compiled();
  clientauth::PeerRecord client;
  client.presented = world().client.presented();
  const auto judge = [&](const std::shared_ptr<const Snapshot>& snapshot) {
    return find(snapshot, "a").verifier->rejudge(client, loop->wall_now());
  };
  const auto record = judge(first);
  ASSERT_TRUE(record->path.ok);
  carryover.keep_only(*first);
  EXPECT_EQ(judge(compiled()), record) << "a reload that changes no trust";
  gateway.ssl_profiles[0].client_auth->verify_client_cert_issuer_dn = true;
  const auto changed = compiled();
  EXPECT_NE(judge(changed), record);
  EXPECT_EQ(carryover.known_chains()->size(), 2U);
  carryover.keep_only(*changed);
  EXPECT_EQ(carryover.known_chains()->size(), 1U);
}

TEST_F(CompileTest, BackendsSpeakWhatTheHostFileSaysOfTheirSettings) {
  add_listener("plain", "p80", "");
  EXPECT_FALSE(find(compiled(), "plain").rule->backend.http2);
  host.backend_protocol["SETTINGS"] = model::BackendProtocol::kH2;
  EXPECT_TRUE(find(compiled(), "plain").rule->backend.http2);
}

TEST_F(CompileTest, WithSessionsOffOrWithoutCarryoverThereIsNoStore) {
  add_listener("a", "p443", "a.test");
  const Endpoint local = at("0.0.0.0:443");
  const model::Gateway* gateways[] = {&gateway};
  const auto checked = compile(gateways, host, nullptr, findings);
  ASSERT_NE(checked, nullptr);
  EXPECT_EQ(checked->find(local)->door->store(), nullptr);
  host.client_auth.sessions = model::SessionMode::kOff;
  EXPECT_EQ(compiled()->find(local)->door->store(), nullptr);
}

}  // namespace
}  // namespace portcullis::snapshot
