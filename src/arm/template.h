// ARM deployment templates: finding the gateway resource in one. Expressions are not evaluated: a template is taken
// when it holds exactly one gateway and no expression inside it. Pure.
#pragma once

#include <string>

#include "arm/document.h"
#include "model/finding.h"

namespace portcullis::arm {

// The gateway resource inside a template.
struct TemplateResource {
  const Node* resource = nullptr;  // into the template's tree; null when `findings` holds an error
  std::string pointer;             // "/resources/0"
  model::Findings findings;
};

// True for an object with `$schema` or `resources` and no `properties`.
bool is_template(const Node& document);

// Picks the one Microsoft.Network/applicationGateways resource. Every expression inside it is an error (code
// "TemplateExpressionNotEvaluated") with its pointer.
TemplateResource evaluate_template(const Node& document);

}  // namespace portcullis::arm
