#include "revocation/internal/der_cursor.h"

#include <chrono>

#include "base/strings.h"

namespace portcullis::revocation::internal {
namespace {

// Two digits at `at`; −1 where they are none.
int two_digits(std::string_view text, std::size_t at) {
  const char a = text[at];
  const char b = text[at + 1];
  return is_ascii_digit(a) && is_ascii_digit(b) ? (a - '0') * 10 + (b - '0') : -1;
}

}  // namespace

std::optional<Element> DerCursor::take() {
  if (rest_.size() < 2) return std::nullopt;
  const auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(rest_[at]); };
  const std::uint8_t tag = byte(0);
  if ((tag & 0x1f) == 0x1f) return std::nullopt;
  std::size_t length = byte(1);
  std::size_t head = 2;
  if (length >= 0x80) {
    const std::size_t count = length & 0x7f;
    if (count == 0 || count > 4 || rest_.size() < 2 + count || byte(2) == 0) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8U | byte(2 + i);
    if (length < 0x80) return std::nullopt;
    head += count;
  }
  if (rest_.size() - head < length) return std::nullopt;
  const Element element{tag, rest_.substr(head, length), rest_.substr(0, head + length)};
  rest_.remove_prefix(head + length);
  return element;
}

std::optional<Element> DerCursor::take(std::uint8_t tag) {
  if (next_tag() != tag) return std::nullopt;
  return take();
}

bool is_minimal_integer(std::string_view content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const auto first = static_cast<std::uint8_t>(content[0]);
  const bool high = (static_cast<std::uint8_t>(content[1]) & 0x80) != 0;
  return !(first == 0 && !high) && !(first == 0xff && high);
}

std::optional<bool> read_boolean(std::string_view content) {
  if (content == std::string_view("\0", 1)) return false;
  if (content == "\xff") return true;
  return std::nullopt;
}

std::optional<WallTime> read_time(const Element& element) {
  std::string_view text = element.body;
  int year = 0;
  if (element.tag == tag::kUtcTime && text.size() == 13) {
    const int two = two_digits(text, 0);
    if (two < 0) return std::nullopt;
    year = two + (two < 50 ? 2000 : 1900);
    text.remove_prefix(2);
  } else if (element.tag == tag::kGeneralizedTime && text.size() == 15) {
    const int high = two_digits(text, 0);
    const int low = two_digits(text, 2);
    if (high < 0 || low < 0) return std::nullopt;
    year = high * 100 + low;
    text.remove_prefix(4);
  } else {
    return std::nullopt;
  }
  const int month = two_digits(text, 0);
  const int day = two_digits(text, 2);
  const int hour = two_digits(text, 4);
  const int minute = two_digits(text, 6);
  const int second = two_digits(text, 8);
  if (month < 1 || day < 1 || text[10] != 'Z') return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return WallTime{std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                  std::chrono::seconds{second}};
}

}  // namespace portcullis::revocation::internal
