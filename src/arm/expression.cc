#include "arm/expression.h"

#include <limits>

#include "base/strings.h"

namespace portcullis::arm {
namespace {

bool starts_name(char c) { return is_ascii_alpha(c) || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_ascii_digit(c) || c == '$'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Expr> parse() {
    auto expr = expression(0);
    if (!expr) return expr;
    skip_space();
    if (at_ != text_.size()) return wrong("an operator or text stands where the expression should end");
    return expr;
  }

 private:
  Result<Expr> expression(std::size_t depth) {
    if (depth > kMaxExpressionDepth) return wrong("it is nested too deeply");
    auto expr = primary(depth);
    std::size_t postfixes = 0;
    while (expr) {
      skip_space();
      if (peek() != '.' && peek() != '[') return expr;
      // Each one nests the tree by a level.
      if (++postfixes > kMaxExpressionDepth) return wrong("it has too many members and indexes in a row");
      expr = postfix(std::move(*expr), depth);
    }
    return expr;
  }

  Result<Expr> primary(std::size_t depth) {
    skip_space();
    if (peek() == '\'') return string();
    if (peek() == '-' || is_ascii_digit(peek())) return integer();
    if (starts_name(peek())) return call(depth);
    return wrong(at_ == text_.size() ? "it ends too early" : "a function, a 'string' or a number is expected");
  }

  Result<Expr> string() {
    Expr expr = begin(ExprKind::kString);
    ++at_;
    while (at_ < text_.size()) {
      if (text_[at_] != '\'') {
        expr.text += text_[at_++];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
        expr.text += '\'';
        at_ += 2;
      } else {
        ++at_;
        return expr;
      }
    }
    at_ = expr.offset;
    return wrong("the string that begins here has no closing quote");
  }

  Result<Expr> integer() {
    Expr expr = begin(ExprKind::kInteger);
    const bool negative = text_[at_] == '-';
    const std::size_t first = negative ? at_ + 1 : at_;
    std::size_t end = first;
    while (end < text_.size() && is_ascii_digit(text_[end])) ++end;
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    const auto value = parse_uint(text_.substr(first, end - first), most);
    if (!value) return wrong("a whole number of at most 63 bits is expected");
    at_ = end;
    if (peek() == '.' || starts_name(peek())) return wrong("numbers here are whole numbers");
    expr.integer = negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value);
    return expr;
  }

  Result<Expr> call(std::size_t depth) {
    Expr expr = begin(ExprKind::kCall);
    expr.text = name();
    if (peek() == '.' && at_ + 1 < text_.size() && starts_name(text_[at_ + 1])) {
      ++at_;
      expr.text += "." + name();
    }
    skip_space();
    if (peek() != '(')
      return wrong("'" + printable(expr.text, 60) +
                   "' is not followed by '('; strings stand in single quotes, and true, false and null are functions");
    ++at_;
    skip_space();
    if (peek() == ')') {
      ++at_;
      return expr;
    }
    for (;;) {
      auto argument = expression(depth + 1);
      if (!argument) return argument;
      expr.operands.push_back(std::move(*argument));
      skip_space();
      const char next = peek();
      if (next != ',' && next != ')') return wrong("',' or ')' is expected");
      ++at_;
      if (next == ')') return expr;
    }
  }

  Result<Expr> postfix(Expr target, std::size_t depth) {
    Expr expr = begin(text_[at_] == '.' ? ExprKind::kMember : ExprKind::kIndex);
    ++at_;
    expr.operands.push_back(std::move(target));
    if (expr.kind == ExprKind::kMember) {
      skip_space();
      if (!starts_name(peek())) return wrong("the name of a member is expected");
      expr.text = name();
      return expr;
    }
    auto key = expression(depth + 1);
    if (!key) return key;
    expr.operands.push_back(std::move(*key));
    skip_space();
    if (peek() != ']') return wrong("']' is expected");
    ++at_;
    return expr;
  }

  std::string name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  Expr begin(ExprKind kind) const {
    Expr expr;
    expr.kind = kind;
    expr.offset = static_cast<std::uint32_t>(at_);
    return expr;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n')) ++at_;
  }
  tl::unexpected<Error> wrong(const std::string& what) const {
    // Counted from 1, with the bracket that was taken off.
    return fail("InvalidTemplate",
                "The expression cannot be read at its character " + std::to_string(at_ + 2) + ": " + what + ".");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_expression(std::string_view text) {
  return text.size() >= 2 && text.front() == '[' && text.back() == ']' && text[1] != '[';
}

std::string_view literal_text(std::string_view text) {
  const bool escaped = text.size() >= 3 && text.starts_with("[[") && text.back() == ']';
  return escaped ? text.substr(1) : text;
}

Result<Expr> parse_expression(std::string_view text) {
  if (text.size() > kMaxExpressionBytes)
    return fail("InvalidTemplate", "The expression is longer than Azure's limit of 24,576 characters.");
  return Parser(text.substr(1, text.size() - 2)).parse();
}

}  // namespace portcullis::arm
