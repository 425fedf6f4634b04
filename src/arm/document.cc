#include "arm/document.h"

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "model/finding.h"

namespace portcullis::arm {

const Node* Node::find(std::string_view name) const {
  if (!is(Kind::kObject)) return nullptr;
  for (const Node& member : items)
    if (equals_ignore_case(member.key, name)) return member.is(Kind::kNull) ? nullptr : &member;
  return nullptr;
}

std::string Node::place() const { return "line " + std::to_string(line) + ", column " + std::to_string(column); }

Format guess_format(std::string_view path, std::string_view text) {
  const auto ends_with = [&](std::string_view suffix) {
    return path.size() >= suffix.size() && equals_ignore_case(path.substr(path.size() - suffix.size()), suffix);
  };
  if (ends_with(".json")) return Format::kJson;
  if (ends_with(".yaml") || ends_with(".yml")) return Format::kYaml;
  const std::string_view start = trim(text.substr(0, 4096));
  return start.starts_with('{') ? Format::kJson : Format::kYaml;
}

ParsedDocument parse_document(std::string_view text, Format format) {
  return format == Format::kJson ? parse_json(text) : parse_yaml(text);
}

std::string pointer_to(std::string_view parent, std::string_view key) { return model::pointer_to(parent, key); }

std::string pointer_to(std::string_view parent, std::size_t index) {
  return std::string(parent) + "/" + std::to_string(index);
}

namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// YAML writes numbers that JSON does not know (0x1f, +1, .5, .inf): those become strings.
bool is_json_number(std::string_view text) { return nlohmann::json::accept(text.begin(), text.end()); }

void append_json(const Node& node, std::string& out) {  // recursion is bounded by kMaxDepth
  switch (node.kind) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kBoolean:
      out += node.text;
      return;
    case Kind::kNumber:
      out += is_json_number(node.text) ? node.text : quoted(node.text);
      return;
    case Kind::kString:
      out += quoted(node.text);
      return;
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  const bool object = node.is(Kind::kObject);
  out += object ? '{' : '[';
  for (const Node& item : node.items) {
    if (&item != node.items.data()) out += ',';
    if (object) out += quoted(item.key) + ":";
    append_json(item, out);
  }
  out += object ? '}' : ']';
}

}  // namespace

std::string to_json(const Node& node) {
  std::string out;
  append_json(node, out);
  return out;
}

}  // namespace portcullis::arm
