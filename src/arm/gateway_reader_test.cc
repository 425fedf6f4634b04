#include "arm/gateway_reader.h"

#include <gtest/gtest.h>

#include "arm/test_documents.h"
#include "base/base64.h"

namespace portcullis::arm {
namespace {

// A complete gateway as a REST body; GW stands for the base of its ids.
std::string complete() {
  std::string text = R"({
 "name":"gw","type":"Microsoft.Network/applicationGateways","location":"westeurope","tags":{"env":"test"},"zones":["1"],
 "identity":{"type":"userAssigned","userAssignedIdentities":{"/subscriptions/x":{}}},
 "etag":"W/x","properties":{
  "sku":{"name":"standard_V2","tier":"Standard_v2","capacity":"10"},"autoscaleConfiguration":{"minCapacity":0,"maxCapacity":2},
  "sslPolicy":{"policyType":"Predefined","policyName":"appgwsslpolicy20220101s"},
  "enableHttp2":true,"operationalState":"Running","resourceGuid":"x","provisioningState":"Succeeded","probes":[],"urlPathMaps":null,
  "webApplicationFirewallConfiguration":{"enabled":false},"enableFips":false,
  "gatewayIPConfigurations":[{"name":"gip","properties":{"subnet":{"id":"/any/subnet"}}}],
  "frontendIPConfigurations":[{"name":"fip","properties":{"publicIPAddress":{"id":"/any/pip"},"PrivateIPAllocationMethod":"dynamic"}}],
  "frontendPorts":[{"name":"p443","id":"GW/frontendPorts/p443","etag":"x","type":"y","properties":{"Port":"443","httpListeners":[{"id":"GW/httpListeners/web"}]}}],
  "sslCertificates":[{"name":"srv","properties":{"data":"AAEC","password":"secret"}},{"name":"vault","properties":{"keyVaultSecretId":"https://v/secrets/x"}}],
  "trustedClientCertificates":[{"name":"CA","properties":{"data":"PEM64","clientCertIssuerDN":"CN=x","validatedCertData":"y"}}],
  "sslProfiles":[{"name":"Mtls","properties":{"trustedClientCertificates":[{"id":"GW/TRUSTEDCLIENTCERTIFICATES/ca"}],
    "clientAuthConfiguration":{"VerifyClientCertIssuerDN":true,"verifyclientrevocation":"ocsp","VerifyClientAuthMode":"PASSTHROUGH"}}}],
  "httpListeners":[{"name":"Web","properties":{"FrontendIpConfiguration":{"Id":"GW/frontendIPConfigurations/fip"},"frontendPort":{"id":"GW/frontendPorts/P443"},
    "protocol":"https","sslCertificate":{"id":"GW/sslCertificates/srv"},"sslProfile":{"id":"GW/sslProfiles/mtls"},"hostNames":["a.example"],"requireServerNameIndication":false,"firewallPolicy":null}}],
  "backendAddressPools":[{"name":"pool","properties":{"backendAddresses":[{"fqdn":"b.example"},{"ipAddress":"10.0.0.1"}]}}],
  "backendHttpSettingsCollection":[{"name":"http","properties":{"port":80,"protocol":"http","cookieBasedAffinity":"disabled","requestTimeout":20,
    "connectionDraining":{"enabled":true,"drainTimeoutInSec":60},"probeEnabled":false,"hostName":"b.example","path":"/x/"}}],
  "rewriteRuleSets":[{"name":"fwd","properties":{"rewriteRules":[{"name":"r","ruleSequence":100,"conditions":[],"actionSet":{
    "requestHeaderConfigurations":[{"headerName":"X-Client-Cert","headerValue":"{var_client_certificate}"}],
    "responseHeaderConfigurations":[{"headerName":"Server","headerValue":""}],"urlConfiguration":null}}]}}],
  "requestRoutingRules":[{"name":"rule","properties":{"RuleType":"basic","priority":100,"httpListener":{"id":"GW/httpListeners/WEB"},
    "backendAddressPool":{"id":"GW/backendAddressPools/pool"},"backendHttpSettings":{"id":"GW/backendHttpSettingsCollection/http"},"rewriteRuleSet":{"id":"GW/rewriteRuleSets/fwd"}}}]
 }})";
  replace_all(text, "PEM64", base64_encode(kPem));
  return text;
}

std::string with_full_ids(std::string text) {
  replace_all(text, "\"GW/", "\"" + std::string(kFullIdBase) + "/");
  return text;
}

TEST(GatewayReader, ReadsEveryPartOfAResourceBody) {
  const GatewayReading reading = read(with_full_ids(complete()));
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_TRUE(reading.findings.empty()) << all(reading.findings);
  const model::Gateway& gateway = *reading.gateway;
  EXPECT_EQ(gateway.name, "gw");
  EXPECT_EQ(gateway.tags.at("env"), "test");
  EXPECT_EQ(gateway.identity->type, "UserAssigned");
  EXPECT_EQ(gateway.identity->user_assigned_identities.at(0), "/subscriptions/x");
  EXPECT_EQ(gateway.sku.name, "Standard_v2");
  EXPECT_EQ(gateway.sku.capacity, 10U);
  EXPECT_EQ(gateway.ssl_policy->policy_name, "AppGwSslPolicy20220101S");
  EXPECT_TRUE(gateway.enable_http2);
  EXPECT_EQ(gateway.autoscale->max_capacity, 2U);
  EXPECT_EQ(gateway.gateway_ip_configurations.at(0).subnet_id, "/any/subnet");
  EXPECT_EQ(gateway.frontend_ip_configurations.at(0).private_ip_allocation_method, "Dynamic");
  EXPECT_EQ(gateway.frontend_ports.at(0).port, 443);
  EXPECT_EQ(gateway.ssl_certificates.at(0).data->bytes, std::string("\0\1\2", 3));
  EXPECT_EQ(gateway.ssl_certificates.at(0).password, "secret");
  EXPECT_FALSE(gateway.ssl_certificates.at(1).data);
  EXPECT_EQ(gateway.ssl_certificates.at(1).key_vault_secret_id, "https://v/secrets/x");
  EXPECT_EQ(gateway.trusted_client_certificates.at(0).data.bytes, kPem);
  EXPECT_EQ(gateway.trusted_client_certificates.at(0).original_data, base64_encode(kPem));
  EXPECT_EQ(gateway.trusted_client_certificates.at(0).data_pointer,
            "/properties/trustedClientCertificates/0/properties/data");

  const model::SslProfile& profile = gateway.ssl_profiles.at(0);
  EXPECT_EQ(profile.trusted_client_certificates.at(0).name, "CA") << "references take the target's spelling";
  EXPECT_TRUE(profile.client_auth->verify_client_cert_issuer_dn);
  EXPECT_EQ(profile.client_auth->verify_client_revocation, model::ClientRevocation::kOcsp);
  EXPECT_EQ(profile.client_auth->verify_client_auth_mode, model::ClientAuthMode::kPassthrough);

  const model::HttpListener& listener = gateway.http_listeners.at(0);
  EXPECT_EQ(listener.pointer, "/properties/httpListeners/0");
  EXPECT_EQ(listener.frontend_ip_configuration->name, "fip");
  EXPECT_EQ(listener.frontend_port->name, "p443");
  EXPECT_EQ(listener.protocol, model::Protocol::kHttps);
  EXPECT_EQ(listener.ssl_profile->name, "Mtls");
  EXPECT_EQ(listener.ssl_profile->pointer, "/properties/httpListeners/0/properties/sslProfile/id");
  EXPECT_EQ(listener.host_names.at(0), "a.example");

  EXPECT_EQ(gateway.backend_address_pools.at(0).backend_addresses.at(1).ip_address, "10.0.0.1");
  const model::BackendHttpSettings& settings = gateway.backend_http_settings.at(0);
  EXPECT_EQ(settings.request_timeout.count(), 20);
  EXPECT_EQ(settings.connection_draining->drain_timeout.count(), 60);
  const model::RewriteRule& rewrite = gateway.rewrite_rule_sets.at(0).rewrite_rules.at(0);
  EXPECT_EQ(rewrite.rule_sequence, 100U);
  EXPECT_EQ(rewrite.request_header_configurations.at(0).header_value, "{var_client_certificate}");
  EXPECT_EQ(rewrite.response_header_configurations.at(0).header_name, "Server");
  const model::RequestRoutingRule& rule = gateway.request_routing_rules.at(0);
  EXPECT_EQ(rule.http_listener->name, "Web");
  EXPECT_EQ(rule.rewrite_rule_set->name, "fwd");
  EXPECT_EQ(rule.priority, 100U);
}

TEST(GatewayReader, FillsInDefaults) {
  const GatewayReading reading = read(properties(
      R"("backendHttpSettingsCollection":[{"name":"s"}],"sslProfiles":[{"name":"p","properties":{"clientAuthConfiguration":{}}}],"httpListeners":[])"));
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->backend_http_settings[0].request_timeout.count(), 30);
  EXPECT_EQ(reading.gateway->ssl_profiles[0].client_auth->verify_client_auth_mode, model::ClientAuthMode::kStrict);
  EXPECT_FALSE(reading.gateway->ssl_profiles[0].client_auth->verify_client_cert_issuer_dn);
}

TEST(GatewayReader, YamlTakesShortReferencesAndMultiLinePem) {
  const GatewayReading reading = read(R"(
name: gw
properties:
  trustedClientCertificates:
    - name: Ca
      properties:
        data: |
          -----BEGIN CERTIFICATE-----
          MIIB
          -----END CERTIFICATE-----
    - {name: 2024, properties: {data: x}}
  sslProfiles:
    - name: mtls
      properties:
        trustedClientCertificates: [ca, {name: CA}, {id: any/trustedClientCertificates/ca}, trustedClientCertificates/ca, 2024]
)",
                                      Format::kYaml);
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->trusted_client_certificates.at(0).data.bytes, kPem);
  const auto& refs = reading.gateway->ssl_profiles.at(0).trusted_client_certificates;
  ASSERT_EQ(refs.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(refs[i].name, "Ca");
  EXPECT_EQ(refs[4].name, "2024");
}

struct Mistake {
  const char* name;
  std::string members;  // of properties
  const char* code;
  const char* pointer;
  const char* message;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithTheirPlace) {
  const Mistake& mistake = GetParam();
  const GatewayReading reading = read(properties(mistake.members));
  EXPECT_FALSE(reading.gateway);
  ASSERT_EQ(reading.findings.size(), 1U) << all(reading.findings);
  EXPECT_EQ(reading.findings[0].code, mistake.code);
  EXPECT_EQ(reading.findings[0].pointer, mistake.pointer);
  EXPECT_NE(reading.findings[0].message.find(mistake.message), std::string::npos) << reading.findings[0].message;
}

std::string listener(const std::string& members) {
  return R"("frontendPorts":[{"name":"p"}],"sslCertificates":[{"name":"c"}],"httpListeners":[{"name":"l","properties":{)" +
         members + "}}]";
}

INSTANTIATE_TEST_SUITE_P(
    GatewayReader, Mistakes,
    testing::Values(
        Mistake{"unknown_property", R"("sslProfile":[])", "InvalidJson", "/properties/sslProfile",
                "Did you mean 'sslProfiles'?"},
        Mistake{"unknown_member_one_level_too_high", R"("sslCertificates":[{"name":"c","data":"x"}])", "InvalidJson",
                "/properties/sslCertificates/0/data",
                "Could not find member 'data' on object of type 'ApplicationGatewaySslCertificate'"},
        Mistake{
            "misspelt_security_setting",
            R"("sslProfiles":[{"name":"p","properties":{"clientAuthConfiguration":{"verifyClientAuthMod":"Strict"}}}])",
            "InvalidJson", "/properties/sslProfiles/0/properties/clientAuthConfiguration/verifyClientAuthMod",
            "Did you mean 'verifyClientAuthMode'?"},
        Mistake{
            "unknown_enum_value",
            R"("sslProfiles":[{"name":"p","properties":{"clientAuthConfiguration":{"verifyClientAuthMode":"Strictish"}}}])",
            "InvalidJson", "/properties/sslProfiles/0/properties/clientAuthConfiguration/verifyClientAuthMode",
            "one of Strict, Passthrough"},
        Mistake{
            "boolean_as_number",
            R"("sslProfiles":[{"name":"p","properties":{"clientAuthConfiguration":{"verifyClientCertIssuerDN":1}}}])",
            "InvalidJson", "/properties/sslProfiles/0/properties/clientAuthConfiguration/verifyClientCertIssuerDN",
            "true or false"},
        Mistake{"port_zero", R"("frontendPorts":[{"name":"p","properties":{"port":0}}])", "InvalidJson",
                "/properties/frontendPorts/0/properties/port", "from 1 to 65535"},
        Mistake{"port_too_high", R"("frontendPorts":[{"name":"p","properties":{"port":65536}}])", "InvalidJson",
                "/properties/frontendPorts/0/properties/port", "from 1 to 65535"},
        Mistake{"port_fraction", R"("frontendPorts":[{"name":"p","properties":{"port":443.0}}])", "InvalidJson",
                "/properties/frontendPorts/0/properties/port", "whole number"},
        Mistake{"port_negative", R"("frontendPorts":[{"name":"p","properties":{"port":-1}}])", "InvalidJson",
                "/properties/frontendPorts/0/properties/port", "whole number"},
        Mistake{"collection_is_object", R"("frontendPorts":{})", "InvalidJson", "/properties/frontendPorts", "a list"},
        Mistake{"element_is_string", R"("frontendPorts":["x"])", "InvalidJson", "/properties/frontendPorts/0",
                "an object"},
        Mistake{"element_without_name", R"("frontendPorts":[{"properties":{}}])", "InvalidResourceName",
                "/properties/frontendPorts/0", "'name' is missing"},
        Mistake{"dangling", listener(R"("frontendPort":{"id":"x/frontendPorts/q"})"), "InvalidResourceReference",
                "/properties/httpListeners/0/properties/frontendPort/id", "was not found"},
        Mistake{"wrong_collection", listener(R"("frontendPort":{"id":"x/sslCertificates/c"})"),
                "InvalidJsonReferenceFormat", "/properties/httpListeners/0/properties/frontendPort/id",
                "resources of type applicationGateways/frontendPorts"},
        Mistake{"bare_name_in_json", listener(R"("frontendPort":{"id":"p"})"), "InvalidJsonReferenceFormat",
                "/properties/httpListeners/0/properties/frontendPort/id", "not formatted correctly"},
        Mistake{"string_reference_in_json", listener(R"("frontendPort":"p")"), "InvalidJson",
                "/properties/httpListeners/0/properties/frontendPort", "an object {\"id\""},
        Mistake{"name_reference_in_json", listener(R"("frontendPort":{"id":"a/frontendPorts/p","name":"p"})"),
                "InvalidJson", "/properties/httpListeners/0/properties/frontendPort/name", "SubResource"},
        Mistake{"missing_id", listener(R"("frontendPort":{})"), "MissingJsonReferenceId",
                "/properties/httpListeners/0/properties/frontendPort", "reference id is missing"},
        Mistake{"null_id", listener(R"("frontendPort":{"id":null})"), "MissingJsonReferenceId",
                "/properties/httpListeners/0/properties/frontendPort", "reference id is missing"},
        Mistake{"empty_segment", listener(R"("frontendPort":{"id":"a//frontendPorts/p"})"),
                "InvalidJsonReferenceFormat", "/properties/httpListeners/0/properties/frontendPort/id",
                "not formatted"},
        Mistake{
            "full_id_of_other_provider",
            listener(
                R"("frontendPort":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/applicationGateways/gw/frontendPorts/p"})"),
            "InvalidJsonReferenceFormat", "/properties/httpListeners/0/properties/frontendPort/id", "not formatted"},
        Mistake{
            "other_gateway",
            listener(
                R"("frontendPort":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/evil/frontendPorts/p"})"),
            "InvalidResourceReference", "/properties/httpListeners/0/properties/frontendPort/id", "'evil'"},
        Mistake{"file_reference_from_the_network",
                R"("trustedClientCertificates":[{"name":"c","properties":{"data":"@/etc/passwd"}}])",
                "FileReferenceNotAllowed", "/properties/trustedClientCertificates/0/properties/data", "network"},
        Mistake{"file_url_from_the_network",
                R"("sslCertificates":[{"name":"c","properties":{"keyVaultSecretId":"FILE:///etc/passwd"}}])",
                "FileReferenceNotAllowed", "/properties/sslCertificates/0/properties/keyVaultSecretId", "network"}),
    [](const auto& info) { return info.param.name; });

TEST(GatewayReader, ReportsEveryMistakeAtOnce) {
  const GatewayReading reading =
      read(R"({"name":"gw","colour":"red","type":"Microsoft.Network/loadBalancers","properties":{
    "frontendPorts":[{"name":"p","properties":{"port":"x"}},{"properties":{"prot":1}}],
    "sslProfiles":[{"name":"m","properties":{"trustedClientCertificates":[{"id":"a/trustedClientCertificates/no"},{}]}}],
    "probes":[{"name":"x","properties":{"interval":0}}]}})");
  EXPECT_FALSE(reading.gateway);
  EXPECT_EQ(reading.findings.size(), 8U) << all(reading.findings);
}

TEST(GatewayReader, NeverShowsSecrets) {
  const GatewayReading reading = read(properties(
      R"("sslCertificates":[{"name":"c","properties":{"password":{"hunter2":"hunter3"},"data":"hunter4!"}}])"));
  EXPECT_FALSE(reading.gateway);
  EXPECT_EQ(all(reading.findings).find("hunter"), std::string::npos) << all(reading.findings);
}

TEST(GatewayReader, BoundsItsFindings) {
  std::string members = R"("frontendPorts":[)";
  for (int i = 0; i < 100'000; ++i) members += "{},";
  const GatewayReading reading = read(properties(members + "{}]"));
  EXPECT_FALSE(reading.gateway);
  EXPECT_EQ(reading.findings.size(), 501U);
  EXPECT_EQ(reading.findings.back().code, "TooManyFindings");
}

TEST(GatewayReader, ResourceNeedsProperties) {
  for (const char* text : {"{}", "[]", "1", R"({"name":"gw"})", R"({"properties":[]})"})
    EXPECT_FALSE(read(text).gateway) << text;
}

TEST(GatewayReader, RulesOfAnOldApiVersionGetPriorities) {
  const auto priorities = [](const std::string& version, model::Findings& findings) {
    const auto listener = [](const std::string& name, const std::string& hosts) {
      return R"({"name":")" + name + R"(","properties":{"hostNames":[)" + hosts + "]}}";
    };
    const auto rule = [](const std::string& name, const std::string& priority) {
      return R"({"name":")" + name + R"(","properties":{)" + priority + R"("httpListener":{"id":"/httpListeners/)" +
             name + R"("}}})";
    };
    const GatewayReading reading =
        read(R"({"name":"gw",)" + version + R"("properties":{"httpListeners":[)" + listener("any", "") + "," +
             listener("wild", R"("*.x.example")") + "," + listener("exact", R"("a.example")") + "," +
             listener("given", "") + R"(],"requestRoutingRules":[)" + rule("any", "") + "," + rule("wild", "") + "," +
             rule("exact", "") + "," + rule("given", R"("priority":10020,)") + "]}}");
    findings = reading.findings;
    std::vector<std::uint32_t> found;
    for (const auto& one : reading.gateway->request_routing_rules) found.push_back(one.priority.value_or(0));
    return found;
  };
  model::Findings findings;
  for (const char* version : {R"("apiVersion":"2020-05-01",)", R"("apiVersion":"2021-05-01-preview",)"}) {
    EXPECT_EQ(priorities(version, findings), (std::vector<std::uint32_t>{10'040, 10'030, 10'010, 10'020})) << version;
    ASSERT_EQ(findings.size(), 1U) << all(findings);
    EXPECT_EQ(findings[0].code, "RulePriorityAssigned");
    EXPECT_EQ(findings[0].severity, model::Severity::kWarning);
  }
  for (const char* version : {"", R"("apiVersion":"2021-08-01",)", R"("apiVersion":"2025-05-01",)"}) {
    EXPECT_EQ(priorities(version, findings), (std::vector<std::uint32_t>{0, 0, 0, 10'020})) << version;
    EXPECT_TRUE(findings.empty()) << all(findings);
  }
}

TEST(GatewayReader, NameMayBeGivenByTheCaller) {
  ReadOptions options;
  options.name_if_absent = "from-url";
  const GatewayReading reading = read(R"({"properties":{}})", Format::kJson, options);
  ASSERT_TRUE(reading.gateway);
  EXPECT_EQ(reading.gateway->name, "from-url");
}

}  // namespace
}  // namespace portcullis::arm
