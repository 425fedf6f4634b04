#include "arm/template.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "arm/test_templates.h"
#include "base/base64.h"
#include "base/test_temporary_directory.h"

namespace portcullis::arm {
namespace {

TEST(Template, TakesTheOneGatewayAndIgnoresTheRest) {
  const GatewayReading reading = read(template_of(
      R"("variables":{"v":"[x()]"})",
      R"({"type":"Microsoft.Compute/virtualMachines","name":"[parameters('x')]","copy":{"count":"[broken("}},)"
      R"({"type":"microsoft.network/APPLICATIONGATEWAYS","apiVersion":"2025-03-01","name":"gw","dependsOn":["[resourceId('x')]"],)"
      R"("properties":{"frontendPorts":[{"name":"p","properties":{"port":80}}],"rewriteRuleSets":[{"name":"s","properties":{)"
      R"("rewriteRules":[{"name":"r","actionSet":{"requestHeaderConfigurations":[{"headerName":"X","headerValue":"[[x]"}]}}]}}]}})"));
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->pointer, "/resources/1");
  EXPECT_EQ(reading.gateway->frontend_ports[0].pointer, "/resources/1/properties/frontendPorts/0");
  EXPECT_EQ(reading.gateway->rewrite_rule_sets[0].rewrite_rules[0].request_header_configurations[0].header_value,
            "[x]");
}

TEST(Template, NamesEveryBrokenExpressionOnce) {
  const Evaluated result = evaluated(template_of(
      R"("variables":{"v":"[concat(]"})",
      gateway_resource(R"("location":"[parameters('n')]","properties":{"a":"[variables('v')]","b":"[variables('v')]",)"
                       R"("c":["[nothing()]",{"~/":"[add('1',2)]"}]})")));
  ASSERT_EQ(result.findings.size(), 4U) << all(result.findings);
  const char* pointers[] = {"/resources/0/location", "/variables/v", "/resources/0/properties/c/0",
                            "/resources/0/properties/c/1/~0~1"};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result.findings[i].code, "InvalidTemplate");
    EXPECT_EQ(result.findings[i].pointer, pointers[i]);
  }
  EXPECT_NE(result.findings[3].message.find("In [add('1',2)] (line 1, column"), std::string::npos)
      << result.findings[3].message;
}

TEST(Template, WithoutAGatewayIsRefused) {
  for (const char* resources : {"", R"({"type":"A.B/c"})", "5", "null", "\"[x()]\""}) {
    const GatewayReading reading = read(template_of("", resources));
    ASSERT_EQ(reading.findings.size(), 1U) << resources;
    EXPECT_EQ(reading.findings[0].code, "TemplateGatewayCount");
  }
  EXPECT_EQ(read(R"({"$schema":"x"})").findings[0].code, "TemplateGatewayCount");
}

TEST(Template, OfSeveralGatewaysOneIsNamed) {
  const std::string several =
      template_of("", R"({"type":"Microsoft.Network/applicationGateways","name":"[concat('gw',copyIndex(1))]",)"
                      R"("copy":{"name":"l","count":2},"tags":{"index":"[string(copyIndex('L'))]"}},)" +
                          gateway_resource("\"tags\":{}"));
  const Evaluated any = evaluated(several);
  ASSERT_EQ(any.findings.size(), 1U);
  EXPECT_EQ(any.findings[0].code, "TemplateGatewayCount");
  EXPECT_NE(any.findings[0].message.find("3 gateways: gw1, gw2, gw. Say which with --name."), std::string::npos)
      << any.findings[0].message;

  TemplateOptions options;
  options.gateway = "GW2";
  const Evaluated second = evaluated(several, options);
  EXPECT_EQ(second.json, R"({"type":"Microsoft.Network/applicationGateways","name":"gw2","tags":{"index":"1"}})");
  EXPECT_EQ(second.pointer, "/resources/0");

  options.gateway = "other";
  const Evaluated none = evaluated(several, options);
  ASSERT_EQ(none.findings.size(), 1U);
  EXPECT_EQ(none.findings[0].code, "GatewayNotFound");
  EXPECT_NE(none.findings[0].message.find("it holds: gw1, gw2, gw"), std::string::npos);
}

TEST(Template, ConditionsDropGateways) {
  const std::string two = template_of(
      R"("parameters":{"second":{"type":"bool"}})",
      R"({"type":"Microsoft.Network/applicationGateways","name":"a","condition":"[not(parameters('second'))]"},)"
      R"({"type":"Microsoft.Network/applicationGateways","name":"b","condition":"[parameters('second')]"},)"
      R"({"type":"Microsoft.Network/applicationGateways","name":"c","condition":false})");
  for (const bool second : {false, true}) {
    TemplateOptions options;
    options.parameters = tree_of(second ? R"({"second":true})" : R"({"second":false})");
    const Evaluated result = evaluated(two, options);
    EXPECT_EQ(result.pointer, second ? "/resources/1" : "/resources/0") << result.text();
  }
  const Evaluated wrong =
      evaluated(template_of("", R"({"type":"Microsoft.Network/applicationGateways","name":"a","condition":"yes"})"));
  EXPECT_NE(wrong.text().find("/resources/0/condition: This is a string; it should be a boolean"), std::string::npos);
}

TEST(Template, BracketsAreLiteralOutsideTemplates) {
  const GatewayReading reading = read(R"({"name":"gw","location":"[x]","properties":{}})");
  ASSERT_TRUE(reading.gateway);
  EXPECT_EQ(reading.gateway->location, "[x]");
}

TEST(Template, SymbolicNamesAreFollowed) {
  const Evaluated result = evaluated(
      R"({"languageVersion":"2.0","resources":{"old":{"existing":true,"type":"Microsoft.Network/applicationGateways",)"
      R"("name":"x"},"new/er":{"type":"Microsoft.Network/applicationGateways","name":"y"}}})");
  EXPECT_EQ(result.pointer, "/resources/new~1er") << result.text();
}

TEST(Template, ValuesStandWhereTheirExpressionStands) {
  const Evaluated result = evaluated(
      "{\"resources\":[{\"type\":\"Microsoft.Network/applicationGateways\",\n\"properties\":\n"
      "  \"[createObject('a', createArray(1))]\"}]}");
  ASSERT_NE(result.whole.resource, nullptr) << result.text();
  const Node* properties = result.whole.resource->find("properties");
  ASSERT_NE(properties, nullptr);
  EXPECT_EQ(properties->items[0].items[0].line, 3U);
  EXPECT_EQ(properties->line, 3U);
}

// --- files
// ------------------------------------------------------------------------------------------------------------

class Files : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) { directory_.write(name, bytes); }
  GatewayReading read_ca(const std::string& data) {
    ReadOptions options;
    options.base_dir = directory_.path();
    options.files = FileAccess::kAllowed;
    return read(properties(R"("trustedClientCertificates":[{"name":"c","properties":{"data":")" + data + R"("}}])"),
                Format::kJson, options);
  }

  const TemporaryDirectory directory_;
};

TEST_F(Files, AreReadRelativeToTheDocument) {
  write("ca.pem", kPem);
  write("ca.b64", base64_encode(kPem));
  for (const char* name : {"ca.pem", "ca.b64"}) {
    const GatewayReading reading = read_ca("@" + std::string(name));
    ASSERT_TRUE(reading.gateway) << all(reading.findings);
    const auto& ca = reading.gateway->trusted_client_certificates[0];
    EXPECT_EQ(ca.data.bytes, kPem);
    EXPECT_EQ(ca.data.origin, directory_ / name);
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
  const std::string url = "file://" + (directory_ / "server.pem");
  const GatewayReading reading =
      read(properties(R"("sslCertificates":[{"name":"c","properties":{"keyVaultSecretId":")" + url + R"("}}])"),
           Format::kJson, options);
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  EXPECT_EQ(reading.gateway->ssl_certificates[0].data->bytes, kPem);
}

TEST_F(Files, UnreadableOnesAreNamed) {
  write("large", std::string((1U << 20U) + 1, 'x'));
  std::filesystem::create_directory(directory_ / "directory");
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
