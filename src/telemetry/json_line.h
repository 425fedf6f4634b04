// JsonLine writes one JSON object at the end of a caller's string, member by member, with nothing allocated but the
// string's own growth: the program log and the access log (some 40 members a request) are both built with it. Owned by
// the caller, used by one thread. It cannot fail: bytes that JSON cannot carry are escaped or replaced, never refused.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace portcullis::telemetry {

// Appends `bytes` as a quoted JSON string (RFC 8259 §7). Control characters (C0, DEL, C1) become \u00XX or their short
// form; a byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) becomes U+FFFD.
void append_json_string(std::string& out, std::string_view bytes);

// Appends "2026-11-23T20:35:42.123Z", without quotes; years outside 0000–9999 are clamped.
void append_utc(std::string& out, WallTime time);

// The object opens with the constructor and closes with `close()`; nested objects are opened by `begin(key)` and closed
// by `end()`. Keys are escaped like values; that no key comes twice is the caller's duty.
class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& add(std::string_view key, std::string_view value);
  JsonLine& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonLine& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
  template <std::same_as<bool> T>
  JsonLine& add(std::string_view key, T value) {
    return add_raw(key, value ? "true" : "false");
  }
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonLine& add(std::string_view key, T value) {
    if constexpr (std::is_signed_v<T>) {
      return add_signed(key, value);
    } else {
      return add_unsigned(key, value);
    }
  }
  // The shortest decimal form that reads back as the same double; NaN and infinities become null.
  JsonLine& add(std::string_view key, double value);
  JsonLine& add_null(std::string_view key) { return add_raw(key, "null"); }
  // A string member as by append_utc.
  JsonLine& add_time(std::string_view key, WallTime value);
  // A number: seconds with three decimals, cut (not rounded) to milliseconds; negative values are written as 0.000.
  JsonLine& add_seconds(std::string_view key, std::chrono::nanoseconds value);
  // The same as a string: "0.028".
  JsonLine& add_quoted_seconds(std::string_view key, std::chrono::nanoseconds value);
  // `json` must be one complete JSON value; it is copied as it is.
  JsonLine& add_raw(std::string_view key, std::string_view json);

  JsonLine& begin(std::string_view key);
  JsonLine& end() {
    out_ += '}';
    first_ = false;
    return *this;
  }

  // Ends the object; the line break is the writer's business.
  void close() { out_ += '}'; }

 private:
  void append_key(std::string_view key);
  JsonLine& add_signed(std::string_view key, std::int64_t value);
  JsonLine& add_unsigned(std::string_view key, std::uint64_t value);

  std::string& out_;
  bool first_ = true;
};

}  // namespace portcullis::telemetry
