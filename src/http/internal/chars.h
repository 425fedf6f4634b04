// Which bytes may stand where: one table for the whole room, and eight-byte strides over the two long runs of a head
// (target, field value). Pure.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace portcullis::http::internal {

enum CharClass : std::uint8_t {
  kTokenChar = 1,       // tchar, RFC 9110 §5.6.2
  kMethodChar = 2,      // upper-case letters, '-' and '_': the methods that exist, as nginx reads them
  kTargetChar = 4,      // 0x21–0x7e: a request target until uri.h looks closer
  kValueChar = 8,       // a field value: HTAB, 0x20–0x7e, obs-text
  kPathChar = 16,       // pchar and '/', but not '%': stands for itself in a normal path
  kUnreservedChar = 32  // RFC 3986 §2.3
};

constexpr std::array<std::uint8_t, 256> make_char_table() {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view chars, unsigned bits) {
    for (const char c : chars) table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(bits);
  };
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", kTokenChar | kMethodChar | kPathChar | kUnreservedChar);
  mark("abcdefghijklmnopqrstuvwxyz0123456789", kTokenChar | kPathChar | kUnreservedChar);
  mark("-_", kMethodChar);
  mark("!#$%&'*+-.^_`|~", kTokenChar);
  mark("-._~", kPathChar | kUnreservedChar);
  mark("!$&'()*+,;=:@/", kPathChar);
  for (unsigned c = 0x21; c <= 0x7e; ++c) table[c] |= kTargetChar;
  for (unsigned c = 0x20; c <= 0xff; ++c) table[c] |= kValueChar;
  table[0x7f] &= static_cast<std::uint8_t>(~kValueChar);
  table['\t'] |= kValueChar;
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kChars = make_char_table();

constexpr bool is(char c, CharClass wanted) { return (kChars[static_cast<unsigned char>(c)] & wanted) != 0; }

// The first offset in [at, end) whose byte is not of the class, or `end`.
inline std::size_t skip(const char* text, std::size_t at, std::size_t end, CharClass wanted) {
  while (at < end && is(text[at], wanted)) ++at;
  return at;
}

// As skip() for a class that lacks no byte but some below kLow, DEL and, with kAscii, those of 0x80 and above: strides
// of eight bytes pass what is certainly inside, the table decides on the rest.
template <CharClass kWanted, unsigned char kLow, bool kAscii>
inline std::size_t skip_run(const char* text, std::size_t at, std::size_t end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  static_assert(std::endian::native == std::endian::little, "the first byte of a word must be its lowest");
  while (end - at >= 8) {
    std::uint64_t word;
    std::memcpy(&word, text + at, 8);
    const std::uint64_t below = (word - kOnes * kLow) & ~word;
    const std::uint64_t del = word ^ (kOnes * 0x7f);
    std::uint64_t outside = below | ((del - kOnes) & ~del);
    if constexpr (kAscii) outside |= word;
    outside &= kHighs;
    if (outside == 0) {
      at += 8;
      continue;
    }
    // Borrows go upwards only: the lowest mark is true.
    at += static_cast<std::size_t>(std::countr_zero(outside)) / 8;
    if (!is(text[at], kWanted)) return at;
    ++at;
  }
  return skip(text, at, end, kWanted);
}

inline std::size_t skip_value(const char* text, std::size_t at, std::size_t end) {
  return skip_run<kValueChar, 0x20, false>(text, at, end);
}

inline std::size_t skip_target(const char* text, std::size_t at, std::size_t end) {
  return skip_run<kTargetChar, 0x21, true>(text, at, end);
}

// Compares with a lower-case `expected` of letters, digits and '-', without regard to case. `name` must be made of
// token characters.
constexpr bool name_is(std::string_view name, std::string_view expected) {
  if (name.size() != expected.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if ((name[i] | 0x20) != expected[i]) return false;
  }
  return true;
}

// Without SP and HTAB at both ends (OWS).
constexpr std::string_view trim_ows(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls visit(member) for each non-empty member of a comma-separated list (RFC 9110 §5.6.1), until it returns false.
template <class Visitor>
bool each_member(std::string_view list, Visitor visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view member = trim_ows(list.substr(0, comma));
    if (!member.empty() && !visit(member)) return false;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace portcullis::http::internal
