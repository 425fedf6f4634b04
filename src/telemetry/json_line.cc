#include "telemetry/json_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace portcullis::telemetry {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;

// Whether one of the eight bytes needs more than a copy: control, DEL, '"', '\\' or not ASCII.
bool needs_care(std::uint64_t bytes) {
  const auto has_zero = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  const std::uint64_t below_space = (bytes - kOnes * 0x20) & ~bytes & kHighs;
  return ((bytes & kHighs) | below_space | has_zero(bytes ^ (kOnes * '"')) | has_zero(bytes ^ (kOnes * '\\')) |
          has_zero(bytes ^ (kOnes * 0x7f))) != 0;
}

bool is_plain(unsigned char byte) { return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\'; }

std::size_t plain_prefix(std::string_view bytes) {
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    if (needs_care(word)) break;
  }
  while (at < bytes.size() && is_plain(static_cast<unsigned char>(bytes[at]))) ++at;
  return at;
}

// The length of the well-formed UTF-8 sequence of two to four bytes at the front (Unicode 15, table 3-7), or 0.
std::size_t utf8_sequence(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned lead = at(0);
  const unsigned second = at(1);
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && second < 0x90;
    const bool beyond = lead == 0xf4 && second > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const std::array<char, 6> escape{'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 15U]};
  out.append(escape.data(), escape.size());
}

// Appends the character at the front that is not plain ASCII; returns how many bytes it took.
std::size_t append_special(std::string& out, std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead < 0x80) {
    append_escape(out, lead);
    return 1;
  }
  const std::size_t length = utf8_sequence(bytes);
  if (length == 0) {
    out += "\\ufffd";
    return 1;
  }
  const auto second = static_cast<unsigned char>(bytes[1]);
  if (lead == 0xc2 && second < 0xa0) {
    append_escape(out, second);  // C1: terminals obey these
  } else {
    out.append(bytes.substr(0, length));
  }
  return length;
}

void append_digits(std::string& out, unsigned value, int width) {
  std::array<char, 4> digits{};
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_seconds(std::string& out, std::chrono::nanoseconds value) {
  const auto ms = std::max<std::int64_t>(0, value / std::chrono::milliseconds(1));
  append_number(out, ms / 1000);
  out += '.';
  append_digits(out, static_cast<unsigned>(ms % 1000), 3);
}

}  // namespace

void append_json_string(std::string& out, std::string_view bytes) {
  out += '"';
  while (true) {
    const std::size_t plain = plain_prefix(bytes);
    out.append(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty()) break;
    bytes.remove_prefix(append_special(out, bytes));
  }
  out += '"';
}

void append_utc(std::string& out, WallTime time) {
  namespace chrono = std::chrono;
  static constexpr WallTime kFirst = chrono::sys_days(chrono::year(0) / 1 / 1);
  static constexpr WallTime kPast = chrono::sys_days(chrono::year(10000) / 1 / 1);
  time = std::clamp(time, kFirst, kPast - chrono::milliseconds(1));
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((time - day).count());
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, ms / 3'600'000, 2);
  out += ':';
  append_digits(out, ms / 60'000 % 60, 2);
  out += ':';
  append_digits(out, ms / 1000 % 60, 2);
  out += '.';
  append_digits(out, ms % 1000, 3);
  out += 'Z';
}

void JsonLine::append_key(std::string_view key) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(out_, key);
  out_ += ':';
}

JsonLine& JsonLine::add(std::string_view key, std::string_view value) {
  append_key(key);
  append_json_string(out_, value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view key, double value) {
  if (!std::isfinite(value)) return add_null(key);
  append_key(key);
  append_number(out_, value);
  return *this;
}

JsonLine& JsonLine::add_signed(std::string_view key, std::int64_t value) {
  append_key(key);
  append_number(out_, value);
  return *this;
}

JsonLine& JsonLine::add_unsigned(std::string_view key, std::uint64_t value) {
  append_key(key);
  append_number(out_, value);
  return *this;
}

JsonLine& JsonLine::add_time(std::string_view key, WallTime value) {
  append_key(key);
  out_ += '"';
  append_utc(out_, value);
  out_ += '"';
  return *this;
}

JsonLine& JsonLine::add_seconds(std::string_view key, std::chrono::nanoseconds value) {
  append_key(key);
  append_seconds(out_, value);
  return *this;
}

JsonLine& JsonLine::add_quoted_seconds(std::string_view key, std::chrono::nanoseconds value) {
  append_key(key);
  out_ += '"';
  append_seconds(out_, value);
  out_ += '"';
  return *this;
}

JsonLine& JsonLine::add_raw(std::string_view key, std::string_view json) {
  append_key(key);
  out_ += json;
  return *this;
}

JsonLine& JsonLine::begin(std::string_view key) {
  append_key(key);
  out_ += '{';
  first_ = true;
  return *this;
}

}  // namespace portcullis::telemetry
