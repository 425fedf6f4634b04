// The syntax of template expressions: text between '[' and ']' into a tree. Grammar (Azure, "Syntax and expressions in
// ARM templates"): call = name '(' [expr {',' expr}] ')'; string = '…' with '' for a quote; integers; member access
// '.name' and index '[expr]' after a call. Bounded in length and depth. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace portcullis::arm {

enum class ExprKind : std::uint8_t { kString, kInteger, kCall, kMember, kIndex };

struct Expr {
  ExprKind kind = ExprKind::kString;
  std::uint32_t offset = 0;  // of its first byte in the expression's text
  std::string text;          // the string; a call's name, "ns.name" for a user-defined function; a member's name
  std::int64_t integer = 0;
  std::vector<Expr> operands;  // arguments of a call; the target of a member; target and key of an index
};

inline constexpr std::size_t kMaxExpressionBytes = 24'576;  // Azure's limit
inline constexpr std::size_t kMaxExpressionDepth = 64;

// "[…]" but not "[[…]".
bool is_expression(std::string_view text);

// A string of a template that is not an expression: "[[x]" means "[x]"; anything else means itself.
std::string_view literal_text(std::string_view text);

// `text` with its brackets. The code is "InvalidTemplate"; the message names the place within the expression.
Result<Expr> parse_expression(std::string_view text);

}  // namespace portcullis::arm
