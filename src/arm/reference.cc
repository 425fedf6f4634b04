#include "arm/reference.h"

#include <algorithm>
#include <set>
#include <vector>

#include "arm/internal/gateway_tables.h"
#include "arm/internal/host_tables.h"
#include "arm/writer.h"

namespace portcullis::arm {
namespace {

std::string code(const std::string& text) { return "`" + text + "`"; }

// To the heading of the section, as GitHub spells its anchor.
std::string link_to(const Schema& schema) {
  std::string anchor = to_lower(schema.type);
  std::erase(anchor, '.');
  std::replace(anchor.begin(), anchor.end(), ' ', '-');
  return "[" + std::string(schema.type) + "](#" + anchor + ")";
}

std::string one_type(const Shape& shape) {
  switch (shape.kind) {
    case ValueKind::kAny:
      return "any";
    case ValueKind::kText:
      return shape.unit.empty() ? "string" : shape.unit;
    case ValueKind::kNumber:
      return std::to_string(shape.min) + "–" + std::to_string(shape.max) +
             (shape.unit.empty() ? std::string() : " " + shape.unit);
    case ValueKind::kBoolean:
      return "boolean";
    case ValueKind::kEnumerator: {
      std::string all;
      for (const std::string& value : shape.values) all += (all.empty() ? "" : " \\| ") + code(value);
      return all;
    }
    case ValueKind::kObject:
    case ValueKind::kCollection:
      return shape.object == nullptr ? "object" : link_to(*shape.object);
    case ValueKind::kReference:
      return "reference into " + code(shape.target);
    case ValueKind::kExternal:
      return shape.target.empty() ? "`{id}` of another resource" : "`{id}` of one of Azure's " + code(shape.target);
    case ValueKind::kMap:
      return shape.object == nullptr ? "map" : "map of " + link_to(*shape.object);
  }
  return {};
}

std::string type_of(const Shape& shape) {
  if (shape.read_only) return "read-only";
  return (shape.list ? "list of " : "") + one_type(shape);
}

// Each type once, in the order in which a reader meets them.
class Sections {
 public:
  explicit Sections(std::string& out) : out_(out) {}

  void add(const Schema& schema) {
    if (!written_.insert(schema.type).second) return;
    out_ += "\n### " + std::string(schema.type) + "\n\n| name | value | default | |\n|---|---|---|---|\n";
    for (const Property& property : schema.properties) {
      out_ += "| " + code(std::string(property.name)) + (property.required ? " (required)" : "") + " | " +
              type_of(property.shape) + " | " +
              (property.shape.default_value.empty() ? std::string() : code(property.shape.default_value)) + " | " +
              std::string(property.about) + " |\n";
    }
    for (const Property& property : schema.properties)
      if (property.shape.object != nullptr) add(*property.shape.object);
  }

 private:
  std::string& out_;
  std::set<std::string_view> written_;
};

// --- JSON Schema ----------------------------------------------------------------------------------------------------

class SchemaWriter {
 public:
  Node root(const Schema& schema) {
    Node node = container(Kind::kObject);
    add_member(node, "$schema", json_text("http://json-schema.org/draft-07/schema#"));
    add_member(node, "title", json_text("Portcullis gateway: Microsoft.Network/applicationGateways"));
    add_member(node, "$ref", json_text(refer(schema, false)));
    add_member(node, "definitions", std::move(definitions_));
    return node;
  }

 private:
  static Node typed(const char* type) {
    Node node = container(Kind::kObject);
    add_member(node, "type", json_text(type));
    return node;
  }

  // "#/definitions/NAME", which is written when it is first asked for.
  std::string refer(const Schema& schema, bool sub_resource) {
    const std::string name = std::string(schema.type) + (sub_resource ? "Element" : "");
    if (known_.insert(name).second) {
      Node definition = sub_resource ? element(schema) : object(schema);
      add_member(definitions_, name, std::move(definition));
    }
    return "#/definitions/" + name;
  }

  Node reference_to(const Schema& schema, bool sub_resource) {
    Node node = container(Kind::kObject);
    add_member(node, "$ref", json_text(refer(schema, sub_resource)));
    return node;
  }

  Node object(const Schema& schema) {
    Node node = typed("object");
    Node properties = container(Kind::kObject);
    Node required = container(Kind::kArray);
    for (const Property& property : schema.properties) {
      Node value = property.shape.list ? typed("array") : one(property.shape);
      if (property.shape.list) add_member(value, "items", one(property.shape));
      if (!property.about.empty() && value.find("$ref") == nullptr)
        add_member(value, "description", json_text(std::string(property.about)));
      add_member(properties, property.name, std::move(value));
      if (property.required) required.items.push_back(json_text(std::string(property.name)));
    }
    add_member(node, "properties", std::move(properties));
    if (!required.items.empty()) add_member(node, "required", std::move(required));
    add_member(node, "additionalProperties", json_boolean(false));
    return node;
  }

  Node element(const Schema& schema) {
    Node node = typed("object");
    Node properties = container(Kind::kObject);
    for (const char* name : {"id", "name", "type", "etag"}) add_member(properties, name, typed("string"));
    add_member(properties, "properties", reference_to(schema, false));
    add_member(node, "properties", std::move(properties));
    Node required = container(Kind::kArray);
    required.items.push_back(json_text("name"));
    add_member(node, "required", std::move(required));
    add_member(node, "additionalProperties", json_boolean(false));
    return node;
  }

  // An object that has this one member.
  static Node object_with(const char* name) {
    Node node = typed("object");
    Node properties = container(Kind::kObject);
    add_member(properties, name, typed("string"));
    add_member(node, "properties", std::move(properties));
    Node required = container(Kind::kArray);
    required.items.push_back(json_text(name));
    add_member(node, "required", std::move(required));
    add_member(node, "additionalProperties", json_boolean(false));
    return node;
  }

  // {"id": …}; in YAML also {name: …} or the name alone.
  Node own_reference() {
    constexpr const char* kName = "reference";
    if (known_.insert(kName).second) {
      Node choices = container(Kind::kArray);
      choices.items.push_back(object_with("id"));
      choices.items.push_back(object_with("name"));
      choices.items.push_back(typed("string"));
      Node definition = container(Kind::kObject);
      add_member(definition, "description", json_text("{\"id\": …}; in YAML also {name: …} or the name alone."));
      add_member(definition, "anyOf", std::move(choices));
      add_member(definitions_, kName, std::move(definition));
    }
    Node node = container(Kind::kObject);
    add_member(node, "$ref", json_text("#/definitions/" + std::string(kName)));
    return node;
  }

  Node one(const Shape& shape) {
    switch (shape.kind) {
      case ValueKind::kAny:
        return container(Kind::kObject);
      case ValueKind::kText:
        return typed("string");
      case ValueKind::kNumber: {
        Node node = typed("integer");
        add_member(node, "minimum", json_number(shape.min));
        add_member(node, "maximum", json_number(shape.max));
        return node;
      }
      case ValueKind::kBoolean:
        return typed("boolean");
      case ValueKind::kEnumerator: {
        Node node = typed("string");
        Node values = container(Kind::kArray);
        for (const std::string& value : shape.values) values.items.push_back(json_text(value));
        add_member(node, "enum", std::move(values));
        return node;
      }
      case ValueKind::kObject:
        return shape.object == nullptr ? typed("object") : reference_to(*shape.object, false);
      case ValueKind::kCollection:
        return reference_to(*shape.object, true);
      case ValueKind::kReference:
        return own_reference();
      case ValueKind::kExternal:
        return object_with("id");
      case ValueKind::kMap:
        return typed("object");
    }
    return container(Kind::kObject);
  }

  Node definitions_ = container(Kind::kObject);
  std::set<std::string> known_;
};

}  // namespace

std::string configuration_markdown() {
  std::string out =
      "# Configuration reference\n\n"
      "Made by `./dev docs` out of the tables that read the two files; do not edit. Names and enumerated values of "
      "the\n"
      "gateway document are read without regard to case. A sub-resource is `{\"name\": …, \"properties\": {…}}`; its "
      "type\n"
      "below lists what stands under `properties`. What a build does not serve yet is refused with `NotServedYet`.\n\n"
      "## The gateway document\n";
  Sections(out).add(*schema_of(gateway_resource_table()));
  out +=
      "\n## The host file\n\n"
      "A key that a build reads and does not act on yet gives the warning `NotInThisBuild`.\n";
  Sections(out).add(*schema_of(host_table()));
  return out;
}

std::string gateway_json_schema() { return to_pretty_json(SchemaWriter().root(*schema_of(gateway_resource_table()))); }

}  // namespace portcullis::arm
