#include "revocation/serial_table.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "base/check.h"

namespace portcullis::revocation {
namespace {

// Sorts rows of `stride` bytes by their first `length`. False where two have the same.
bool sort_rows(std::vector<std::uint8_t>& rows, std::size_t stride, std::size_t length) {
  const std::size_t count = rows.size() / stride;
  const std::uint8_t* base = rows.data();
  const auto compare = [base, stride, length](std::uint32_t a, std::uint32_t b) {
    return std::memcmp(base + a * stride, base + b * stride, length);
  };
  bool sorted = true;
  for (std::uint32_t i = 1; i < count && sorted; ++i) sorted = compare(i - 1, i) < 0;
  if (sorted) {
    rows.shrink_to_fit();
    return true;
  }
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return compare(a, b) < 0; });
  for (std::size_t i = 1; i < count; ++i) {
    if (compare(order[i - 1], order[i]) == 0) return false;
  }
  std::vector<std::uint8_t> out(rows.size());
  for (std::size_t i = 0; i < count; ++i) std::memcpy(out.data() + i * stride, base + order[i] * stride, stride);
  rows.swap(out);
  return true;
}

}  // namespace

void SerialTable::add(std::string_view serial, const RevokedEntry& entry) {
  CHECK(!serial.empty() && serial.size() <= kMaxSerial);
  Rows& rows = by_length_[serial.size()];
  rows.insert(rows.end(), serial.begin(), serial.end());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(entry.at).time_since_epoch().count();
  const auto date = static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX));
  std::array<std::uint8_t, kBesides> besides{entry.reason};
  std::memcpy(besides.data() + 1, &date, sizeof date);
  rows.insert(rows.end(), besides.begin(), besides.end());
  ++size_;
}

bool SerialTable::seal() {
  for (std::size_t length = 1; length <= kMaxSerial; ++length) {
    if (!sort_rows(by_length_[length], length + kBesides, length)) return false;
  }
  return true;
}

std::optional<RevokedEntry> SerialTable::find(std::string_view serial) const {
  if (serial.empty() || serial.size() > kMaxSerial) return std::nullopt;
  const Rows& rows = by_length_[serial.size()];
  const std::size_t stride = serial.size() + kBesides;
  std::size_t low = 0;
  std::size_t high = rows.size() / stride;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const std::uint8_t* row = rows.data() + middle * stride;
    const int order = std::memcmp(row, serial.data(), serial.size());
    if (order == 0) {
      std::uint32_t date = 0;
      std::memcpy(&date, row + serial.size() + 1, sizeof date);
      return RevokedEntry{WallTime{std::chrono::seconds(date)}, row[serial.size()]};
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

std::size_t SerialTable::bytes() const {
  std::size_t total = sizeof *this;
  for (const Rows& rows : by_length_) total += rows.capacity();
  return total;
}

}  // namespace portcullis::revocation
