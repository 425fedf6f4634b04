#include "revocation/serial_table.h"

#include <gtest/gtest.h>

namespace portcullis::revocation {
namespace {

std::string serial_number(std::uint32_t seed, std::size_t length) {
  std::string serial(length, '\x11');
  for (std::size_t i = 0; i < 4 && i < length; ++i) serial[i] = static_cast<char>(seed >> (8 * (3 - i)));
  return serial;
}

TEST(SerialTable, FindsEachLengthAndNothingElse) {
  SerialTable table;
  const WallTime at{std::chrono::seconds(1'700'000'000)};
  for (std::size_t length = 1; length <= SerialTable::kMaxSerial; ++length) {
    table.add(std::string(length, '\x7f'), {at, static_cast<std::uint8_t>(length % 7)});
  }
  ASSERT_TRUE(table.seal());
  for (std::size_t length = 1; length <= SerialTable::kMaxSerial; ++length) {
    const auto found = table.find(std::string(length, '\x7f'));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->at, at);
    EXPECT_EQ(found->reason, length % 7);
    EXPECT_FALSE(table.find(std::string(length, '\x7e')).has_value());
  }
  EXPECT_FALSE(table.find("").has_value());
  EXPECT_FALSE(table.find(std::string(SerialTable::kMaxSerial + 1, '\x7f')).has_value());
}

TEST(SerialTable, TakesAMillionUnsortedInAFewBytesEach) {
  constexpr std::uint32_t kCount = 1'000'000;
  SerialTable table;
  // An odd factor visits every number below 2^20 once, out of order.
  for (std::uint32_t i = 0; i < kCount; ++i) table.add(serial_number((i * 0x9e3779b1U) & 0xfffffU, 20), {});
  ASSERT_TRUE(table.seal());
  EXPECT_EQ(table.size(), kCount);
  EXPECT_LT(table.bytes(), kCount * 27U);
  for (std::uint32_t i = 0; i < kCount; i += 997) {
    ASSERT_TRUE(table.find(serial_number((i * 0x9e3779b1U) & 0xfffffU, 20)).has_value());
  }
  EXPECT_FALSE(table.find(serial_number(0x7fffffff, 20)).has_value());
}

TEST(SerialTable, SaysWhenANumberStandsTwice) {
  for (const std::vector<const char*>& serials :
       {std::vector{"a", "b", "a"}, std::vector{"a", "a"}, std::vector{"c", "b", "b"}}) {
    SerialTable table;
    for (const char* serial : serials) table.add(serial, {});
    EXPECT_FALSE(table.seal());
  }
}

TEST(SerialTable, HoldsDatesOutOfItsRangeAsTheNearest) {
  SerialTable table;
  table.add("a", {WallTime{std::chrono::seconds(-5)}});
  table.add("b", {WallTime{std::chrono::seconds(5'000'000'000)}});
  ASSERT_TRUE(table.seal());
  EXPECT_EQ(table.find("a")->at, WallTime{});
  EXPECT_EQ(table.find("b")->at, WallTime{std::chrono::seconds(UINT32_MAX)});
}

}  // namespace
}  // namespace portcullis::revocation
