// Small strict string words that every room shares: ASCII case, trimming, hex, percent-encoding, numbers.
// Everything here treats strings as bytes; nothing depends on a locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis {

constexpr char ascii_lower(char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool equals_ignore_case(std::string_view a, std::string_view b);
bool starts_with_ignore_case(std::string_view text, std::string_view prefix);
std::string to_lower(std::string_view text);

// Removes spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

// Splits at every `separator`; "a,,b" gives three parts, "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

// Decimal digits only: no sign, no space, no overflow past `max`; empty is refused.
std::optional<std::uint64_t> parse_uint(std::string_view digits, std::uint64_t max = UINT64_MAX);

// The value of one hex digit, or -1.
int hex_value(char c);
std::string hex_lower(std::string_view bytes);
// The same to `to`, which has room for two digits a byte.
void put_hex_lower(std::string_view bytes, char* to);
std::string hex_upper(std::string_view bytes);

// Percent-encodes every byte but ALPHA / DIGIT / "-" / "." / "_" / "~" (RFC 3986 §2.3), with upper-case hex.
std::string percent_encode(std::string_view bytes);

// Text made safe to show in a log line or page: control bytes and bytes over 0x7e become \xNN; cut to `max` bytes.
std::string printable(std::string_view bytes, std::size_t max = 256);

// Case-insensitive (ASCII) ordering and hashing for maps keyed by Azure names and ids.
struct LessIgnoreCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

}  // namespace portcullis
