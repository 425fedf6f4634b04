#include "arm/template.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "arm/test_documents.h"
#include "base/base64.h"

namespace portcullis::arm {
namespace {

namespace fs = std::filesystem;

// --- templates
// --------------------------------------------------------------------------------------------------------

std::string in_template(const std::string& resources) {
  return R"({"$schema":"https://schema.management.azure.com/x","parameters":{},"variables":{"v":"[x()]"},"resources":[)" +
         resources + "]}";
}

TEST(Template, TakesTheOneGatewayAndIgnoresTheRest) {
  const GatewayReading reading = read(in_template(
      R"({"type":"Microsoft.Network/virtualNetworks","name":"[parameters('x')]"},)"
      R"({"type":"microsoft.network/APPLICATIONGATEWAYS","apiVersion":"2025-03-01","name":"gw","dependsOn":["[resourceId('x')]"],)"
      R"("properties":{"frontendPorts":[{"name":"p","properties":{"port":80}}],"rewriteRuleSets":[{"name":"s","properties":{)"
      R"("rewriteRules":[{"name":"r","actionSet":{"requestHeaderConfigurations":[{"headerName":"X","headerValue":"[[x]"}]}}]}}]}})"));
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->pointer, "/resources/1");
  EXPECT_EQ(reading.gateway->frontend_ports[0].pointer, "/resources/1/properties/frontendPorts/0");
  EXPECT_EQ(reading.gateway->rewrite_rule_sets[0].rewrite_rules[0].request_header_configurations[0].header_value,
            "[x]");
}

TEST(Template, NamesEveryExpressionOnce) {
  const GatewayReading reading = read(in_template(
      R"({"type":"Microsoft.Network/applicationGateways","name":"[parameters('n')]","properties":{)"
      R"("frontendPorts":[{"name":"[variables('v')]","properties":{"port":"[parameters('port')]"}}],"httpListeners":"[variables('l')]"}})"));
  EXPECT_FALSE(reading.gateway);
  ASSERT_EQ(reading.findings.size(), 4U) << all(reading.findings);
  for (const auto& finding : reading.findings) EXPECT_EQ(finding.code, "TemplateExpressionNotEvaluated");
  EXPECT_EQ(reading.findings[2].pointer, "/resources/0/properties/frontendPorts/0/properties/port");
}

TEST(Template, WantsExactlyOneGateway) {
  const std::string one = R"({"type":"Microsoft.Network/applicationGateways","name":"gw","properties":{}})";
  for (const std::string& resources : {std::string(), one + "," + one}) {
    const GatewayReading reading = read(in_template(resources));
    ASSERT_EQ(reading.findings.size(), 1U);
    EXPECT_EQ(reading.findings[0].code, "TemplateGatewayCount");
  }
  EXPECT_TRUE(read(in_template(one)).gateway);
}

TEST(Template, BracketsAreLiteralOutsideTemplates) {
  const GatewayReading reading = read(R"({"name":"gw","location":"[x]","properties":{}})");
  ASSERT_TRUE(reading.gateway);
  EXPECT_EQ(reading.gateway->location, "[x]");
}

std::optional<fs::path> shared_templates() {
  const char* given = std::getenv("PORTCULLIS_SHARED");
  const fs::path source = fs::path(__FILE__).parent_path() / "../../../shared";
  const fs::path templates = (given != nullptr ? fs::path(given) : source) / "data/arm/templates";
  std::error_code error;
  if (fs::exists(templates, error)) return templates;
  return std::nullopt;
}

class PublishedTemplates : public testing::TestWithParam<const char*> {};

TEST_P(PublishedTemplates, AreAcceptedOnceTheirExpressionsAreReplaced) {
  const auto templates = shared_templates();
  if (!templates) GTEST_SKIP() << "../shared/data/arm/templates is absent";
  std::ifstream file(*templates / (std::string(GetParam()) + ".json"));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(text.empty());

  const GatewayReading unevaluated = read(text);
  EXPECT_FALSE(unevaluated.gateway);
  for (const auto& finding : unevaluated.findings) EXPECT_EQ(finding.code, "TemplateExpressionNotEvaluated");

  const std::pair<std::string, std::string> filled[] = {
      {"[concat(variables('gw'),'", kFullIdBase},
      {"')]\"\n", "\"\n"},
      {"[parameters('name", "gw"},
      {"[resourceGroup().location]", "westeurope"},
      {"[parameters('certData", "AAEC"},
      {"[parameters('certPassword')]", "pw"},
      {"[parameters('clientCaData", base64_encode(kPem)},
      {"[resourceId('Microsoft.Network/publicIPAddresses','pip", "/any/pip"},
      {"[resourceId('Microsoft.Network/virtualNetworks/subnets','vnet','appgw", "/any/subnet"}};
  for (const auto& [from, to] : filled) replace_all(text, from, to);
  replace_all(text, "gw')]", "gw");
  replace_all(text, "AAEC')]", "AAEC");
  const GatewayReading reading = read(text);
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  ASSERT_EQ(reading.gateway->ssl_profiles.size(), 1U);
  const bool strict = std::string_view(GetParam()) == "mtls-strict";
  EXPECT_EQ(model::effective_client_auth(reading.gateway->ssl_profiles[0]),
            strict ? model::EffectiveClientAuth::kStrict : model::EffectiveClientAuth::kPassthrough);
  EXPECT_EQ(reading.gateway->http_listeners.at(0).ssl_profile->name, "mtls");
  EXPECT_EQ(reading.gateway->trusted_client_certificates.size(), strict ? 1U : 0U);
}

INSTANTIATE_TEST_SUITE_P(Template, PublishedTemplates, testing::Values("mtls-strict", "mtls-passthrough"),
                         [](const auto& info) {
                           return std::string(info.param) == "mtls-strict" ? "strict" : "passthrough";
                         });

// --- files
// ------------------------------------------------------------------------------------------------------------

class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = (fs::temp_directory_path() / "portcullis-arm-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Files() override { fs::remove_all(directory_); }

  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
  }
  GatewayReading read_ca(const std::string& data) {
    ReadOptions options;
    options.base_dir = directory_.string();
    options.files = FileAccess::kAllowed;
    return read(properties(R"("trustedClientCertificates":[{"name":"c","properties":{"data":")" + data + R"("}}])"),
                Format::kJson, options);
  }

  fs::path directory_;
};

TEST_F(Files, AreReadRelativeToTheDocument) {
  write("ca.pem", kPem);
  write("ca.b64", base64_encode(kPem));
  for (const char* name : {"ca.pem", "ca.b64"}) {
    const GatewayReading reading = read_ca("@" + std::string(name));
    ASSERT_TRUE(reading.gateway) << all(reading.findings);
    const auto& ca = reading.gateway->trusted_client_certificates[0];
    EXPECT_EQ(ca.data.bytes, kPem);
    EXPECT_EQ(ca.data.origin, (directory_ / name).string());
    EXPECT_EQ(ca.original_data, base64_encode(kPem)) << "what is saved holds no file reference";
  }
}

TEST_F(Files, BinaryIsTakenAsItIs) {
  const std::string der = std::string("\x30\x82\x01\x00", 4) + std::string(256, 'x');
  write("ca.der", der);
  EXPECT_EQ(read_ca("@ca.der").gateway->trusted_client_certificates[0].data.bytes, der);
  EXPECT_EQ(read_ca(base64_encode(der)).gateway->trusted_client_certificates[0].data.bytes, der);
  // Base64 that begins with the letter '0' is not DER.
  EXPECT_EQ(read_ca("0123").gateway->trusted_client_certificates[0].data.bytes, base64_decode("0123"));
}

TEST_F(Files, KeyVaultFileUrlNamesABundle) {
  write("server.pem", kPem);
  ReadOptions options;
  options.files = FileAccess::kAllowed;
  const std::string url = "file://" + (directory_ / "server.pem").string();
  const GatewayReading reading =
      read(properties(R"("sslCertificates":[{"name":"c","properties":{"keyVaultSecretId":")" + url + R"("}}])"),
           Format::kJson, options);
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->ssl_certificates[0].data->bytes, kPem);
}

TEST_F(Files, UnreadableOnesAreNamed) {
  write("large", std::string((1U << 20U) + 1, 'x'));
  fs::create_directory(directory_ / "directory");
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  for (const char* data : {"@absent", "@large", "@directory", "@fifo", "@", "@/dev/zero"}) {
    const GatewayReading reading = read_ca(data);
    EXPECT_FALSE(reading.gateway) << data;
    ASSERT_EQ(reading.findings.size(), 1U) << data;
    EXPECT_EQ(reading.findings[0].code, "FileNotReadable") << data;
  }
}

}  // namespace
}  // namespace portcullis::arm
