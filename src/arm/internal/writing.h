// What one writing carries along: the gateway, the options, and the resource whose members are being written. Owned by
// the function that writes one document, on its thread; every table field receives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "arm/document.h"
#include "arm/writer.h"
#include "model/gateway.h"

namespace portcullis::arm {

struct Writing {
  const model::Gateway& gateway;
  const WriteOptions& options;
  std::string base;  // the gateway's own id
  std::string id;    // of the resource that is being written
  std::string type;  // "Microsoft.Network/applicationGateways/httpListeners"
};

inline Node json_text(std::string text) {
  Node node;
  node.kind = Kind::kString;
  node.text = std::move(text);
  return node;
}
inline Node json_boolean(bool value) {
  Node node;
  node.kind = Kind::kBoolean;
  node.text = value ? "true" : "false";
  return node;
}
inline Node json_number(std::uint64_t value) {
  Node node;
  node.kind = Kind::kNumber;
  node.text = std::to_string(value);
  return node;
}
inline Node container(Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}
inline void add_member(Node& object, std::string_view key, Node value) {
  value.key = std::string(key);
  object.items.push_back(std::move(value));
}
// {"id": …}
inline Node id_node(std::string id) {
  Node node = container(Kind::kObject);
  add_member(node, "id", json_text(std::move(id)));
  return node;
}

}  // namespace portcullis::arm
