#include "arm/internal/context.h"

#include <algorithm>
#include <numeric>

namespace portcullis::arm {
namespace {

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "a list";
    case Kind::kObject:
      return "an object";
  }
  return "a value";
}

// Levenshtein distance without regard to case; any number over 2 when the lengths alone differ by more.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > b.size() + 2 || b.size() > a.size() + 2) return 3;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string suggestion(std::string_view name, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = 3;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? std::string() : " Did you mean '" + std::string(best) + "'?";
}

}  // namespace

bool Context::room_for_one() {
  if (findings_.size() < kMaxFindings) return true;
  ++dropped_;
  return false;
}

void Context::error(std::string_view code, std::string pointer, std::string message) {
  if (room_for_one()) findings_.error(code, std::move(pointer), std::move(message));
}

void Context::error_at(const Node& node, std::string_view code, std::string pointer, std::string message) {
  const std::size_t before = findings_.size();
  error(code, std::move(pointer), std::move(message));
  if (findings_.size() == before) return;
  findings_.back().line = node.line;
  findings_.back().column = node.column;
}

void Context::warning(std::string_view code, std::string pointer, std::string message) {
  if (room_for_one()) findings_.warning(code, std::move(pointer), std::move(message));
}

model::Findings Context::take_findings() {
  if (dropped_ > 0)
    findings_.error("TooManyFindings", "",
                    std::to_string(dropped_) + " more findings are not listed; mend these first");
  return std::move(findings_);
}

void Context::wrong_type(const Node& node, const std::string& pointer, std::string_view expected,
                         std::string_view type) {
  const std::string to = type.empty() ? std::string() : " \"...\" to type '" + std::string(type) + "'";
  error_at(node, "InvalidJson", pointer,
           "Error converting value" + to + ": " + std::string(expected) + " is expected here, not " +
               std::string(kind_name(node.kind)) + " (" + node.place() + ").");
}

void Context::wrong_value(const Node& node, const std::string& pointer, const std::string& shown,
                          const std::string& expected) {
  error_at(node, "InvalidJson", pointer,
           "Error converting value \"" + shown + "\": " + expected + " is expected here (" + node.place() + ").");
}

void Context::missing_member(const Node& node, const std::string& pointer, std::string_view name,
                             std::string_view type) {
  error_at(node, "InvalidJson", pointer,
           "Required property '" + std::string(name) + "' not found on object of type '" + std::string(type) + "' (" +
               node.place() + ").");
}

void Context::unknown_member(const Node& node, const std::string& pointer, std::string_view type,
                             const std::vector<std::string_view>& known) {
  if (findings_.size() >= kMaxFindings) {  // what it could be mistaken for need not be found out
    ++dropped_;
    return;
  }
  error_at(node, "InvalidJson", pointer,
           "Could not find member '" + printable(node.key, 80) + "' on object of type '" + std::string(type) + "' (" +
               node.place() + ")." + (node.key.size() > 80 ? std::string() : suggestion(node.key, known)));
}

bool Context::is_expression(const Node& node) const {
  return template_ && node.is(Kind::kString) && node.text.size() >= 2 && node.text.front() == '[' &&
         node.text[1] != '[' && node.text.back() == ']';
}

std::optional<std::string> Context::text_of(const Node& node, const std::string& pointer) {
  if (!node.is(Kind::kString) && !node.is(Kind::kNumber)) {
    wrong_type(node, pointer, "a string");
    return std::nullopt;
  }
  if (template_ && node.text.starts_with("[[")) return node.text.substr(1);
  return node.text;
}

std::optional<std::uint64_t> Context::number_of(const Node& node, const std::string& pointer, std::uint64_t min,
                                                std::uint64_t max) {
  const std::string range = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  if (!node.is(Kind::kString) && !node.is(Kind::kNumber)) {
    wrong_type(node, pointer, range);
    return std::nullopt;
  }
  const auto value = parse_uint(node.text, max);
  if (!value || *value < min) {
    wrong_value(node, pointer, printable(node.text, 40), range);
    return std::nullopt;
  }
  return value;
}

std::optional<bool> Context::boolean_of(const Node& node, const std::string& pointer) {
  if (node.is(Kind::kBoolean)) return node.is_true();
  if (node.is(Kind::kString) && equals_ignore_case(node.text, "true")) return true;
  if (node.is(Kind::kString) && equals_ignore_case(node.text, "false")) return false;
  wrong_type(node, pointer, "true or false");
  return std::nullopt;
}

}  // namespace portcullis::arm
