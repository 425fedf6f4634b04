#include "arm/internal/az_output.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {
namespace {

constexpr std::string_view kResourceGroup = "resourceGroup";

void drop_resource_groups(Node& node) {  // recursion is bounded by the document's depth
  const bool has_id = node.find("id") != nullptr;
  std::erase_if(node.items, [&](const Node& item) {
    return has_id && item.is(Kind::kString) && equals_ignore_case(item.key, kResourceGroup);
  });
  for (Node& item : node.items) drop_resource_groups(item);
}

// Moves every member that `stays` does not hold for into a new member `properties`.
template <class Stays>
void wrap(Node& object, Stays stays) {
  if (!object.is(Kind::kObject) || object.find("properties") != nullptr) return;
  const auto moved = std::stable_partition(object.items.begin(), object.items.end(), stays);
  Node properties;
  properties.kind = Kind::kObject;
  properties.key = "properties";
  properties.line = object.line;
  properties.column = object.column;
  properties.items.assign(std::make_move_iterator(moved), std::make_move_iterator(object.items.end()));
  object.items.erase(moved, object.items.end());
  object.items.push_back(std::move(properties));
}

bool is_envelope_member(const Node& member) {
  static constexpr std::array<std::string_view, 4> kEnvelope = {"id", "name", "type", "etag"};
  return std::any_of(kEnvelope.begin(), kEnvelope.end(),
                     [&](std::string_view name) { return equals_ignore_case(member.key, name); });
}

const Property* find_property(const Schema& schema, std::string_view name) {
  const auto found = std::find_if(schema.properties.begin(), schema.properties.end(),
                                  [&](const Property& property) { return equals_ignore_case(property.name, name); });
  return found == schema.properties.end() ? nullptr : &*found;
}

// Wraps the elements of every collection below `object`, which `schema` describes; recursion is bounded by the tables.
void wrap_elements(Node& object, const Schema& schema) {
  for (Node& member : object.items) {
    const Property* property = find_property(schema, member.key);
    if (property == nullptr || property->shape.object == nullptr) continue;
    const bool collection = property->shape.kind == ValueKind::kCollection;
    if (!property->shape.list) {
      wrap_elements(member, *property->shape.object);
      continue;
    }
    for (Node& element : member.items) {
      if (collection) wrap(element, is_envelope_member);
      for (Node& inner : element.items)
        if (collection && equals_ignore_case(inner.key, "properties")) wrap_elements(inner, *property->shape.object);
    }
  }
}

}  // namespace

bool is_az_output(const Node& resource) {
  const Node* group = resource.find(kResourceGroup);
  return group != nullptr && group->is(Kind::kString) && resource.find("id") != nullptr;
}

void restore_rest_body(Node& resource) {
  drop_resource_groups(resource);
  std::erase_if(resource.items, [](const Node& item) { return item.is(Kind::kNull); });
  const auto schema = schema_of(gateway_resource_table());
  wrap(resource, [&](const Node& member) { return find_property(*schema, member.key) != nullptr; });
  wrap_elements(resource, *schema);
}

}  // namespace portcullis::arm
