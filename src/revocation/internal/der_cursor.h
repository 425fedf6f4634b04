// DerCursor: walks DER (X.690) without allocating: tags of one byte, lengths definite and minimal, everything within
// its parent. The bytes must outlive it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace portcullis::revocation::internal {

namespace tag {
inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0a;
inline constexpr std::uint8_t kUtcTime = 0x17;
inline constexpr std::uint8_t kGeneralizedTime = 0x18;
inline constexpr std::uint8_t kSequence = 0x30;
// [n], constructed, of the context.
constexpr std::uint8_t context(std::uint8_t n) { return static_cast<std::uint8_t>(0xa0 | n); }
// [n], primitive, of the context.
constexpr std::uint8_t primitive(std::uint8_t n) { return static_cast<std::uint8_t>(0x80 | n); }
}  // namespace tag

struct Element {
  std::uint8_t tag = 0;
  std::string_view body;
  std::string_view whole;  // with tag and length
};

class DerCursor {
 public:
  explicit DerCursor(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  // The tag of what comes next; 0 at the end.
  std::uint8_t next_tag() const { return rest_.empty() ? 0 : static_cast<std::uint8_t>(rest_.front()); }
  // The next element; nullopt at the end and where the bytes are no DER.
  std::optional<Element> take();
  // The same where it has this tag; nullopt otherwise, and nothing is taken.
  std::optional<Element> take(std::uint8_t tag);

 private:
  std::string_view rest_;
};

// The content of an INTEGER as DER has it: not empty, no superfluous first byte.
bool is_minimal_integer(std::string_view content);
// A BOOLEAN's content: 0x00 or 0xff.
std::optional<bool> read_boolean(std::string_view content);
// Time of RFC 5280 §4.1.2.5: UTCTime (years 1950–2049) or GeneralizedTime, with seconds, in Z, without fractions.
std::optional<WallTime> read_time(const Element& element);

}  // namespace portcullis::revocation::internal
