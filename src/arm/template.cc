#include "arm/template.h"

#include <vector>

#include "arm/internal/context.h"
#include "base/strings.h"

namespace portcullis::arm {
namespace {

void refuse_expressions(Context& context, const Node& node, const std::string& pointer) {
  if (context.is_expression(node)) {
    context.error("TemplateExpressionNotEvaluated", pointer,
                  "Template expressions are not evaluated yet: replace " + printable(node.text, 120) +
                      " by its value (" + node.place() + ").");
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    if (equals_ignore_case(item.key, "dependsOn")) continue;
    refuse_expressions(context, item, node.is(Kind::kObject) ? pointer_to(pointer, item.key) : pointer_to(pointer, i));
  }
}

}  // namespace

bool is_template(const Node& document) {
  return document.is(Kind::kObject) && document.find("properties") == nullptr &&
         (document.find("$schema") != nullptr || document.find("resources") != nullptr);
}

TemplateResource evaluate_template(const Node& document) {
  Context context(Format::kJson, {});
  context.treat_as_template();
  TemplateResource found;
  const Node* resources = document.find("resources");
  const std::string base = "/" + (resources != nullptr ? resources->key : std::string("resources"));
  std::size_t gateways = 0;
  for (std::size_t i = 0; resources != nullptr && i < resources->items.size(); ++i) {
    const Node& resource = resources->items[i];
    const Node* type = resource.find("type");
    if (type == nullptr || !equals_ignore_case(type->text, "Microsoft.Network/applicationGateways")) continue;
    ++gateways;
    found.resource = &resource;
    found.pointer = resources->is(Kind::kObject) ? pointer_to(base, resource.key) : pointer_to(base, i);
  }
  if (gateways == 1)
    refuse_expressions(context, *found.resource, found.pointer);
  else
    context.error("TemplateGatewayCount", base,
                  gateways == 0 ? "This template holds no Microsoft.Network/applicationGateways resource."
                                : "This template holds " + std::to_string(gateways) +
                                      " gateways; give a document with one of them.");
  found.findings = context.take_findings();
  if (gateways != 1) found.resource = nullptr;
  return found;
}

}  // namespace portcullis::arm
