#include "cli/documents.h"

#include <cstdlib>
#include <filesystem>

#include "arm/document.h"
#include "cli/demo_files.h"
#include "cli/test_program.h"

namespace portcullis::cli {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) {
  arm::Node node;
  node.kind = arm::Kind::kString;
  node.text = text;
  return arm::to_json(node);
}

// A gateway whose every value that matters comes from a parameter; certificates are the demonstration's.
constexpr const char* kTemplate = R"({
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "port": {"type": "int", "minValue": 1, "maxValue": 65000},
    "password": {"type": "securestring", "defaultValue": ""},
    "ca": {"type": "string", "defaultValue": "@clients-ca.pem"}
  },
  "resources": [{
    "type": "Microsoft.Network/applicationGateways",
    "copy": {"name": "gateways", "count": "[if(equals(parameters('port'), 9999), 2, 1)]"},
    "name": "[format('gw{0}', copyIndex())]",
    "properties": {
      "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
      "gatewayIPConfigurations": [{"name": "g", "properties": {"subnet": {"id": "/any/subnet"}}}],
      "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": "/any/pip"}}}],
      "frontendPorts": [{"name": "p", "properties": {"port": "[parameters('port')]"}}],
      "sslCertificates": [{"name": "s", "properties": {"data": "@server.pem", "password": "[parameters('password')]"}}],
      "trustedClientCertificates": [{"name": "ca", "properties": {"data": "[parameters('ca')]"}}],
      "sslProfiles": [{"name": "mtls", "properties": {"trustedClientCertificates": [
        {"id": "[concat('/trustedClientCertificates/', 'ca')]"}]}}],
      "backendAddressPools": [{"name": "b", "properties": {"backendAddresses": [
        {"ipAddress": "[reference('pip').ipAddress]"}]}}],
      "backendHttpSettingsCollection": [{"name": "h", "properties": {"port": 80, "protocol": "Http"}}],
      "httpListeners": [{"name": "l", "properties": {"protocol": "Https",
        "frontendIPConfiguration": {"id": "/frontendIPConfigurations/f"}, "frontendPort": {"id": "/frontendPorts/p"},
        "sslCertificate": {"id": "/sslCertificates/s"}, "sslProfile": {"id": "/sslProfiles/mtls"}}}],
      "requestRoutingRules": [{"name": "r", "properties": {"ruleType": "Basic", "priority": 1,
        "httpListener": {"id": "/httpListeners/l"}, "backendAddressPool": {"id": "/backendAddressPools/b"},
        "backendHttpSettings": {"id": "/backendHttpSettingsCollection/h"}}}]
    }
  }]
})";

struct TemplateDocuments : testing::Test {
  void SetUp() override {
    directory = *prepare_demo_directory(parent / "demo");
    ASSERT_TRUE(write_demo_files(directory, {8443, 8444, 8080}, SystemClock().wall()));
    paths.gateway = write("template.json", kTemplate);
    paths.parameters = write("parameters.json", R"({"parameters":{"port":{"value":8443}}})");
    paths.host = write("host.yaml", "references: {pip: {ipAddress: 127.0.0.1}}\n");
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
    return directory + "/" + name;
  }
  // What check() says, errors only unless there are none.
  std::string said() const {
    std::string text;
    for (const model::Finding& finding : check(paths))
      if (finding.severity == model::Severity::kError) text += model::to_line(finding) + "\n";
    return text;
  }

  TemporaryDirectory parent;
  std::string directory;
  DocumentPaths paths;
};

TEST_F(TemplateDocuments, ChecksWithParametersAndReferences) {
  EXPECT_EQ(said(), "");
  const server::Loaded loaded = load(paths);
  ASSERT_TRUE(loaded.configuration);
  const model::Gateway& gateway = loaded.configuration->gateways.at(0);
  EXPECT_EQ(gateway.name, "gw0");
  EXPECT_EQ(gateway.pointer, "/resources/0");
  for (const model::Finding& finding : loaded.findings) EXPECT_NE(finding.code, "NotInThisBuild") << finding.message;
}

TEST_F(TemplateDocuments, SayWhatIsMissing) {
  paths.parameters.clear();
  EXPECT_NE(said().find("error InvalidTemplate /parameters/port: The parameter 'port' has no value"), std::string::npos)
      << said();
  paths.parameters = write("parameters.json", R"({"port":8443})");
  paths.host.clear();
  EXPECT_NE(said().find("references: {\"pip\": {…}}"), std::string::npos) << said();
  paths.parameters = directory + "/absent.json";
  EXPECT_NE(said().find("error FileNotReadable /: Cannot read the parameter file "), std::string::npos) << said();
  paths.parameters = write("parameters.json", "{\"port\": 1,");
  EXPECT_NE(said().find("error InvalidJson /: " + paths.parameters + ": "), std::string::npos) << said();
}

TEST_F(TemplateDocuments, OneOfSeveralGatewaysIsNamed) {
  paths.parameters = write("parameters.yaml", "port: 9999\n");
  EXPECT_NE(said().find("error TemplateGatewayCount /resources: This template holds 2 gateways: gw0, gw1."),
            std::string::npos)
      << said();
  const Said line =
      run_line({"check", paths.gateway, "--parameters", paths.parameters, "--host", paths.host, "--name", "GW1"});
  EXPECT_EQ(line.code, 0) << line.out;
  paths.name = "gw2";
  EXPECT_NE(said().find("error GatewayNotFound /resources: "), std::string::npos) << said();
}

TEST_F(TemplateDocuments, ParametersBelongToTemplates) {
  paths.gateway = directory + "/gateway.json";
  ASSERT_TRUE(fs::exists(paths.gateway));
  EXPECT_NE(said().find("error ParametersWithoutTemplate /: "), std::string::npos) << said();
}

TEST_F(TemplateDocuments, SecretsOfAKeyVaultComeFromTheHostFile) {
  const std::string vault =
      R"({"reference":{"keyVault":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/Kv"},)"
      R"("secretName":"ca"}})";
  paths.parameters = write("parameters.json", R"({"parameters":{"port":{"value":8443},"ca":)" + vault + "}}");
  EXPECT_NE(said().find("secrets: {\"https://kv.vault.azure.net/secrets/ca\": FILE}"), std::string::npos) << said();
  for (const char* key : {"ca", "\"https://kv.vault.azure.net/secrets/ca\""}) {
    write("host.yaml",
          std::string("references: {pip: {ipAddress: 127.0.0.1}}\nsecrets: {") + key + ": clients-ca.pem}\n");
    EXPECT_EQ(said(), "") << key;
  }
  write("host.yaml", "references: {pip: {ipAddress: 127.0.0.1}}\nsecrets: {ca: absent.pem}\n");
  EXPECT_NE(said().find("error FileNotReadable /: Cannot read the secret "), std::string::npos) << said();
}

TEST_F(TemplateDocuments, SecureValuesAreNotPrinted) {
  paths.parameters = write("parameters.json", R"({"port":"hunter2-as-port","password":"hunter2-is-secret"})");
  std::string text = said();
  EXPECT_NE(text.find("error InvalidTemplate /parameters/port"), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

TEST_F(TemplateDocuments, ThePublishedStrictTemplateChecks) {
  const char* given = std::getenv("PORTCULLIS_SHARED");
  const fs::path source = fs::path(__FILE__).parent_path() / "../../../shared";
  const fs::path published = (given != nullptr ? fs::path(given) : source) / "data/arm/templates/mtls-strict.json";
  if (!fs::exists(published)) GTEST_SKIP() << "../shared/data/arm/templates is absent";
  paths.gateway = write("mtls-strict.json", text_of(published.string()));
  paths.host.clear();
  paths.parameters =
      write("parameters.json", R"({"$schema":"x","contentVersion":"1.0.0.0","parameters":{"name":{"value":"gw"},)"
                               R"("certData":{"value":"@server.pem"},"certPassword":{"value":"pw"},)"
                               R"("clientCaData":{"value":)" +
                                   quoted(text_of(directory + "/clients-ca.pem")) + "}}}");
  EXPECT_EQ(said(), "");
}

}  // namespace
}  // namespace portcullis::cli
