#include "cli/documents.h"

#include <algorithm>
#include <filesystem>

#include "arm/document.h"
#include "base/strings.h"
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
    const Judgement judgement = check(paths);
    for (const model::Finding& finding : judgement.findings)
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

struct SecretPlace {
  const char* from;
  const char* to;
  bool shown = true;  // whether the document can still be read, so that `show` has something to print
};

// Everywhere that a message, or `show`, would repeat what it finds.
constexpr SecretPlace kSecretPlaces[] = {
    {R"("[format('gw{0}', copyIndex())]")", R"("[parameters('secret')]")"},
    {R"("sslCertificates": [{"name": "s")", R"("sslCertificates": [{"name": "[parameters('secret')]")", false},
    {R"("httpListeners": [{"name": "l")", R"("httpListeners": [{"name": "[parameters('secret')]")", false},
    {R"("data": "[parameters('ca')]")", R"("data": "[parameters('secret')]")"},
    {R"("data": "[parameters('ca')]")", R"("data": "[concat('@', parameters('secret'))]")", false},
    {R"("data": "[parameters('ca')]")",
     R"("data": "[concat('-----BEGIN CERTIFICATE-----\\n', parameters('secret'), '\\n-----END CERTIFICATE-----')]")"},
    {R"("data": "@server.pem")", R"("data": "[parameters('secret')]")"},
    {R"("data": "@server.pem")", R"("keyVaultSecretId": "[parameters('secret')]")"},
    {R"("data": "@server.pem")", R"("keyVaultSecretId": "[concat('file:///', parameters('secret'))]")", false},
    {R"("password": "[parameters('password')]")", R"("password": "[parameters('secret')]")"},
    {R"({"name": "l", "properties": {)", R"({"name": "l", "properties": {"hostName": "[parameters('secret')]", )"},
    {R"({"name": "l", "properties": {)", R"({"name": "l", "properties": {"hostNames": ["[parameters('secret')]"], )"},
    {R"("protocol": "Https")", R"("protocol": "[parameters('secret')]")", false},
    {R"("ipAddress": "[reference('pip').ipAddress]")", R"("ipAddress": "[parameters('secret')]")"},
    {R"("ipAddress": "[reference('pip').ipAddress]")", R"("fqdn": "[parameters('secret')]")"},
    {R"([reference('pip').ipAddress])", R"([reference(parameters('secret')).ipAddress])", false},
    {R"("id": "/sslProfiles/mtls")", R"("id": "[concat('/sslProfiles/', parameters('secret'))]")", false},
    {R"("id": "/frontendPorts/p")", R"("id": "[parameters('secret')]")", false},
    {R"("port": 80, )", R"("port": "[parameters('secret')]", )", false},
    {R"("sku": {"name": "Standard_v2")", R"("sku": {"name": "[parameters('secret')]")", false},
    {R"("properties": {
      "sku")",
     R"("tags": {"[parameters('secret')]": "[parameters('secret')]"}, "properties": {
      "sku")"},
    {R"("sku": {)", R"("[parameters('secret')]": 1, "sku": {)", false},
    {R"("sku": {)", R"("sslPolicy": {"policyType": "Predefined", "policyName": "[parameters('secret')]"}, "sku": {)",
     false},
};

TEST_F(TemplateDocuments, ASecretIsNowherePrinted) {
  std::string longer = "Hunter2-";
  for (int i = 0; i < 60; ++i) longer += "abcdefgh";
  for (const std::string& secret :
       {std::string("hunter2.is-a_secret"), std::string("hunter2\nis \"a\" secret/\\"), longer}) {
    paths.parameters = write("parameters.json", R"({"port":8443,"secret":)" + quoted(secret) + "}");
    for (const SecretPlace& place : kSecretPlaces) {
      std::string text = kTemplate;
      const std::size_t at = text.find(place.from);
      ASSERT_NE(at, std::string::npos) << place.from;
      text.replace(at, std::string_view(place.from).size(), place.to);
      text.replace(text.find("\"port\": {\"type\""), 0, R"("secret": {"type": "securestring"}, )");
      paths.gateway = write("template.json", text);
      const std::vector<std::string> files{paths.gateway, "--parameters", paths.parameters, "--host", paths.host};
      const auto with = [&](const char* command) {
        std::vector<std::string> line{command};
        line.insert(line.end(), files.begin(), files.end());
        return line;
      };
      const Said checked = run_line(with("check"));
      const Said shown = run_line(with("show"));
      std::string all = checked.out + checked.err + shown.out + shown.err;
      run_line(with("run"), [&](const server::RunOptions& options) {
        const server::Loaded loaded = options.load();
        for (const model::Finding& finding : loaded.findings) all += model::to_line(finding);
        return 0;
      });
      EXPECT_EQ(shown.code, place.shown ? 0 : 1) << place.to << "\n" << shown.err;
      EXPECT_EQ(shown.out.empty(), !place.shown);
      std::transform(all.begin(), all.end(), all.begin(), [](char c) { return ascii_lower(c); });
      EXPECT_EQ(all.find("hunter2"), std::string::npos) << place.to << "\n" << all;
    }
  }
}

TEST_F(TemplateDocuments, SecureValuesAreNotPrinted) {
  paths.parameters = write("parameters.json", R"({"port":"hunter2-as-port","password":"hunter2-is-secret"})");
  std::string text = said();
  EXPECT_NE(text.find("error InvalidTemplate /parameters/port"), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

}  // namespace
}  // namespace portcullis::cli
