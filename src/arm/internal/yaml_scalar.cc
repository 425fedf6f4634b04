#include "arm/internal/yaml_scalar.h"

#include <algorithm>

#include "base/strings.h"

namespace portcullis::arm {
namespace {

bool all(std::string_view text, bool (*predicate)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_ascii_digit(text[end])) ++end;
  return end - at;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_decimal(std::string_view text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const std::size_t whole = digits_at(text, at);
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_at(text, ++at);
    at += fraction;
    if (whole == 0 && fraction == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = digits_at(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

bool is_special_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

}  // namespace

Kind yaml_core_kind(std::string_view plain) {
  for (const std::string_view word : {"true", "True", "TRUE", "false", "False", "FALSE"})
    if (plain == word) return Kind::kBoolean;
  if (plain.starts_with("0o") && all(plain.substr(2), [](char c) { return c >= '0' && c <= '7'; }))
    return Kind::kNumber;
  if (plain.starts_with("0x") && all(plain.substr(2), [](char c) { return hex_value(c) >= 0; })) return Kind::kNumber;
  return is_decimal(plain) || is_special_float(plain) ? Kind::kNumber : Kind::kString;
}

}  // namespace portcullis::arm
