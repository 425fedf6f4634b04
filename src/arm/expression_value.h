// Values that template expressions work with: shared, immutable trees, so that taking a member of a large parameter
// copies nothing. Also the meter that bounds what one evaluation may cost. Pure; one evaluation, one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "base/result.h"

namespace portcullis::arm {

// Never null. May point into a larger tree that it keeps alive.
using Value = std::shared_ptr<const Node>;

Node null_node();
Node text_node(std::string text);
Node integer_node(std::int64_t value);
Node boolean_node(bool value);
Node collection_node(Kind kind);

inline Value to_value(Node node) { return std::make_shared<const Node>(std::move(node)); }
// A part of `whole`'s tree.
inline Value part_of(const Value& whole, const Node& part) { return Value(whole, &part); }

// "a string", "null": for messages.
std::string_view kind_name(const Node& node);

// The value of a number node without fraction, exponent or overflow; nothing for any other node.
std::optional<std::int64_t> integer_of(const Node& node);

// The member of that name without regard to case, also one whose value is null (Node::find takes that as absent).
const Node* member_of(const Node& object, std::string_view name);

enum class SameCase : std::uint8_t { kRegarded, kIgnored };
// Deep equality: kind and value, members of objects in any order. `work` grows by the nodes looked at; false at once
// where it passes `max_work`.
bool same_value(const Node& a, const Node& b, SameCase strings, std::size_t& work, std::size_t max_work);
bool same_value(const Node& a, const Node& b, SameCase strings);

// Strings as Azure counts them: in UTF-16 units.
std::size_t text_length(std::string_view utf8);
std::u16string to_utf16(std::string_view utf8);
// Nothing where a surrogate has lost its other half.
std::optional<std::string> to_utf8(std::u16string_view utf16);

// As string(), concat() and format() write a scalar: "True", "5", ""; collections as compact JSON.
std::string as_text(const Node& node);

// What one evaluation of a template may cost. Once exhausted it stays so.
class Meter {
 public:
  static constexpr std::size_t kMaxSteps = 4'000'000;    // expression nodes evaluated, nodes compared
  static constexpr std::size_t kMaxMade = 750'000;       // nodes copied or built, over the whole evaluation
  static constexpr std::size_t kMaxBytes = 128U << 20U;  // bytes of strings built, over the whole evaluation
  static constexpr std::size_t kMaxString = 4U << 20U;   // bytes of one string

  bool step(std::size_t count = 1) { return take(steps_, count); }
  bool bytes(std::size_t count) { return take(bytes_, count); }
  // Charges one new node with so many bytes of text.
  bool node(std::size_t text) { return take(made_, 1) && take(bytes_, text); }
  // Charges a copy of the tree.
  bool copy(const Node& node);
  bool exhausted() const { return exhausted_; }
  std::size_t steps_left() const { return steps_; }

 private:
  bool take(std::size_t& left, std::size_t count) {
    if (count > left) exhausted_ = true;
    left -= std::min(left, count);
    return !exhausted_;
  }

  std::size_t steps_ = kMaxSteps;
  std::size_t made_ = kMaxMade;
  std::size_t bytes_ = kMaxBytes;
  bool exhausted_ = false;
};

// The failure when a meter is exhausted.
tl::unexpected<Error> too_large();

}  // namespace portcullis::arm
