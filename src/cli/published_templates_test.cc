// Every template of ../shared/data/arm/templates with its parameter file, as an operator would give it to `check` and
// `show`: good, or refused for the reason that Azure has; and no expression is left.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "arm/document.h"
#include "arm/expression.h"
#include "cli/demo_files.h"
#include "cli/documents.h"
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

// What the templates ask of other resources and of this machine.
constexpr const char* kHostFile = R"(
bind: {appgwpublicfrontendip: 127.0.0.1, appgwipv6publicfrontendip: "::1"}
unenforced: [waf]
references:
  GEN-UNIQUErg0: {dnsSettings: {fqdn: lb.example}}
  GEN-UNIQUErg1: {dnsSettings: {fqdn: lb.example}}
  gen-web-vm-pip-rg1-0: {dnsSettings: {fqdn: vm.example}}
  genu-web-vm-pip-rg1-0: {dnsSettings: {fqdn: vm.example}}
  VAULT: {vaultUri: "https://kv.example/"}
secrets: {appGatewaySslCert: server.pem}
)";

struct Published {
  const char* folder;
  const char* refused;  // the code that has to be among the errors; empty: good
  const char* why;      // what its message says
  bool run_refuses;     // by what is not served yet
};

constexpr Published kPublished[] = {
    {"ag-docs-qs", "", "", false},
    {"application-gateway-create", "SkuRetired", "use Standard_v2", true},
    {"application-gateway-ipv6-create", "", "", false},
    {"application-gateway-key-vault-create", "", "", false},
    {"application-gateway-path-override", "SkuRetired", "use Standard_v2", true},
    {"application-gateway-public-ip-ssl-offload", "SkuRetired", "use Standard_v2", true},
    {"application-gateway-redirect", "SkuRetired", "use Standard_v2", true},
    {"application-gateway-sslpolicy-custom", "SkuRetired", "use Standard_v2", true},
    {"application-gateway-url-path-based-routing", "", "", true},
    {"application-gateway-waf-firewall-policy", "", "", true},
    {"multi-tier-loadbalancing", "SkuRetired", "use Standard_v2", true},
};

struct PublishedTemplates : testing::Test {
  void SetUp() override {
    const char* given = std::getenv("PORTCULLIS_SHARED");
    const fs::path source = fs::path(__FILE__).parent_path() / "../../../shared";
    templates = (given != nullptr ? fs::path(given) : source) / "data/arm/templates";
    if (!fs::exists(templates)) GTEST_SKIP() << "../shared/data/arm/templates is absent";
    directory = *prepare_demo_directory(parent / "demo");
    ASSERT_TRUE(write_demo_files(directory, {8443, 8444, 8080}, SystemClock().wall()));
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
    return directory + "/" + name;
  }
  // The host file with the name that uniqueString made, taken from the finding, as an operator would.
  std::string host_for(DocumentPaths paths) const {
    paths.host = write("host.yaml", kHostFile);
    const std::string said = text_of_errors(check(paths).findings);
    const std::string mark = "references: {\"";
    const std::size_t at = said.find(mark);
    if (at == std::string::npos) return paths.host;
    const std::size_t name = at + mark.size();
    std::string text = kHostFile;
    text.replace(text.find("VAULT"), 5, said.substr(name, said.find('"', name) - name));
    return write("host.yaml", text);
  }
  static std::string text_of_errors(const model::Findings& findings) {
    std::string text;
    for (const model::Finding& finding : findings)
      if (finding.severity == model::Severity::kError) text += model::to_line(finding) + "\n";
    return text;
  }
  static std::size_t expressions_in(const arm::Node& node) {
    std::size_t count =
        (node.is(arm::Kind::kString) && arm::is_expression(node.text)) || arm::is_expression(node.key) ? 1 : 0;
    for (const arm::Node& item : node.items) count += expressions_in(item);
    return count;
  }
  static void expect_shown(const DocumentPaths& paths) {
    const Shown shown = show(paths);
    EXPECT_FALSE(shown.findings.has_errors()) << text_of_errors(shown.findings);
    const arm::ParsedDocument resource = arm::parse_json(shown.resource);
    ASSERT_TRUE(resource.findings.empty());
    EXPECT_EQ(expressions_in(resource.root), 0U) << shown.resource;
    const arm::Node* properties = resource.root.find("properties");
    ASSERT_NE(properties, nullptr);
    EXPECT_FALSE(properties->find("httpListeners")->items.empty());
  }

  TemporaryDirectory parent;
  std::string directory;
  fs::path templates;
};

TEST_F(PublishedTemplates, PassCheckOrAreRefusedForAzuresReason) {
  for (const Published& one : kPublished) {
    const fs::path folder = templates / one.folder;
    std::vector<fs::path> parameter_files;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with("azuredeploy.parameters"))
        parameter_files.push_back(entry.path());
    EXPECT_FALSE(parameter_files.empty()) << folder;
    for (const fs::path& parameters : parameter_files) {
      SCOPED_TRACE(parameters.string());
      DocumentPaths paths{(folder / "azuredeploy.json").string(), "", "", parameters.string()};
      if (std::string(one.folder).starts_with("multi-tier")) paths.name = "region-appgw-1";
      paths.host = host_for(paths);
      const Judgement judgement = check(paths);
      const std::string errors = text_of_errors(judgement.findings);
      if (*one.refused == '\0') {
        EXPECT_EQ(errors, "");
      } else {
        EXPECT_NE(errors.find(std::string("error ") + one.refused + " "), std::string::npos) << errors;
        EXPECT_NE(errors.find(one.why), std::string::npos) << errors;
      }
      EXPECT_EQ(!judgement.served, one.run_refuses);
      EXPECT_EQ(!load(paths).configuration, one.run_refuses);
      expect_shown(paths);
    }
  }
}

TEST_F(PublishedTemplates, AreAllNamedAbove) {
  std::set<std::string> named;
  for (const Published& one : kPublished) named.insert(one.folder);
  for (const auto& entry : fs::directory_iterator(templates))
    if (entry.is_directory()) {
      EXPECT_TRUE(named.contains(entry.path().filename().string())) << entry.path();
    }
}

TEST_F(PublishedTemplates, OfMutualTlsAreServed) {
  for (const bool strict : {true, false}) {
    DocumentPaths paths;
    // A copy, since what '@' names lies beside the document.
    paths.gateway =
        write("template.json", text_of((templates / (strict ? "mtls-strict.json" : "mtls-passthrough.json")).string()));
    std::string parameters =
        R"({"$schema":"x","contentVersion":"1.0.0.0","parameters":{"name":{"value":"gw"},"certData":{"value":"@server.pem"},)"
        R"("certPassword":{"value":"pw"})";
    if (strict) parameters += R"(,"clientCaData":{"value":)" + quoted(text_of(directory + "/clients-ca.pem")) + "}";
    paths.parameters = write("parameters.json", parameters + "}}");
    const Judgement judgement = check(paths);
    EXPECT_EQ(text_of_errors(judgement.findings), "");
    EXPECT_TRUE(judgement.served);
    expect_shown(paths);
  }
}

}  // namespace
}  // namespace portcullis::cli
