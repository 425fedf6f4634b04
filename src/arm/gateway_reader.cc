#include "arm/gateway_reader.h"

#include "arm/internal/context.h"
#include "arm/internal/gateway_tables.h"
#include "arm/internal/table.h"
#include "arm/template.h"

namespace portcullis::arm {

bool asks_for_something(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return false;
    case Kind::kBoolean:
      return node.is_true();
    case Kind::kString:
      return !node.text.empty() && !equals_ignore_case(node.text, "off") && !equals_ignore_case(node.text, "false");
    case Kind::kNumber:
      return true;
    case Kind::kArray:
      return !node.items.empty();
    case Kind::kObject:
      return std::any_of(node.items.begin(), node.items.end(), asks_for_something);
  }
  return true;
}

namespace {

struct Envelope {
  std::string name;
  const Node* properties = nullptr;
};

const Table<Envelope>& envelope_table() {
  using E = Envelope;
  static const Table<E> table{
      "SubResource",
      {{"name", text<E>(&E::name), "arm-api §1.2"},
       {"id", ignored<E>(), "read-only"},
       {"etag", ignored<E>(), "read-only"},
       {"type", ignored<E>(), "read-only"},
       {"properties", [](Context&, const Node& node, const std::string&, E& e) { e.properties = &node; },
        "arm-api §1.2"}}};
  return table;
}

void read_resource(Context& context, const Node& resource, const std::string& pointer, const ReadOptions& options,
                   model::Gateway& gateway) {
  gateway.pointer = pointer;
  const Node* properties = resource.find("properties");
  const Node* name = resource.find("name");
  gateway.name = options.name_if_absent;
  if (properties != nullptr)
    context.index_names(*properties, name != nullptr && !name->text.empty() ? name->text : options.name_if_absent);
  if (resource.is(Kind::kObject) && properties == nullptr)
    context.error("InvalidJson", pointer, "'properties' is missing: the gateway's settings stand under it.");
  read_object(context, resource, pointer, gateway_resource_table(), gateway);
}

}  // namespace

const Node* read_envelope(Context& context, const Node& node, const std::string& pointer, std::string_view type,
                          std::string& name) {
  Envelope envelope;
  read_object(context, node, pointer, envelope_table(), envelope, type);
  const Node* given = node.find("name");
  if (node.is(Kind::kObject) && (given == nullptr || (given->is(Kind::kString) && given->text.empty())))
    context.error("InvalidResourceName", pointer, "'name' is missing; every element of a collection has one.");
  name = std::move(envelope.name);
  return envelope.properties;
}

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
  }
  model::Gateway gateway;
  read_resource(context, *resource, found.pointer, options, gateway);
  reading.findings.append(context.take_findings());
  conceal(reading.findings, found.secure_values);
  if (!reading.findings.has_errors()) reading.gateway = std::move(gateway);
  return reading;
}

}  // namespace portcullis::arm
