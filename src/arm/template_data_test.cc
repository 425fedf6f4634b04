// Every template of ../shared/data/arm/templates with its parameter file: evaluates, and leaves no expression behind.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "arm/expression.h"
#include "arm/test_templates.h"

namespace portcullis::arm {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> shared_templates() {
  const char* given = std::getenv("PORTCULLIS_SHARED");
  const fs::path source = fs::path(__FILE__).parent_path() / "../../../shared";
  const fs::path templates = (given != nullptr ? fs::path(given) : source) / "data/arm/templates";
  std::error_code error;
  if (fs::exists(templates, error)) return templates;
  return std::nullopt;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t expressions_in(const Node& node) {
  std::size_t count = (node.is(Kind::kString) && is_expression(node.text)) || is_expression(node.key) ? 1 : 0;
  for (const Node& item : node.items) count += expressions_in(item);
  return count;
}

void check_template(const fs::path& document, const std::string& parameters, const std::string& name) {
  TemplateOptions options;
  if (!parameters.empty()) options.parameters = tree_of(parameters);
  options.gateway = name;
  // What the templates ask of other resources.
  options.references["GEN-UNIQUErg0"] = options.references["GEN-UNIQUErg1"] =
      R"({"dnsSettings":{"fqdn":"lb.example"}})";
  options.references["gen--web-vm-pip-rg1-0"] = options.references["genu-web-vm-pip-rg1-0"] =
      R"({"dnsSettings":{"fqdn":"vm.example"}})";
  TemplateOptions vault = options;
  ParsedDocument parsed = parse_json(text_of(document));
  ASSERT_TRUE(parsed.findings.empty()) << document << all(parsed.findings);
  TemplateResource found = evaluate_template(parsed.root, options);
  for (int i = 0; i < 20 && found.resource == nullptr; ++i) {
    // A name made by uniqueString: taken from the finding, as an operator would.
    const std::string said = all(found.findings);
    const std::string mark = "references: {\"";
    const std::size_t at = said.find(mark);
    if (at == std::string::npos) break;
    const std::size_t start = at + mark.size();
    options.references[said.substr(start, said.find('"', start) - start)] =
        R"({"vaultUri":"https://kv.example/","dnsSettings":{"fqdn":"x.example"},"ipAddress":"10.9.9.9"})";
    found = evaluate_template(parsed.root, options);
  }
  ASSERT_NE(found.resource, nullptr) << document << "\n" << all(found.findings);
  EXPECT_EQ(expressions_in(*found.resource), 0U) << to_json(*found.resource);
  EXPECT_TRUE(found.resource->find("properties") != nullptr);
  EXPECT_EQ(found.resource->find("dependsOn"), nullptr);
}

TEST(TemplateData, EveryPublishedTemplateEvaluates) {
  const auto templates = shared_templates();
  if (!templates) GTEST_SKIP() << "../shared/data/arm/templates is absent";
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*templates)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with("azuredeploy.parameters")) continue;
    SCOPED_TRACE(entry.path().string());
    const fs::path document = entry.path().parent_path() / "azuredeploy.json";
    const bool several = entry.path().parent_path().filename() == "multi-tier-loadbalancing";
    check_template(document, text_of(entry.path()), several ? "region-appgw-1" : "");
    ++count;
  }
  EXPECT_GE(count, 12U);
}

TEST(TemplateData, TheMtlsTemplatesBecomeGateways) {
  const auto templates = shared_templates();
  if (!templates) GTEST_SKIP() << "../shared/data/arm/templates is absent";
  for (const bool strict : {true, false}) {
    ReadOptions options;
    std::string pem = kPem;
    replace_all(pem, "\n", "\\n");
    options.deployment.parameters = tree_of(R"({"name":"edge","certData":"AAEC","certPassword":"pw")" +
                                            (strict ? R"(,"clientCaData":")" + pem + "\"" : std::string()) + "}");
    const GatewayReading reading =
        read(text_of(*templates / (strict ? "mtls-strict.json" : "mtls-passthrough.json")), Format::kJson, options);
    ASSERT_TRUE(reading.gateway) << all(reading.findings);
    EXPECT_EQ(reading.gateway->name, "edge");
    EXPECT_EQ(reading.gateway->pointer, "/resources/0");
    ASSERT_EQ(reading.gateway->ssl_profiles.size(), 1U);
    EXPECT_EQ(model::effective_client_auth(reading.gateway->ssl_profiles[0]),
              strict ? model::EffectiveClientAuth::kStrict : model::EffectiveClientAuth::kPassthrough);
    EXPECT_EQ(reading.gateway->trusted_client_certificates.size(), strict ? 1U : 0U);
  }
}

TEST(TemplateData, SeveralGatewaysAreListed) {
  const auto templates = shared_templates();
  if (!templates) GTEST_SKIP() << "../shared/data/arm/templates is absent";
  const fs::path folder = *templates / "multi-tier-loadbalancing";
  TemplateOptions options;
  options.parameters = tree_of(text_of(folder / "azuredeploy.parameters.json"));
  const Evaluated result = evaluated(text_of(folder / "azuredeploy.json"), options);
  ASSERT_EQ(result.findings.size(), 1U) << all(result.findings);
  EXPECT_EQ(result.findings[0].code, "TemplateGatewayCount");
  EXPECT_NE(result.findings[0].message.find("region-appgw-0, region-appgw-1"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::arm
