// What `az … show` prints is read as the body that it was made of.
#include <set>

#include "arm/test_documents.h"
#include "arm/writer.h"

namespace portcullis::arm {
namespace {

const std::set<std::string> kEnvelope = {"id", "name", "type", "etag"};

// Beside every id; elements of collections lose their `properties` level.
void flatten(Node& node, bool plain) {
  for (Node& item : node.items) flatten(item, plain);
  if (const Node* id = node.find("id"); id != nullptr && id->text.starts_with("/subscriptions/")) {
    Node group = tree(R"("g")");
    group.key = "resourceGroup";
    node.items.push_back(group);
  }
  const auto properties =
      std::find_if(node.items.begin(), node.items.end(), [](const Node& item) { return item.key == "properties"; });
  if (!plain || properties == node.items.end()) return;
  Node inner = std::move(*properties);
  node.items.erase(properties);
  for (Node& item : inner.items) node.items.push_back(std::move(item));
}

std::string sample() {
  std::string text = R"({"name":"gw","id":"GW","location":"westeurope","tags":{"a":"b"},"properties":{
 "sku":{"name":"Standard_v2","tier":"Standard_v2"},"frontendIPConfigurations":[{"name":"f"}],
 "frontendPorts":[{"name":"p","properties":{"port":443}}],
 "httpListeners":[{"name":"l","properties":{"frontendIPConfiguration":{"id":"GW/frontendIPConfigurations/f"},
   "frontendPort":{"id":"GW/frontendPorts/p"},"hostNames":["a.example"]}}],
 "backendAddressPools":[{"name":"b","properties":{"backendAddresses":[{"fqdn":"b.example"}]}}],
 "backendHttpSettingsCollection":[{"name":"s","properties":{"port":80}}],
 "rewriteRuleSets":[{"name":"r","properties":{"rewriteRules":[{"name":"x","ruleSequence":1,"actionSet":{"requestHeaderConfigurations":[{"headerName":"A","headerValue":"b"}]}}]}}],
 "urlPathMaps":[{"name":"m","properties":{"defaultBackendAddressPool":{"id":"GW/backendAddressPools/b"},"defaultBackendHttpSettings":{"id":"GW/backendHttpSettingsCollection/s"},
   "pathRules":[{"name":"pr","properties":{"paths":["/a"],"backendAddressPool":{"id":"GW/backendAddressPools/b"}}}]}}],
 "requestRoutingRules":[{"name":"rule","properties":{"ruleType":"PathBasedRouting","priority":1,"httpListener":{"id":"GW/httpListeners/l"},"urlPathMap":{"id":"GW/urlPathMaps/m"}}}]}})";
  replace_all(text, "GW", kFullIdBase);
  return text;
}

TEST(AzOutput, OfBothCommandsReadsAsTheRestBody) {
  const std::string rest = to_json(write_gateway(gateway_of(sample()), {}));
  for (const bool plain : {false, true}) {
    Node shown = tree(rest);
    flatten(shown, plain);
    std::string text = to_json(shown);
    // What both add at the top.
    text.insert(1, R"("extendedLocation":null,"kind":null,"managedBy":null,"plan":null,)");
    const GatewayReading reading = read(text);
    ASSERT_TRUE(reading.gateway) << all(reading.findings) << text;
    EXPECT_EQ(to_json(write_gateway(*reading.gateway, {})), rest);
  }
}

TEST(AzOutput, MistakesInItAreStillFound) {
  Node shown = tree(sample());
  flatten(shown, true);
  std::string text = to_json(shown);
  replace_all(text, "\"hostNames\"", "\"hostNamez\"");
  const GatewayReading reading = read(text);
  ASSERT_EQ(reading.findings.size(), 1U) << all(reading.findings);
  EXPECT_EQ(reading.findings[0].pointer, "/properties/httpListeners/0/properties/hostNamez");
}

TEST(AzOutput, ResourceGroupElsewhereIsAnUnknownMember) {
  const GatewayReading reading = read(R"({"name":"gw","resourceGroup":"g","properties":{}})");
  ASSERT_EQ(reading.findings.size(), 1U) << all(reading.findings);
  EXPECT_EQ(reading.findings[0].pointer, "/resourceGroup");
  EXPECT_FALSE(read(R"({"name":"gw","properties":{},"kind":"x"})").gateway);
}

}  // namespace
}  // namespace portcullis::arm
