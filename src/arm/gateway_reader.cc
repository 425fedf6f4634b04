#include "arm/gateway_reader.h"

#include "arm/internal/az_output.h"
#include "arm/internal/context.h"
#include "arm/internal/gateway_tables.h"
#include "arm/internal/older_api.h"
#include "arm/internal/table.h"
#include "arm/template.h"

namespace portcullis::arm {

namespace {

void read_resource(Context& context, const Node& resource, const std::string& pointer, const ReadOptions& options,
                   model::Gateway& gateway) {
  gateway.pointer = pointer;
  const Node* properties = resource.find("properties");
  const Node* name = resource.find("name");
  const Node* id = resource.find("id");
  gateway.name = options.name_if_absent;
  if (properties != nullptr)
    context.index_names(*properties, name != nullptr && !name->text.empty() ? name->text : options.name_if_absent,
                        id != nullptr && id->text.starts_with("/subscriptions/") ? id->text : std::string());
  if (resource.is(Kind::kObject) && properties == nullptr)
    context.error_at(resource, "InvalidJson", pointer,
                     "'properties' is missing: the gateway's settings stand under it.");
  read_object(context, resource, pointer, gateway_resource_table(), gateway);
  gateway.id_base = context.id_base();
}

}  // namespace

GatewayReading read_gateway(std::string_view text, Format format, const ReadOptions& options) {
  ParsedDocument document = parse_document(text, format);
  GatewayReading reading;
  if (document.findings.has_errors()) {
    reading.findings = std::move(document.findings);
    return reading;
  }
  Context context(format, options);
  const Node* resource = &document.root;
  TemplateResource found;
  if (is_template(document.root)) {
    found = evaluate_template(document.root, options.deployment);
    reading.findings.append(std::move(found.findings));
    if (found.resource == nullptr) return reading;
    resource = found.resource.get();
  } else if (is_az_output(document.root)) {
    restore_rest_body(document.root);
  }
  model::Gateway gateway;
  read_resource(context, *resource, found.pointer, options, gateway);
  reading.findings.append(context.take_findings());
  const Node* version = resource->find("apiVersion");
  assign_priorities(version != nullptr ? version->text : "", gateway, reading.findings);
  model::conceal(reading.findings, found.secure_values);
  reading.secure_values = std::move(found.secure_values);
  if (!reading.findings.has_errors()) reading.gateway = std::move(gateway);
  return reading;
}

}  // namespace portcullis::arm
