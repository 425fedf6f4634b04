// SerialTable: the entries of one revocation list, by serial number, in rows of a few bytes: a million entries take
// about 26 MB with serial numbers of 20 bytes, and a look-up is one binary search. Filled by one thread, then sealed;
// sealed it is immutable and free to share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace portcullis::revocation {

struct RevokedEntry {
  WallTime at{};            // second precision, 1970–2106; later and earlier dates are held as the nearest of these
  std::uint8_t reason = 0;  // CRLReason of RFC 5280 §5.3.1; 0 where none is given
};

class SerialTable {
 public:
  // Bytes of a serial number as DER has it: 20 (RFC 5280 §4.1.2.2), and one for the sign.
  static constexpr std::size_t kMaxSerial = 21;

  // Before seal(). `serial`: the content of its DER INTEGER, 1–kMaxSerial bytes.
  void add(std::string_view serial, const RevokedEntry& entry);
  // Sorts. False where a serial number stands twice.
  bool seal();

  // After seal().
  std::optional<RevokedEntry> find(std::string_view serial) const;
  std::size_t size() const { return size_; }
  std::size_t bytes() const;

 private:
  using Rows = std::vector<std::uint8_t>;  // serial, reason, four bytes of date, over and over
  static constexpr std::size_t kBesides = 5;

  std::array<Rows, kMaxSerial + 1> by_length_;
  std::size_t size_ = 0;
};

}  // namespace portcullis::revocation
