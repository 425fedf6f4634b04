#include "validate/validate.h"

#include <functional>

#include <gtest/gtest.h>

#include "x509/test_pki.h"

namespace portcullis::validate {
namespace {

using model::Gateway;
using model::HostConfig;

const std::string& ca_pem() {
  static const std::string pem = [] {
    x509::TestPki pki;
    return pki.root("Client Root").pem();
  }();
  return pem;
}

template <class T>
T named(const char* name, const char* collection) {
  T element;
  element.name = name;
  element.pointer = std::string("/properties/") + collection + "/0";
  return element;
}

model::Ref to(const char* name) { return {name, "/properties/ref"}; }

// A gateway that passes: one strict Https listener, one rule, one pool.
Gateway sound() {
  Gateway gateway;
  gateway.name = "gw";
  gateway.sku.name = "Standard_v2";
  gateway.frontend_ip_configurations.push_back(
      named<model::FrontendIpConfiguration>("fip", "frontendIPConfigurations"));
  auto port = named<model::FrontendPort>("p443", "frontendPorts");
  port.port = 443;
  gateway.frontend_ports.push_back(port);
  auto server = named<model::SslCertificate>("srv", "sslCertificates");
  server.data = model::Blob{"pfx", ""};
  gateway.ssl_certificates.push_back(server);
  auto ca = named<model::TrustedClientCertificate>("ca", "trustedClientCertificates");
  ca.data.bytes = ca_pem();
  gateway.trusted_client_certificates.push_back(ca);
  auto profile = named<model::SslProfile>("mtls", "sslProfiles");
  profile.trusted_client_certificates.push_back(to("ca"));
  profile.client_auth.emplace();
  gateway.ssl_profiles.push_back(profile);
  auto listener = named<model::HttpListener>("web", "httpListeners");
  listener.protocol = model::Protocol::kHttps;
  listener.frontend_ip_configuration = to("fip");
  listener.frontend_port = to("p443");
  listener.ssl_certificate = to("srv");
  listener.ssl_profile = to("mtls");
  gateway.http_listeners.push_back(listener);
  auto pool = named<model::BackendAddressPool>("pool", "backendAddressPools");
  pool.backend_addresses.push_back({"", "10.0.0.1", pool.pointer});
  pool.backend_addresses.push_back({"b.example", "", pool.pointer});
  gateway.backend_address_pools.push_back(pool);
  auto settings = named<model::BackendHttpSettings>("http", "backendHttpSettingsCollection");
  settings.port = 80;
  gateway.backend_http_settings.push_back(settings);
  auto rule = named<model::RequestRoutingRule>("rule", "requestRoutingRules");
  rule.priority = 10;
  rule.http_listener = to("web");
  rule.backend_address_pool = to("pool");
  rule.backend_http_settings = to("http");
  gateway.request_routing_rules.push_back(rule);
  return gateway;
}

// A second listener with a rule of its own, on the first one's frontend.
model::HttpListener& add_listener(Gateway& gateway, const char* name) {
  model::HttpListener listener = gateway.http_listeners[0];
  listener.name = name;
  gateway.http_listeners.push_back(listener);
  model::RequestRoutingRule rule = gateway.request_routing_rules[0];
  rule.name = std::string("rule-") + name;
  rule.priority = 10 + static_cast<std::uint32_t>(gateway.request_routing_rules.size());
  rule.http_listener = to(name);
  gateway.request_routing_rules.push_back(rule);
  return gateway.http_listeners.back();
}

std::string all(const model::Findings& findings) {
  std::string text;
  for (const auto& finding : findings) text += to_line(finding) + "\n";
  return text;
}

TEST(Validate, PassesASoundGateway) {
  const auto findings = validate(sound(), {});
  EXPECT_TRUE(findings.empty()) << all(findings);
}

// A rewrite set of the first rule that fills request headers with these values.
void tell_backends(Gateway& gateway, const std::vector<const char*>& values) {
  auto set = named<model::RewriteRuleSet>("set", "rewriteRuleSets");
  model::RewriteRule rule;
  rule.name = "r";
  for (const char* value : values) {
    rule.request_header_configurations.push_back({});
    rule.request_header_configurations.back().header_name =
        "X-" + std::to_string(rule.request_header_configurations.size());
    rule.request_header_configurations.back().header_value = value;
  }
  set.rewrite_rules.push_back(rule);
  gateway.rewrite_rule_sets.push_back(set);
  gateway.request_routing_rules[0].rewrite_rule_set = to("set");
}

void turn_passthrough(Gateway& gateway) {
  gateway.ssl_profiles[0].trusted_client_certificates.clear();
  gateway.ssl_profiles[0].client_auth->verify_client_auth_mode = model::ClientAuthMode::kPassthrough;
}

TEST(Validate, ForwardingACertificateIsFineWithItsVerdictOrWhereItWasJudged) {
  for (const bool passthrough : {false, true}) {
    Gateway gateway = sound();
    if (passthrough) turn_passthrough(gateway);
    if (passthrough) tell_backends(gateway, {"{var_client_certificate}", "v={var_client_certificate_verification}"});
    if (!passthrough) tell_backends(gateway, {"{var_client_certificate}"});
    const auto findings = validate(gateway, {});
    EXPECT_TRUE(findings.empty()) << all(findings);
  }
  Gateway nothing = sound();
  turn_passthrough(nothing);
  tell_backends(nothing, {"{var_client_ip}"});
  EXPECT_TRUE(validate(nothing, {}).empty());
}

struct Broken {
  const char* name;
  std::function<void(Gateway&, HostConfig&)> breaks;
  const char* expected;  // "error CODE" or "warning CODE", the only finding
};

class BrokenGateways : public testing::TestWithParam<Broken> {};

TEST_P(BrokenGateways, HaveExactlyTheFinding) {
  Gateway gateway = sound();
  HostConfig host;
  GetParam().breaks(gateway, host);
  const auto findings = validate(gateway, host);
  ASSERT_EQ(findings.size(), 1U) << all(findings);
  EXPECT_EQ(to_line(findings[0]).find(std::string(GetParam().expected) + " /properties"), 0U) << all(findings);
}

using G = Gateway;
using H = HostConfig;

INSTANTIATE_TEST_SUITE_P(
    Tls, BrokenGateways,
    testing::Values(
        Broken{"https_without_certificate", [](G& g, H&) { g.http_listeners[0].ssl_certificate.reset(); },
               "error ApplicationGatewayHttpsListenerMustReferenceSslCert"},
        Broken{"profile_on_http_listener",
               [](G& g, H&) {
                 g.http_listeners[0].protocol = model::Protocol::kHttp;
                 g.http_listeners[0].ssl_certificate.reset();
               },
               "error SslProfileOnHttpListener"},
        Broken{"certificate_on_http_listener",
               [](G& g, H&) {
                 g.http_listeners[0].protocol = model::Protocol::kHttp;
                 g.http_listeners[0].ssl_profile.reset();
               },
               "warning SslCertificateOnHttpListener"},
        Broken{"strict_without_ca", [](G& g, H&) { g.ssl_profiles[0].trusted_client_certificates.clear(); },
               "error SslProfileNeedsTrustedClientCertificate"},
        Broken{"unattached_strict_without_ca",
               [](G& g, H&) {
                 auto spare = named<model::SslProfile>("spare", "sslProfiles");
                 spare.client_auth.emplace().verify_client_cert_issuer_dn = true;
                 g.ssl_profiles.push_back(spare);
               },
               "warning SslProfileNeedsTrustedClientCertificate"},
        Broken{"passthrough_with_ca",
               [](G& g, H&) {
                 g.ssl_profiles[0].client_auth->verify_client_auth_mode = model::ClientAuthMode::kPassthrough;
               },
               "warning PassthroughDoesNotVerify"},
        Broken{"passthrough_forwards_unverified",
               [](G& g, H&) {
                 turn_passthrough(g);
                 tell_backends(g, {"{var_client_ip}", "cn={var_client_certificate_subject}"});
               },
               "warning PassthroughForwardsUnverifiedIdentity"},
        Broken{"passthrough_with_ocsp",
               [](G& g, H&) {
                 g.ssl_profiles[0].trusted_client_certificates.clear();
                 g.ssl_profiles[0].client_auth->verify_client_auth_mode = model::ClientAuthMode::kPassthrough;
                 g.ssl_profiles[0].client_auth->verify_client_revocation = model::ClientRevocation::kOcsp;
               },
               "warning PassthroughDoesNotVerify"},
        Broken{"basic_sku", [](G& g, H&) { g.sku.name = "Basic"; }, "error ClientAuthNotAvailableForSku"},
        Broken{"v1_sku_without_configuration",
               [](G& g, H&) {
                 g.sku.name = "Standard_Medium";
                 g.ssl_profiles[0].client_auth.reset();
               },
               "error SkuRetired"},
        Broken{"retired_policy",
               [](G& g, H&) {
                 g.ssl_policy.emplace().policy_name = "AppGwSslPolicy20170401";
                 g.ssl_policy->pointer = "/properties/sslPolicy";
               },
               "error SslPolicyRetired"},
        Broken{"custom_policy_in_profile",
               [](G& g, H&) {
                 auto& policy = g.ssl_profiles[0].ssl_policy.emplace();
                 policy.policy_type = model::SslPolicyType::kCustomV2;
                 policy.cipher_suites = {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"};
                 policy.pointer = "/properties/x";
               },
               "error NotServedYet"},
        Broken{"policy_without_name", [](G& g, H&) { g.ssl_policy.emplace().pointer = "/properties/sslPolicy"; },
               "error SslPolicyNameMissing"},
        Broken{"predefined_with_minimum",
               [](G& g, H&) {
                 g.ssl_policy = model::SslPolicy{.policy_name = "AppGwSslPolicy20220101",
                                                 .min_protocol_version = model::TlsVersion::kTls10,
                                                 .pointer = "/properties/sslPolicy"};
               },
               "error SslPolicyPredefinedHasCustomParts"},
        Broken{"no_key", [](G& g, H&) { g.ssl_certificates[0].data.reset(); }, "error SslCertificateHasNoKey"},
        Broken{"unused_certificate_without_key",
               [](G& g, H&) { g.ssl_certificates.push_back(named<model::SslCertificate>("spare", "sslCertificates")); },
               "warning SslCertificateHasNoKey"},
        Broken{"empty_ca", [](G& g, H&) { g.trusted_client_certificates[0].data.bytes.clear(); },
               "error ApplicationGatewayTrustedClientCertificateMustSpecifyData"},
        Broken{"ca_is_no_pem", [](G& g, H&) { g.trusted_client_certificates[0].data.bytes = "hello"; },
               "error ApplicationGatewayTrustedClientCertificateInvalidData"},
        Broken{"ca_with_key",
               [](G& g, H&) {
                 g.trusted_client_certificates[0].data.bytes +=
                     "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
               },
               "error ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Listeners, BrokenGateways,
    testing::Values(
        Broken{"no_frontend_ip", [](G& g, H&) { g.http_listeners[0].frontend_ip_configuration.reset(); },
               "error ApplicationGatewayHttpListenerMustReference"},
        Broken{"no_frontend_port", [](G& g, H&) { g.http_listeners[0].frontend_port.reset(); },
               "error ApplicationGatewayHttpListenerMustReference"},
        Broken{"port_without_number", [](G& g, H&) { g.frontend_ports[0].port = 0; }, "error FrontendPortMissing"},
        Broken{"reserved_port", [](G& g, H&) { g.frontend_ports[0].port = 65'200; },
               "warning FrontendPortReservedOnAzure"},
        Broken{"two_basic_listeners", [](G& g, H&) { add_listener(g, "second"); },
               "error ApplicationGatewayHttpListenersUsingSameFrontendPort"},
        Broken{"protocols_mixed_on_a_port",
               [](G& g, H&) {
                 auto& second = add_listener(g, "second");
                 second.protocol = model::Protocol::kHttp;
                 second.ssl_profile.reset();
                 second.ssl_certificate.reset();
                 second.host_name = "a.example";
               },
               "error ApplicationGatewayHttpListenersUsingSameFrontendPort"},
        Broken{"same_host_in_another_spelling",
               [](G& g, H&) {
                 g.http_listeners[0].host_name = "a.example";
                 add_listener(g, "second").host_name = "A.Example.";
               },
               "error DuplicateHostNameOnFrontendPort"},
        Broken{"host_name_and_host_names",
               [](G& g, H&) {
                 g.http_listeners[0].host_name = "a.example";
                 g.http_listeners[0].host_names = {"b.example"};
               },
               "error HostNameAndHostNames"},
        Broken{"wildcard", [](G& g, H&) { g.http_listeners[0].host_names = {"*.example"}; }, "error NotServedYet"},
        Broken{"host_with_port", [](G& g, H&) { g.http_listeners[0].host_name = "a.example:443"; },
               "error InvalidHostName"},
        Broken{"layer4_protocol",
               [](G& g, H&) {
                 g.http_listeners[0].protocol = model::Protocol::kTcp;
                 g.http_listeners[0].ssl_profile.reset();
                 g.http_listeners[0].ssl_certificate.reset();
               },
               "error InvalidListenerProtocol"},
        Broken{"two_frontends_on_one_address",
               [](G& g, H&) {
                 auto ip = named<model::FrontendIpConfiguration>("private", "frontendIPConfigurations");
                 g.frontend_ip_configurations.push_back(ip);
                 add_listener(g, "second").frontend_ip_configuration = to("private");
               },
               "error LocalAddressTakenTwice"},
        Broken{"two_ports_mapped_to_one",
               [](G& g, H& h) {
                 auto port = named<model::FrontendPort>("p8443", "frontendPorts");
                 port.port = 8'443;
                 g.frontend_ports.push_back(port);
                 add_listener(g, "second").frontend_port = to("p8443");
                 h.ports[443] = 8'443;
               },
               "error LocalAddressTakenTwice"},
        Broken{"same_port_twice",
               [](G& g, H&) {
                 auto port = named<model::FrontendPort>("again", "frontendPorts");
                 port.port = 443;
                 g.frontend_ports.push_back(port);
               },
               "error DuplicateFrontendPort"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Routing, BrokenGateways,
    testing::Values(
        Broken{"no_priority", [](G& g, H&) { g.request_routing_rules[0].priority.reset(); },
               "error ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty"},
        Broken{"priority_twice",
               [](G& g, H&) {
                 add_listener(g, "second").host_name = "a.example";
                 g.request_routing_rules[1].priority = 10;
               },
               "error RequestRoutingRulePriorityNotUnique"},
        Broken{"two_rules_on_a_listener",
               [](G& g, H&) {
                 g.request_routing_rules.push_back(g.request_routing_rules[0]);
                 g.request_routing_rules[1].name = "other";
                 g.request_routing_rules[1].priority = 11;
                 g.request_routing_rules[1].http_listener = to("WEB");
               },
               "error HttpListenerUsedByTwoRules"},
        Broken{"listener_without_rule",
               [](G& g, H&) {
                 add_listener(g, "second").host_name = "a.example";
                 g.request_routing_rules.pop_back();
               },
               "warning HttpListenerWithoutRule"},
        Broken{"no_pool", [](G& g, H&) { g.request_routing_rules[0].backend_address_pool.reset(); },
               "error RequestRoutingRuleMustReferenceBackendAddressPool"},
        Broken{"no_settings", [](G& g, H&) { g.request_routing_rules[0].backend_http_settings.reset(); },
               "error RequestRoutingRuleMustReferenceBackendHttpSettings"},
        Broken{"path_based",
               [](G& g, H&) {
                 g.request_routing_rules[0].rule_type = model::RuleType::kPathBasedRouting;
                 g.request_routing_rules[0].url_path_map = to("map");
               },
               "error NotServedYet"},
        Broken{"backend_tls", [](G& g, H&) { g.backend_http_settings[0].protocol = model::Protocol::kHttps; },
               "error NotServedYet"},
        Broken{
            "affinity",
            [](G& g, H&) { g.backend_http_settings[0].cookie_based_affinity = model::CookieBasedAffinity::kEnabled; },
            "error NotServedYet"},
        Broken{"settings_without_port", [](G& g, H&) { g.backend_http_settings[0].port = 0; },
               "error BackendHttpSettingsPortMissing"},
        Broken{"host_name_with_line_break", [](G& g, H&) { g.backend_http_settings[0].host_name = "a\r\nX: y"; },
               "error InvalidHostName"},
        Broken{"path_with_line_break", [](G& g, H&) { g.backend_http_settings[0].path = "/a\r\nX: y"; },
               "error InvalidBackendPath"},
        Broken{"path_climbing", [](G& g, H&) { g.backend_http_settings[0].path = "/a/../b"; },
               "error InvalidBackendPath"},
        Broken{"member_with_both", [](G& g, H&) { g.backend_address_pools[0].backend_addresses[0].fqdn = "x"; },
               "error InvalidBackendAddress"},
        Broken{"member_with_port",
               [](G& g, H&) { g.backend_address_pools[0].backend_addresses[1].fqdn = "b.example:80"; },
               "error InvalidBackendAddress"},
        Broken{"member_not_an_address",
               [](G& g, H&) { g.backend_address_pools[0].backend_addresses[0].ip_address = "010.0.0.1"; },
               "error InvalidBackendAddress"},
        Broken{"duplicate_name",
               [](G& g, H&) {
                 g.backend_address_pools.push_back(g.backend_address_pools[0]);
                 g.backend_address_pools[1].name = "POOL";
               },
               "error DuplicateResourceName"},
        Broken{"name_with_slash", [](G& g, H&) { g.backend_address_pools[0].name = "a/b"; },
               "error InvalidResourceName"},
        Broken{"too_many_pools", [](G& g, H&) { g.backend_address_pools.resize(101); },
               "error ApplicationGatewayBackendAddressPoolLimitReached"},
        Broken{"too_many_host_names", [](G& g, H&) { g.http_listeners[0].host_names.assign(6, "a.example"); },
               "error ApplicationGatewayLimitReached"},
        Broken{"rewriting_connection",
               [](G& g, H&) {
                 auto set = named<model::RewriteRuleSet>("set", "rewriteRuleSets");
                 set.rewrite_rules.push_back({"r", 1, {{"Connection", "close", "/properties/x"}}, {}, "/properties/x"});
                 g.rewrite_rule_sets.push_back(set);
               },
               "error rewrite.header_not_writable"}),
    [](const auto& info) { return info.param.name; });

TEST(Validate, ReportsEverythingAtOnce) {
  Gateway gateway = sound();
  gateway.http_listeners[0].ssl_certificate.reset();
  gateway.request_routing_rules[0].priority.reset();
  gateway.backend_http_settings[0].port = 0;
  gateway.trusted_client_certificates[0].data.bytes.clear();
  EXPECT_EQ(validate(gateway, {}).size(), 4U);
}

TEST(Validate, KeyMayComeFromTheHostFile) {
  Gateway gateway = sound();
  gateway.ssl_certificates[0].data.reset();
  gateway.ssl_certificates[0].key_vault_secret_id = "https://vault/secrets/web";
  HostConfig host;
  host.secrets["https://vault/secrets/web"] = "/etc/web.pfx";
  EXPECT_TRUE(validate(gateway, host).empty());
}

TEST(Validate, FrontendsMayShareAPortOnDifferentAddresses) {
  Gateway gateway = sound();
  gateway.frontend_ip_configurations.push_back(
      named<model::FrontendIpConfiguration>("private", "frontendIPConfigurations"));
  add_listener(gateway, "second").frontend_ip_configuration = to("private");
  HostConfig host;
  host.bind["private"] = {*IpAddress::parse("127.0.0.1")};
  const auto findings = validate(gateway, host);
  EXPECT_TRUE(findings.empty()) << all(findings);
}

TEST(Validate, GatewayWithoutListenersIsRefused) {
  Gateway gateway;
  gateway.name = "gw";
  EXPECT_TRUE(validate(gateway, {}).has_errors());
}

}  // namespace
}  // namespace portcullis::validate
