// What is read and written again is the same document, whichever form it came in.
#include "arm/test_documents.h"
#include "arm/writer.h"

namespace portcullis::arm {
namespace {

std::string written(const model::Gateway& gateway) {
  WriteOptions options;
  options.with_secrets = true;
  return to_json(write_gateway(gateway, options));
}

// The same gateway three times: as Azure has it, with JSON's short ids, and as a person writes it.
constexpr const char* kFull = R"({"name":"gw","id":"GW","location":"westeurope","tags":{"env":"test"},"properties":{
 "sku":{"name":"Standard_v2","tier":"Standard_v2","capacity":2},
 "frontendIPConfigurations":[{"name":"public"}],"frontendPorts":[{"name":"https","properties":{"port":443}}],
 "sslCertificates":[{"name":"web","properties":{"data":"AAEC","password":"no"}}],
 "trustedClientCertificates":[{"name":"ca","properties":{"data":"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}}],
 "sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[{"id":"GW/trustedClientCertificates/ca"}],
   "clientAuthConfiguration":{"verifyClientCertIssuerDN":true,"verifyClientAuthMode":"Strict"}}}],
 "httpListeners":[{"name":"web","properties":{"frontendIPConfiguration":{"id":"GW/frontendIPConfigurations/public"},
   "frontendPort":{"id":"GW/frontendPorts/https"},"protocol":"Https","sslCertificate":{"id":"GW/sslCertificates/web"},
   "sslProfile":{"id":"GW/sslProfiles/mtls"},"hostNames":["a.example","*.b.example"]}}],
 "backendAddressPools":[{"name":"pool","properties":{"backendAddresses":[{"fqdn":"b.example"},{"ipAddress":"10.0.0.1"}]}}],
 "backendHttpSettingsCollection":[{"name":"http","properties":{"port":8080,"requestTimeout":7}}],
 "requestRoutingRules":[{"name":"rule","properties":{"ruleType":"Basic","priority":10,"httpListener":{"id":"GW/httpListeners/web"},
   "backendAddressPool":{"id":"GW/backendAddressPools/pool"},"backendHttpSettings":{"id":"GW/backendHttpSettingsCollection/http"}}}]}})";

constexpr const char* kYaml = R"(# As a person writes it.
name: gw
id: GW
location: westeurope
tags: {env: test}
properties:
  SKU: {name: standard_v2, tier: standard_v2, capacity: "2"}
  frontendIPConfigurations:
    - name: public
  frontendPorts:
    - {name: https, properties: {port: 443}}
  sslCertificates:
    - name: web
      properties:
        data: AAEC
        password: no        # the string, as YAML 1.2 has it
  trustedClientCertificates:
    - name: ca
      properties:
        data: |
          -----BEGIN CERTIFICATE-----
          MIIB
          -----END CERTIFICATE-----
  sslProfiles:
    - name: mtls
      properties:
        trustedClientCertificates: [ca]
        clientAuthConfiguration:
          VerifyClientCertIssuerDN: true
          VerifyClientAuthMode: strict
  httpListeners:
    - name: web
      properties:
        FrontendIPConfiguration: {name: PUBLIC}
        FrontendPort: {id: GW/frontendPorts/https}
        Protocol: https
        sslCertificate: web
        sslProfile: mtls
        hostNames: [a.example, "*.b.example"]
  backendAddressPools:
    - name: pool
      properties:
        backendAddresses:
          - fqdn: b.example
          - ipAddress: 10.0.0.1
  backendHttpSettingsCollection:
    - {name: http, properties: {port: 8080, requestTimeout: 7}}
  requestRoutingRules:
    - name: rule
      properties:
        ruleType: basic
        priority: 10
        httpListener: web
        backendAddressPool: pool
        backendHttpSettings: http
)";

std::string with_ids(std::string text, const char* base) {
  replace_all(text, "GW", base);
  return text;
}

TEST(RoundTrip, YamlSaysWhatJsonSays) {
  const std::string json = written(gateway_of(with_ids(kFull, kFullIdBase)));
  EXPECT_EQ(written(gateway_of(with_ids(kYaml, kFullIdBase), Format::kYaml)), json);
  // And JSON is YAML.
  EXPECT_EQ(written(gateway_of(with_ids(kFull, kFullIdBase), Format::kYaml)), json);
}

TEST(RoundTrip, WhatIsWrittenReadsTheSameInBothForms) {
  const std::string once = written(gateway_of(with_ids(kYaml, kFullIdBase), Format::kYaml));
  EXPECT_EQ(written(gateway_of(once)), once);
  EXPECT_EQ(written(gateway_of(once, Format::kYaml)), once);
}

TEST(RoundTrip, ReadOnlyAndReverseMembersAreTakenAndComputedAnew) {
  WriteOptions options;
  options.etag = "W/\"1\"";
  options.resource_guid = "2";
  const model::Gateway gateway = gateway_of(with_ids(kFull, kFullIdBase));
  const std::string shown = to_json(write_gateway(gateway, options));
  EXPECT_NE(shown.find("requestRoutingRules\":[{\"id\""), std::string::npos) << shown;
  EXPECT_EQ(to_json(write_gateway(gateway_of(shown), options)), shown);
}

TEST(RoundTrip, EverySpecExampleIsTheSameInYaml) {
  const auto text = shared_text("data/arm/spec-examples/ApplicationGatewayCreate.json");
  if (!text) GTEST_SKIP() << "../shared is not there";
  const Node example = tree(*text);
  const std::string body = to_json(*example.find("parameters")->find("parameters"));
  ReadOptions options;
  options.name_if_absent = "appgw";
  const GatewayReading json = read(body, Format::kJson, options);
  const GatewayReading yaml = read(body, Format::kYaml, options);
  ASSERT_TRUE(json.gateway) << all(json.findings);
  ASSERT_TRUE(yaml.gateway) << all(yaml.findings);
  EXPECT_EQ(written(*json.gateway), written(*yaml.gateway));
}

}  // namespace
}  // namespace portcullis::arm
