// What is read and written again is the same document; what Azure recorded is what we write.
#include "arm/writer.h"

#include <set>

#include <gtest/gtest.h>

#include "arm/internal/gateway_tables.h"
#include "arm/reference.h"
#include "arm/test_documents.h"

namespace portcullis::arm {
namespace {

void drop(Node& node, const std::set<std::string>& names) {
  std::erase_if(node.items, [&](const Node& item) { return names.contains(item.key); });
  for (Node& item : node.items) drop(item, names);
}

TEST(Writer, GivesTheRecordedGatewayBack) {
  const auto text = shared_text("data/arm/recordings/azcli-client-cert-GET-gateway.json");
  if (!text) GTEST_SKIP() << "../shared is not there";
  const Node recording = tree(*text);
  Node recorded = *recording.find("response")->find("body");

  Node sent = recorded;  // less what is read-only, and reverse references
  Node& properties = *const_cast<Node*>(sent.find("properties"));
  drop(sent, {"etag", "type", "provisioningState", "resourceGuid", "operationalState", "defaultPredefinedSslPolicy",
              "validatedCertData", "clientCertIssuerDN"});
  for (Node& collection : properties.items)
    for (Node& element : collection.items)
      if (const Node* inner = element.find("properties"); inner != nullptr)
        std::erase_if(const_cast<Node*>(inner)->items, [](const Node& item) {
          return item.key == "httpListeners" || item.key == "requestRoutingRules" || item.key == "sslProfiles";
        });
  const model::Gateway gateway = gateway_of(to_json(sent));

  WriteOptions options;
  const Node& ca = recorded.find("properties")->find("trustedClientCertificates")->items.at(0);
  options.certificates.trusted_client["cert_name"] = {ca.find("properties")->find("validatedCertData")->text,
                                                      ca.find("properties")->find("clientCertIssuerDN")->text};
  options.etag = recorded.find("etag")->text;
  options.resource_guid = recorded.find("properties")->find("resourceGuid")->text;
  EXPECT_EQ(to_pretty_json(write_gateway(gateway, options)), to_pretty_json(recorded));
}

// A document that says everything that can be said, each default spelled out.
constexpr const char* kEverything =
    R"({"name":"gw","id":"GW","location":"westeurope","tags":{"env":"test"},"zones":["1","2"],
 "identity":{"type":"UserAssigned","userAssignedIdentities":{"/subscriptions/x":{}}},"properties":{
 "sku":{"name":"WAF_v2","tier":"WAF_v2","family":"Generation_1","capacity":2},
 "autoscaleConfiguration":{"minCapacity":0,"maxCapacity":10},"reservedCapacity":3,"enableHttp2":false,"enableFips":false,
 "forceFirewallPolicyAssociation":false,"firewallPolicy":{"id":"/any/waf"},
 "globalConfiguration":{"enableRequestBuffering":true,"enableResponseBuffering":false,"disableDefaultServerHeaderInResponse":false},
 "sslPolicy":{"policyType":"Custom","minProtocolVersion":"TLSv1_2","cipherSuites":["TLS_RSA_WITH_AES_128_CBC_SHA"],"disabledSslProtocols":[]},
 "webApplicationFirewallConfiguration":{"enabled":false,"firewallMode":"Detection","ruleSetType":"OWASP","ruleSetVersion":"3.2",
  "disabledRuleGroups":[{"ruleGroupName":"g","rules":[1,2]}],"requestBodyCheck":false,"maxRequestBodySize":8,"maxRequestBodySizeInKb":128,
  "fileUploadLimitInMb":0,"exclusions":[{"matchVariable":"a","selectorMatchOperator":"b","selector":"c"}]},
 "customErrorConfigurations":[{"statusCode":"HttpStatus403","customErrorPageUrl":"https://e/403.html"}],
 "gatewayIPConfigurations":[{"name":"gip","properties":{"subnet":{"id":"/any/subnet"}}}],
 "frontendIPConfigurations":[{"name":"fip","properties":{"privateIPAddress":"10.0.0.4","privateIPAllocationMethod":"Static","subnet":{"id":"/s"},
  "publicIPAddress":{"id":"/p"},"privateLinkConfiguration":{"id":"GW/privateLinkConfigurations/pl"}}}],
 "frontendPorts":[{"name":"p443","properties":{"port":443}},{"name":"p80","properties":{"port":80}}],
 "sslCertificates":[{"name":"srv","properties":{"data":"AAEC","password":"secret"}},{"name":"vault","properties":{"keyVaultSecretId":"https://v/secrets/x"}},
  {"name":"hsm","properties":{"hsm":{"keyId":"https://h/k","publicCertData":"x"}}}],
 "authenticationCertificates":[{"name":"ac","properties":{"data":"AAEC"}}],
 "trustedRootCertificates":[{"name":"root","properties":{"data":"AAEC","keyVaultSecretId":"https://v/secrets/r"}}],
 "trustedClientCertificates":[{"name":"ca","properties":{"data":"AAEC"}}],
 "sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[{"id":"GW/trustedClientCertificates/ca"}],
  "sslPolicy":{"policyType":"Predefined","policyName":"AppGwSslPolicy20170401S"},
  "clientAuthConfiguration":{"verifyClientCertIssuerDN":false,"verifyClientRevocation":"None","verifyClientAuthMode":"Strict"}}}],
 "httpListeners":[{"name":"web","properties":{"frontendIPConfiguration":{"id":"GW/frontendIPConfigurations/fip"},"frontendPort":{"id":"GW/frontendPorts/p443"},
  "protocol":"Https","sslCertificate":{"id":"GW/sslCertificates/srv"},"sslProfile":{"id":"GW/sslProfiles/mtls"},"hostName":"a.example","hostNames":[],
  "requireServerNameIndication":true,"enableHttp3":true,"firewallPolicy":{"id":"/any/waf"},
  "customErrorConfigurations":[{"statusCode":"HttpStatus502","customErrorPageUrl":"https://e/502.html"}]}}],
 "listeners":[{"name":"l4","properties":{"frontendIPConfiguration":{"id":"GW/frontendIPConfigurations/fip"},"frontendPort":{"id":"GW/frontendPorts/p80"},
  "protocol":"Tls","sslCertificate":{"id":"GW/sslCertificates/srv"},"sslProfile":{"id":"GW/sslProfiles/mtls"},"hostNames":["*.example"]}}],
 "backendAddressPools":[{"name":"pool","properties":{"backendIPConfigurations":[{"id":"/nic/1"}],"backendAddresses":[{"fqdn":"b.example"},{"ipAddress":"10.0.0.1"}]}}],
 "loadDistributionPolicies":[{"name":"ld","properties":{"loadDistributionAlgorithm":"IpHash","loadDistributionTargets":[{"name":"t","properties":{
  "weightPerServer":7,"backendAddressPool":{"id":"GW/backendAddressPools/pool"}}}]}}],
 "backendHttpSettingsCollection":[{"name":"http","properties":{"port":80,"protocol":"Https","cookieBasedAffinity":"Enabled","affinityCookieName":"c",
  "connectionDraining":{"enabled":false,"drainTimeoutInSec":1},"hostName":"h.example","pickHostNameFromBackendAddress":false,"path":"/x/","requestTimeout":30,
  "probeEnabled":false,"probe":{"id":"GW/probes/probe"},"authenticationCertificates":[{"id":"GW/authenticationCertificates/ac"}],
  "trustedRootCertificates":[{"id":"GW/trustedRootCertificates/root"}],"dedicatedBackendConnection":false,"validateCertChainAndExpiry":true,"validateSNI":false,"sniName":"s"}}],
 "backendSettingsCollection":[{"name":"tcp","properties":{"port":5432,"protocol":"Tcp","timeout":20,"probe":{"id":"GW/probes/probe"},"trustedRootCertificates":[],
  "hostName":"x","pickHostNameFromBackendAddress":true,"enableL4ClientIpPreservation":true}}],
 "probes":[{"name":"probe","properties":{"protocol":"Http","host":"h","path":"/","interval":30,"timeout":5,"unhealthyThreshold":3,
  "pickHostNameFromBackendHttpSettings":false,"pickHostNameFromBackendSettings":true,"minServers":0,"match":{"body":"","statusCodes":["200-399"]},
  "enableProbeProxyProtocolHeader":true,"port":81}}],
 "urlPathMaps":[{"name":"map","properties":{"defaultBackendAddressPool":{"id":"GW/backendAddressPools/pool"},"defaultBackendHttpSettings":{"id":"GW/backendHttpSettingsCollection/http"},
  "defaultRewriteRuleSet":{"id":"GW/rewriteRuleSets/set"},"defaultRedirectConfiguration":{"id":"GW/redirectConfigurations/go"},"defaultLoadDistributionPolicy":{"id":"GW/loadDistributionPolicies/ld"},
  "pathRules":[{"name":"pr","properties":{"paths":["/a*"],"backendAddressPool":{"id":"GW/backendAddressPools/pool"},"backendHttpSettings":{"id":"GW/backendHttpSettingsCollection/http"},
   "redirectConfiguration":{"id":"GW/redirectConfigurations/go"},"rewriteRuleSet":{"id":"GW/rewriteRuleSets/set"},"loadDistributionPolicy":{"id":"GW/loadDistributionPolicies/ld"},"firewallPolicy":{"id":"/any/waf"}}}]}}],
 "advancedRoutingConditionSets":[{"name":"cs","properties":{"routingConditions":[{"conditionType":"ClientIP","propertyName":"n","propertyValues":["10.0.0.0/8"],
  "propertyValueMatcher":{"pattern":"x","ignoreCase":true,"negate":false}}]}}],
 "advancedRoutingMaps":[{"name":"am","properties":{"defaultBackendAddressPool":{"id":"GW/backendAddressPools/pool"},"defaultAuthConfigs":[{"name":"a","authenticationPolicy":{"id":"/any/auth"}}],
  "advancedRoutingRules":[{"name":"ar","properties":{"priority":1,"advancedRoutingConditionSet":{"id":"GW/advancedRoutingConditionSets/cs"},"authConfigs":[]}}]}}],
 "requestRoutingRules":[{"name":"rule","properties":{"ruleType":"PathBasedRouting","priority":1,"httpListener":{"id":"GW/httpListeners/web"},"urlPathMap":{"id":"GW/urlPathMaps/map"},
  "advancedRoutingMap":{"id":"GW/advancedRoutingMaps/am"},"redirectConfiguration":{"id":"GW/redirectConfigurations/go"},"loadDistributionPolicy":{"id":"GW/loadDistributionPolicies/ld"},
  "entraJWTValidationConfig":{"id":"GW/entraJWTValidationConfigs/jwt"},"authConfigs":[{"name":"a","authenticationPolicy":{"id":"/any/auth"}}],
  "backendAddressPool":{"id":"GW/backendAddressPools/pool"},"backendHttpSettings":{"id":"GW/backendHttpSettingsCollection/http"},"rewriteRuleSet":{"id":"GW/rewriteRuleSets/set"}}}],
 "routingRules":[{"name":"l4rule","properties":{"ruleType":"Basic","priority":2,"backendAddressPool":{"id":"GW/backendAddressPools/pool"},
  "backendSettings":{"id":"GW/backendSettingsCollection/tcp"},"listener":{"id":"GW/listeners/l4"}}}],
 "rewriteRuleSets":[{"name":"set","properties":{"rewriteRules":[{"name":"r","ruleSequence":0,"conditions":[{"variable":"var_uri_path","pattern":"","ignoreCase":false,"negate":true}],
  "actionSet":{"requestHeaderConfigurations":[{"headerName":"A","headerValue":""}],
   "responseHeaderConfigurations":[{"headerName":"Set-Cookie","headerValue":"x","headerValueMatcher":{"pattern":"p","ignoreCase":true,"negate":false}}],
   "urlConfiguration":{"modifiedPath":"/abc","modifiedQueryString":"","reroute":false}}}]}}],
 "redirectConfigurations":[{"name":"go","properties":{"redirectType":"SeeOther","targetListener":{"id":"GW/httpListeners/web"},"targetUrl":"https://x","includePath":false,"includeQueryString":true}}],
 "privateLinkConfigurations":[{"name":"pl","properties":{"ipConfigurations":[{"name":"i","properties":{"privateIPAddress":"10.0.0.5","privateIPAllocationMethod":"Dynamic","subnet":{"id":"/s"},"primary":false}}]}}],
 "privateEndpointConnections":[{"name":"pe","id":"/pe","properties":{"linkIdentifier":"7","privateLinkServiceConnectionState":{"status":"Approved"}}}],
 "entraJWTValidationConfigs":[{"name":"jwt","properties":{"unAuthorizedRequestAction":"Allow","tenantId":"t","clientId":"c","audiences":["a"]}}]
 }})";

std::string everything() {
  std::string text = kEverything;
  replace_all(text, "\"GW", "\"" + std::string(kFullIdBase));
  return text;
}

// Whether every member of `small` is in `large` with the same value, lists element by element.
void expect_contains(const Node& large, const Node& small, const std::string& at) {
  ASSERT_EQ(large.kind, small.kind) << at;
  EXPECT_EQ(large.text, small.text) << at;
  if (small.is(Kind::kArray)) {
    ASSERT_EQ(large.items.size(), small.items.size()) << at;
    for (std::size_t i = 0; i < small.items.size(); ++i)
      expect_contains(large.items[i], small.items[i], pointer_to(at, i));
    return;
  }
  for (const Node& member : small.items) {
    const Node* found = large.find(member.key);
    ASSERT_NE(found, nullptr) << pointer_to(at, member.key) << " is lost";
    EXPECT_EQ(found->key, member.key);
    expect_contains(*found, member, pointer_to(at, member.key));
  }
}

TEST(Writer, LosesNothing) {
  WriteOptions options;
  options.with_secrets = true;
  const Node written = write_gateway(gateway_of(everything()), options);
  expect_contains(written, tree(everything()), "");
  const std::string once = to_json(written);
  EXPECT_EQ(to_json(write_gateway(gateway_of(once), options)), once) << "and what is written reads the same";
}

TEST(Writer, NeverShowsSecrets) {
  const std::string shown = to_json(write_gateway(gateway_of(everything()), {}));
  EXPECT_EQ(shown.find("password"), std::string::npos);
  EXPECT_EQ(shown.find("secret\""), std::string::npos);
  const Node body = tree(shown);
  const Node& certificate = body.find("properties")->find("sslCertificates")->items.at(0);
  EXPECT_EQ(certificate.find("properties")->find("data"), nullptr);
}

TEST(Writer, EverythingIsInTheSample) {
  // A property that is added to a table and not to the sample above would escape LosesNothing.
  const std::string sample = everything();
  std::vector<std::shared_ptr<const Schema>> todo = {schema_of(gateway_properties_table())};
  std::set<std::string_view> missing;
  while (!todo.empty()) {
    const auto schema = todo.back();
    todo.pop_back();
    for (const Property& property : schema->properties) {
      if (property.shape.object != nullptr) todo.push_back(property.shape.object);
      if (!property.shape.read_only && sample.find("\"" + std::string(property.name) + "\":") == std::string::npos)
        missing.insert(property.name);
    }
  }
  EXPECT_TRUE(missing.empty()) << *missing.begin();
}

TEST(Writer, MakesIdsForADocumentWithout) {
  const model::Gateway gateway = gateway_of(properties(R"("frontendPorts":[{"name":"p","properties":{"port":1}}])"));
  const Node written = write_gateway(gateway, {});
  const std::string base =
      "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/portcullis/providers/Microsoft.Network/"
      "applicationGateways/gw";
  EXPECT_EQ(written.find("id")->text, base);
  EXPECT_EQ(written.find("properties")->find("frontendPorts")->items.at(0).find("id")->text, base + "/frontendPorts/p");
}

TEST(Writer, FillsInWhatTheServiceFillsIn) {
  const model::Gateway gateway = gateway_of(properties(
      R"("sku":{"name":"Standard_v2"},"httpListeners":[{"name":"l"}],"frontendIPConfigurations":[{"name":"f"}],
         "backendHttpSettingsCollection":[{"name":"s","properties":{"port":80}}])"));
  const std::string shown = to_json(write_gateway(gateway, {}));
  for (const char* expected :
       {R"("family":"Generation_2")", R"("hostNames":[],"requireServerNameIndication":false,"enableHttp3":false)",
        R"("privateIPAllocationMethod":"Dynamic")", R"("requestTimeout":30)",
        R"("pickHostNameFromBackendAddress":false)", R"("privateEndpointConnections":[])",
        R"("defaultPredefinedSslPolicy":"AppGwSslPolicy20150501")", R"("tags":{})"})
    EXPECT_NE(shown.find(expected), std::string::npos) << expected << "\n" << shown;
  EXPECT_EQ(shown.find("authenticationCertificates"), std::string::npos) << "absent on v2";
}

TEST(SpecExamples, EveryGatewayLoadsAndRoundTrips) {
  if (!shared_text("data/README.md")) GTEST_SKIP() << "../shared is not there";
  std::size_t gateways = 0;
  for (const char* name : {"Create", "Get", "List", "ListAll", "UpdateTags"}) {
    const Node example = tree(*shared_text(std::string("data/arm/spec-examples/ApplicationGateway") + name + ".json"));
    std::vector<const Node*> bodies;
    const Node* sent = example.find("parameters")->find("parameters");
    if (sent != nullptr && sent->find("properties") != nullptr) bodies.push_back(sent);
    for (const Node& response : example.find("responses")->items) {
      const Node* body = response.find("body");
      if (body == nullptr) continue;
      if (const Node* list = body->find("value"))
        for (const Node& one : list->items) bodies.push_back(&one);
      else
        bodies.push_back(body);
    }
    for (const Node* body : bodies) {
      ReadOptions options;
      options.name_if_absent = "appgw";
      GatewayReading reading = read(to_json(*body), Format::kJson, options);
      ASSERT_TRUE(reading.gateway) << name << "\n" << all(reading.findings);
      const std::string written = to_json(write_gateway(*reading.gateway, {}));
      EXPECT_EQ(to_json(write_gateway(gateway_of(written), {})), written) << name;
      ++gateways;
    }
  }
  EXPECT_GE(gateways, 7U);
}

// "#### Type : Base" and "| wire property | type | flags |" rows of arm-api.md §5.
TEST(Contract, EveryPropertyOfTheTablesIsKnown) {
  const auto text = shared_text("spec/arm-api.md");
  if (!text) GTEST_SKIP() << "../shared is not there";
  const std::string known = configuration_markdown();
  std::set<std::string> missing;
  std::size_t rows = 0;
  const std::string tables = text->substr(text->find("## 5."));
  for (const std::string_view line : split(tables, '\n')) {
    if (!line.starts_with("| ") || line.starts_with("| wire")) continue;
    std::string name(trim(split(line, '|').at(1)));
    if (name.starts_with("properties.")) name = name.substr(11);
    ++rows;
    if (name != "properties" && name != "etag" && known.find("| `" + name + "`") == std::string::npos)
      missing.insert(name);
  }
  EXPECT_GT(rows, 300U);
  // Of private endpoint connections, which are read-only as a whole; `clientId` of an identity is too.
  for (const char* read_only : {"privateEndpoint", "privateLinkServiceConnectionState", "linkIdentifier", "status",
                                "description", "actionsRequired"})
    missing.erase(read_only);
  EXPECT_TRUE(missing.empty()) << *missing.begin();
}

}  // namespace
}  // namespace portcullis::arm
