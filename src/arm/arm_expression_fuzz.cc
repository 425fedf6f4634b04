// Any bytes as an expression, and any JSON as a template with and without parameters: no crash, no hang, a gateway or
// an error, and never both.
#include <cstdint>
#include <string>
#include <string_view>

#include "arm/expression.h"
#include "arm/template.h"
#include "base/check.h"

namespace {

using namespace portcullis;

void evaluate(const arm::Node& document) {
  arm::TemplateOptions options;
  options.references["x"] = R"({"a":[1,{"b":"c"}]})";
  const arm::TemplateResource found = arm::evaluate_template(document, options);
  CHECK((found.resource == nullptr) == found.findings.has_errors());
  if (found.resource != nullptr) arm::to_json(*found.resource);
}

arm::Node member(std::string key, std::string text) {
  arm::Node node;
  node.kind = arm::Kind::kString;
  node.key = std::move(key);
  node.text = std::move(text);
  return node;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const arm::ParsedDocument document = arm::parse_json(text);
  if (document.findings.empty()) {
    evaluate(document.root);
    return 0;
  }
  std::string expression(text);
  if (!arm::is_expression(expression)) expression = "[" + expression + "]";
  if (arm::is_expression(expression)) (void)arm::parse_expression(expression);
  // Strings of a document are UTF-8 without NUL: asked of the reader itself.
  arm::Node resource;
  resource.kind = arm::Kind::kObject;
  resource.items.push_back(member("x", expression));
  const arm::ParsedDocument read = arm::parse_json(arm::to_json(resource));
  if (!read.findings.empty()) return 0;
  arm::Node gateway = read.root;
  gateway.items.push_back(member("type", "Microsoft.Network/applicationGateways"));
  arm::Node root;
  root.kind = arm::Kind::kObject;
  arm::Node& resources = root.items.emplace_back();
  resources.kind = arm::Kind::kArray;
  resources.key = "resources";
  resources.items.push_back(std::move(gateway));
  evaluate(root);
  return 0;
}
