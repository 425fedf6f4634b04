#include "telemetry/json_line.h"

#include <algorithm>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace portcullis::telemetry {
namespace {

std::string as_json(std::string_view bytes) {
  std::string out;
  append_json_string(out, bytes);
  return out;
}

struct Case {
  std::string_view in;
  std::string_view out;
};

TEST(JsonString, EscapesWhatJsonAndTerminalsCannotCarry) {
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"", R"("")"},
      {"plain text of more than eight bytes", R"("plain text of more than eight bytes")"},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"C:\\x", R"("C:\\x")"},
      {"a\r\nb\tc", R"("a\r\nb\tc")"},
      {"\0"sv, R"("\u0000")"},
      {"\x1b[31m", R"("\u001b[31m")"},
      {"\x7f", R"("\u007f")"},
      {"\xc2\x9b\xc2\xa0", "\"\\u009b\xc2\xa0\""},
      {"12345678\"", R"("12345678\"")"},
      {"1234567\x01", R"("1234567\u0001")"},
      {"\xc3\xa9t\xc3\xa9", "\"\xc3\xa9t\xc3\xa9\""},
      {"\xe2\x82\xac", "\"\xe2\x82\xac\""},
      {"\xf0\x9f\x9a\xaa", "\"\xf0\x9f\x9a\xaa\""},
      {"\xef\xbf\xbf", "\"\xef\xbf\xbf\""},
  };
  for (const auto& [in, out] : cases) EXPECT_EQ(as_json(in), out);
}

TEST(JsonString, ReplacesEveryByteThatIsNotWellFormedUtf8) {
  const Case cases[] = {
      {"\x80", R"("\ufffd")"},
      {"\xff", R"("\ufffd")"},
      {"\xc0\xaf", R"("\ufffd\ufffd")"},  // overlong '/'
      {"\xc1\xbf", R"("\ufffd\ufffd")"},
      {"\xe0\x80\xaf", R"("\ufffd\ufffd\ufffd")"},  // overlong '/'
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},  // surrogate
      {"\xf0\x80\x80\xaf", R"("\ufffd\ufffd\ufffd\ufffd")"},
      {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},
      {"\xe2\x82", R"("\ufffd\ufffd")"},      // cut short by the end
      {"\xe2\x82\"", R"("\ufffd\ufffd\"")"},  // cut short by a quote, which must not be swallowed
      {"\xc3\\", R"("\ufffd\\")"},
  };
  for (const auto& [in, out] : cases) EXPECT_EQ(as_json(in), out);
}

// One quoted string and nothing else: every byte printable or UTF-8, every escape complete, the only bare quotes at the
// ends.
bool is_json_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f || byte == '"') return false;
    if (byte != '\\') continue;
    if (++i == text.size()) return false;
    if (std::string_view("\"\\nrt").find(text[i]) != std::string_view::npos) continue;
    if (text[i] != 'u' || i + 4 >= text.size()) return false;
    for (int digit = 0; digit < 4; ++digit) {
      if (hex_value(text[++i]) < 0) return false;
    }
  }
  std::string raw(text);  // what is left when escapes are no escapes must be well-formed UTF-8
  std::replace(raw.begin(), raw.end(), '\\', '/');
  return as_json(raw).find("\\ufffd") == std::string::npos;
}

TEST(JsonString, StaysOneStringForRandomBytes) {
  std::mt19937 random(20261123);
  static constexpr std::string_view kNasty = "\"\\\n\x1b\x7f\xc2\xe2\xf0\x80\xbf\xff/u0";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) {
      byte = random() % 2 == 0 ? static_cast<char>(random() & 0xffU) : kNasty[random() % kNasty.size()];
    }
    const std::string json = as_json(bytes);
    ASSERT_TRUE(is_json_string(json)) << hex_lower(bytes) << " became " << json;
  }
}

TEST(JsonLine, WritesEveryKindOfMember) {
  std::string out = "before ";
  JsonLine line(out);
  line.add("text", "a").add("view", std::string_view("b")).add("string", std::string("c"));
  line.add("yes", true).add("no", false).add_null("none");
  line.add("min", std::numeric_limits<std::int64_t>::min()).add("max", std::numeric_limits<std::uint64_t>::max());
  line.add("int", -7).add("port", std::uint16_t{8443});
  line.add("half", 0.5).add("nan", std::numeric_limits<double>::quiet_NaN());
  line.add("inf", -std::numeric_limits<double>::infinity());
  line.begin("inner").end().begin("deep").begin("er").add("k", 1).end().end().add_raw("list", "[1,2]");
  line.add("ke\"y", 1);
  line.close();
  EXPECT_EQ(out, R"(before {"text":"a","view":"b","string":"c","yes":true,"no":false,"none":null,)"
                 R"("min":-9223372036854775808,"max":18446744073709551615,"int":-7,"port":8443,)"
                 R"("half":0.5,"nan":null,"inf":null,"inner":{},"deep":{"er":{"k":1}},"list":[1,2],"ke\"y":1})");
}

TEST(JsonLine, WritesTimesAndDurations) {
  using namespace std::chrono_literals;
  std::string out;
  JsonLine line(out);
  line.add_seconds("a", 0ns).add_seconds("b", 1'234'999us).add_seconds("c", 61s).add_seconds("d", -5ms);
  line.add_seconds("e", 999us).add_quoted_seconds("f", 28ms).add_quoted_seconds("g", -1s);
  line.close();
  EXPECT_EQ(out, R"({"a":0.000,"b":1.234,"c":61.000,"d":0.000,"e":0.000,"f":"0.028","g":"0.000"})");
}

TEST(AppendUtc, CoversTheCalendarAndClampsBeyondIt) {
  const std::pair<std::int64_t, std::string_view> cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {951'782'399'001, "2000-02-28T23:59:59.001Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {1'800'000'000'042, "2027-01-15T08:00:00.042Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
      {std::numeric_limits<std::int64_t>::max(), "9999-12-31T23:59:59.999Z"},
      {std::numeric_limits<std::int64_t>::min(), "0000-01-01T00:00:00.000Z"},
  };
  for (const auto& [ms, text] : cases) {
    std::string out;
    append_utc(out, WallTime(std::chrono::milliseconds(ms)));
    EXPECT_EQ(out, text);
  }
}

}  // namespace
}  // namespace portcullis::telemetry
