// A configuration document as a tree, the same whether it was written as JSON or as YAML: every node knows its line and
// column, numbers keep their digits as written, members keep their order and spelling. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/finding.h"

namespace portcullis::arm {

enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

struct Node {
  Kind kind = Kind::kNull;
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1
  std::string key;           // of this node in its parent object; empty elsewhere
  std::string text;          // string value, digits of a number, "true" or "false"
  std::vector<Node> items;   // elements of an array, members of an object

  bool is(Kind wanted) const { return kind == wanted; }
  bool is_true() const { return kind == Kind::kBoolean && text == "true"; }
  // The member of that name, without regard to case, or null. A member whose value is null counts as absent.
  const Node* find(std::string_view name) const;
  // "line 3, column 7"
  std::string place() const;
};

// What a document may be at most; one that passes any of these is refused before it can cost memory or time.
inline constexpr std::size_t kMaxDocumentBytes = 16U << 20U;
inline constexpr std::size_t kMaxDepth = 64;
inline constexpr std::size_t kMaxNameBytes = 1'024;  // of a member
inline constexpr std::size_t kMaxNodes = 500'000;
inline constexpr std::size_t kMaxFlowIndicators = 200'000;  // of YAML: brackets, braces and commas

enum class Format : std::uint8_t { kJson, kYaml };

// JSON when the path ends in .json or the first byte that is not white space is '{' and the path does not end in .yaml
// or .yml; YAML otherwise.
Format guess_format(std::string_view path, std::string_view text);

inline constexpr std::string_view kEmptyDocument = "EmptyDocument";

// A tree, or the one error that stopped the parser: "InvalidJson" or "InvalidYaml" with line and column, or
// kEmptyDocument for YAML that holds no value at all.
struct ParsedDocument {
  Node root;
  model::Findings findings;  // empty on success
};

// RFC 8259 with // and /* */ comments. Refused: duplicate names (also in another case), depth over 64, over 16 MiB or
// 500,000 nodes, invalid UTF-8, U+0000, anything after the value.
ParsedDocument parse_json(std::string_view text);

// One YAML document, scalars typed by the YAML 1.2 core schema (`no` and `on` are strings; a quoted scalar always is).
// Refused beside what parse_json refuses: aliases, anchors, tags, tab characters outside comment lines, control bytes,
// keys that are not plain scalars, a second document.
ParsedDocument parse_yaml(std::string_view text);

ParsedDocument parse_document(std::string_view text, Format format);

// The node as compact JSON (RFC 8259), members in order.
std::string to_json(const Node& node);

// RFC 6901: `parent` plus one reference token, escaped.
std::string pointer_to(std::string_view parent, std::string_view key);
std::string pointer_to(std::string_view parent, std::size_t index);

}  // namespace portcullis::arm
