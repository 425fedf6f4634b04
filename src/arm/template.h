// ARM deployment templates: picks the gateway resource and replaces every expression in it by its value. Lazy: only
// what the gateway reaches is evaluated, so a broken virtual machine beside it does not matter. Whatever is wrong is a
// finding that points into the template; nothing throws. Pure but for the functions in the options. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "base/clock.h"
#include "model/finding.h"
#include "model/host_config.h"

namespace portcullis::arm {

// What a deployment on Azure would know. An entry of `references` under "resourceGroup", "subscription", "deployment"
// or "environment" is laid over what the function of that name returns.
struct TemplateOptions {
  std::string gateway;                     // the gateway's name (--name); empty: the only one
  std::shared_ptr<const Node> parameters;  // the parameter file, or a plain map of names to values; null: none
  model::NameMap<std::string> references;  // JSON text by resource id or name (the host file's `references`)
  std::string subscription_id = "00000000-0000-0000-0000-000000000000";
  std::string tenant_id = "00000000-0000-0000-0000-000000000000";
  std::string resource_group = "portcullis";
  std::string location = "local";
  std::string deployment = "portcullis";
  std::shared_ptr<const Clock> clock;  // for utcNow; null: the machine's
  // The bytes of a Key Vault secret that a parameter refers to, by the parameter's name, the secret's name or the
  // secret's URL ("https://vault.vault.azure.net/secrets/web"); null: none is known. Text loses its last line end;
  // what is no text is taken as base64, as a vault hands out a PFX.
  std::function<std::optional<std::string>(std::string_view key)> secret;
};

// The gateway resource inside a template.
struct TemplateResource {
  std::unique_ptr<const Node> resource;    // without copy, condition and dependsOn; null when `findings` holds an error
  std::string pointer;                     // into the template: "/resources/0"
  std::vector<std::string> secure_values;  // texts of the secure parameters read; see model::conceal()
  model::Findings findings;
};

// True for an object with `$schema` or `resources` and no `properties`.
bool is_template(const Node& document);

// Codes: "InvalidTemplate" (Azure's, for whatever an expression, parameter or loop gets wrong), "TemplateGatewayCount"
// (none, or several and no name), "TemplateLinkNotFollowed", "TemplateReferenceMissing" (says which key to supply),
// "TemplateTooLarge" (a bound of work or memory is reached). Every node of the result bears the line and column of the
// template text it came from.
TemplateResource evaluate_template(const Node& document, const TemplateOptions& options);

}  // namespace portcullis::arm
