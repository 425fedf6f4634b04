#include "arm/internal/tree_builder.h"

#include <utility>

namespace portcullis::arm {

bool TreeBuilder::fail(std::string message, Position at) {
  if (!failed())
    findings_.error(
        code_, pointer(),
        std::move(message) + " (line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ")");
  return false;
}

Node* TreeBuilder::add(Kind kind, Position at) {
  if (failed()) return nullptr;
  if (++nodes_ > kMaxNodes) {
    fail("the document has more than " + std::to_string(kMaxNodes) + " values; split it into several gateways", at);
    return nullptr;
  }
  Node* node = &root_;
  if (open_.empty()) {
    if (started_) {
      fail("there is a second value after the document's end", at);
      return nullptr;
    }
    started_ = true;
  } else {
    Open& parent = open_.back();
    node = &parent.node->items.emplace_back();
    if (parent.node->is(Kind::kObject)) {
      node->key = std::move(parent.key);
      parent.key.clear();
      parent.has_key = false;
    }
  }
  node->kind = kind;
  node->line = at.line;
  node->column = at.column;
  return node;
}

bool TreeBuilder::open(Kind kind, Position at) {
  if (open_.size() >= kMaxDepth)
    return fail("the document is nested deeper than " + std::to_string(kMaxDepth) + " levels", at);
  Node* node = add(kind, at);
  if (node == nullptr) return false;
  open_.push_back({node, {}, false, {}});
  return true;
}

bool TreeBuilder::close() {
  if (failed() || open_.empty()) return false;
  open_.pop_back();
  return true;
}

bool TreeBuilder::key(std::string name, Position at) {
  if (failed()) return false;
  if (name.find('\0') != std::string::npos) return fail("a name holds the character U+0000", at);
  if (name.size() > kMaxNameBytes)  // names stand in the pointers of findings
    return fail("a name is longer than " + std::to_string(kMaxNameBytes) + " bytes", at);
  Open& object = open_.back();
  const auto [known, fresh] = object.keys.insert(name);
  if (!fresh) {
    const bool same = *known == name;
    return fail(
        "the member '" + printable(name, 64) + "' stands here a second time" +
            (same ? ""
                  : ", as '" + printable(*known, 64) + "' in another case (names are read without regard to case)") +
            "; remove one",
        at);
  }
  object.key = std::move(name);
  object.has_key = true;
  return true;
}

bool TreeBuilder::scalar(Kind kind, std::string text, Position at) {
  if (text.find('\0') != std::string::npos) return fail("a string holds the character U+0000", at);
  Node* node = add(kind, at);
  if (node == nullptr) return false;
  node->text = std::move(text);
  return true;
}

std::string TreeBuilder::pointer() const {
  std::string where;
  for (const Open& level : open_) {
    if (level.node->is(Kind::kArray))
      where = pointer_to(where, level.node->items.empty() ? 0 : level.node->items.size() - 1);
    else if (level.has_key)
      where = pointer_to(where, level.key);
    else if (!level.node->items.empty() && &level != &open_.back())
      where = pointer_to(where, level.node->items.back().key);
  }
  return where;
}

ParsedDocument TreeBuilder::finish() {
  if (!failed() && !started_) {
    findings_.error(kEmptyDocument, "", "the document is empty");
  }
  if (failed()) return {Node{}, std::move(findings_)};
  return {std::move(root_), {}};
}

namespace {

// The length of the well-formed sequence at `text[at]`, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t index) -> unsigned {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0;
  };
  const auto tail = [&](std::size_t index) { return (byte(index) & 0xC0U) == 0x80U; };
  const unsigned first = byte(at);
  const unsigned second = byte(at + 1);
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    return tail(at + 1) && tail(at + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && second < 0x90) return 0;
    if (first == 0xF4 && second > 0x8F) return 0;
    return tail(at + 1) && tail(at + 2) && tail(at + 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

Position position_of(std::string_view text, std::size_t offset) {
  Position at;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

std::optional<model::Findings> refuse_text(std::string_view text, std::string_view code) {
  TreeBuilder refused(code);
  if (text.size() > kMaxDocumentBytes) {
    refused.fail("the document is larger than 16 MiB", {});
    return refused.finish().findings;
  }
  if (const auto bad = find_invalid_utf8(text)) {
    refused.fail("the document is not valid UTF-8 text", position_of(text, *bad));
    return refused.finish().findings;
  }
  return std::nullopt;
}

}  // namespace portcullis::arm
