// Builds a Node tree from parser events and enforces what both formats share: depth, node count, duplicate names. After
// the first failure every call returns false. Used by one parse, on one thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "base/strings.h"

namespace portcullis::arm {

struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

class TreeBuilder {
 public:
  // `code` is the finding's: "InvalidJson" or "InvalidYaml".
  explicit TreeBuilder(std::string_view code) : code_(code) {}

  bool open(Kind kind, Position at);
  bool close();
  bool key(std::string name, Position at);
  bool scalar(Kind kind, std::string text, Position at);
  // Remembers a failure at a place; the first one wins. Always false.
  bool fail(std::string message, Position at);

  bool failed() const { return !findings_.empty(); }
  // True where an object is open and waits for its next key.
  bool wants_key() const { return !open_.empty() && open_.back().node->is(Kind::kObject) && !open_.back().has_key; }
  ParsedDocument finish();

 private:
  struct Open {
    Node* node;
    std::set<std::string, LessIgnoreCase> keys;
    bool has_key = false;
    std::string key;
  };
  Node* add(Kind kind, Position at);
  std::string pointer() const;

  std::string_view code_;
  Node root_;
  bool started_ = false;
  std::size_t nodes_ = 0;
  std::vector<Open> open_;
  model::Findings findings_;
};

// The first byte of `text` that is not well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) or is NUL.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);
Position position_of(std::string_view text, std::size_t offset);

// Size and encoding rules that hold before a parser sees the text; a finding where one is broken.
std::optional<model::Findings> refuse_text(std::string_view text, std::string_view code);

}  // namespace portcullis::arm
