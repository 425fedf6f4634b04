#include "arm/expression_value.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace portcullis::arm {

Node null_node() { return {}; }

Node text_node(std::string text) {
  Node node;
  node.kind = Kind::kString;
  node.text = std::move(text);
  return node;
}

Node integer_node(std::int64_t value) {
  Node node;
  node.kind = Kind::kNumber;
  node.text = std::to_string(value);
  return node;
}

Node boolean_node(bool value) {
  Node node;
  node.kind = Kind::kBoolean;
  node.text = value ? "true" : "false";
  return node;
}

Node collection_node(Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "a value";
}

std::optional<std::int64_t> integer_of(const Node& node) {
  if (!node.is(Kind::kNumber)) return std::nullopt;
  std::int64_t value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

const Node* member_of(const Node& object, std::string_view name) {
  if (!object.is(Kind::kObject)) return nullptr;
  for (const Node& member : object.items)
    if (equals_ignore_case(member.key, name)) return &member;
  return nullptr;
}

bool same_value(const Node& a, const Node& b, SameCase strings, std::size_t& work, std::size_t max_work) {
  if (++work > max_work || a.kind != b.kind || a.items.size() != b.items.size()) return false;
  if (a.is(Kind::kString) && strings == SameCase::kIgnored) return equals_ignore_case(a.text, b.text);
  if (a.text != b.text) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    const Node* other = &b.items[i];
    if (a.is(Kind::kObject) && !equals_ignore_case(a.items[i].key, other->key)) {
      work += b.items.size();
      other = member_of(b, a.items[i].key);
    }
    if (other == nullptr || !same_value(a.items[i], *other, strings, work, max_work)) return false;
  }
  return true;
}

bool same_value(const Node& a, const Node& b, SameCase strings) {
  std::size_t work = 0;
  return same_value(a, b, strings, work, Meter::kMaxMade);
}

std::size_t text_length(std::string_view utf8) {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) units += byte >= 0xF0U ? 2 : 1;
  }
  return units;
}

std::u16string to_utf16(std::string_view utf8) {  // of well-formed text: the document's reader sees to that
  std::u16string units;
  units.reserve(utf8.size());
  for (std::size_t at = 0; at < utf8.size();) {
    const auto first = static_cast<unsigned char>(utf8[at]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t point = length == 1 ? first : first & (0x7FU >> length);
    for (std::size_t i = 1; i < length && at + i < utf8.size(); ++i)
      point = (point << 6U) | (static_cast<unsigned char>(utf8[at + i]) & 0x3FU);
    at += length;
    if (point >= 0x10000) {
      units += static_cast<char16_t>(0xD800U + ((point - 0x10000U) >> 10U));
      units += static_cast<char16_t>(0xDC00U + ((point - 0x10000U) & 0x3FFU));
    } else {
      units += static_cast<char16_t>(point);
    }
  }
  return units;
}

std::optional<std::string> to_utf8(std::u16string_view utf16) {
  std::string text;
  for (std::size_t i = 0; i < utf16.size(); ++i) {
    char32_t point = utf16[i];
    if (point >= 0xDC00 && point <= 0xDFFF) return std::nullopt;
    if (point >= 0xD800 && point <= 0xDBFF) {
      if (i + 1 >= utf16.size() || utf16[i + 1] < 0xDC00 || utf16[i + 1] > 0xDFFF) return std::nullopt;
      point = 0x10000U + ((point - 0xD800U) << 10U) + (utf16[++i] - 0xDC00U);
    }
    const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xC0U | (point >> 6U));
      put(0x80U | (point & 0x3FU));
    } else if (point < 0x10000) {
      put(0xE0U | (point >> 12U));
      put(0x80U | ((point >> 6U) & 0x3FU));
      put(0x80U | (point & 0x3FU));
    } else {
      put(0xF0U | (point >> 18U));
      put(0x80U | ((point >> 12U) & 0x3FU));
      put(0x80U | ((point >> 6U) & 0x3FU));
      put(0x80U | (point & 0x3FU));
    }
  }
  return text;
}

std::string as_text(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "";
    case Kind::kBoolean:
      return node.is_true() ? "True" : "False";
    case Kind::kNumber:
    case Kind::kString:
      return node.text;
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  return to_json(node);
}

bool Meter::copy(const Node& node) {
  if (!this->node(node.text.size() + node.key.size())) return false;
  return std::all_of(node.items.begin(), node.items.end(), [&](const Node& item) { return copy(item); });
}

tl::unexpected<Error> too_large() {
  return fail("TemplateTooLarge",
              "Evaluating this template takes more work or memory than any gateway needs; shorten its loops.");
}

}  // namespace portcullis::arm
