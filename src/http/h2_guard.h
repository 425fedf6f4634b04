// H2Guard: how much of what costs the gateway more than its client a client of one connection may send. A budget a
// kind, refilled as time passes; who overdraws one is no client but a flood. Pure; time is passed in. One a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace portcullis::http {

enum class H2Cost : std::uint8_t {
  kReset,     // a stream broken off: by RST_STREAM, or by what made us send one (CVE-2023-44487, CVE-2025-8671)
  kPing,      // each is answered (CVE-2019-9512)
  kSettings,  // each is answered (CVE-2019-9515)
  kPriority,  // CVE-2019-9513
  kEmpty,     // DATA and header frames without a byte, that end nothing (CVE-2019-9518)
  kWindow,    // WINDOW_UPDATE beyond what DATA of ours calls for
  kUnknown,   // frames of types that nobody has heard of
  kCount,
};

class H2Guard {
 public:
  explicit H2Guard(MonoTime now);
  // Pays for one; false: the budget is overdrawn.
  bool spend(H2Cost cost, MonoTime now);
  // A DATA frame of ours went out: its receiver may answer with some WINDOW_UPDATEs.
  void data_sent();
  // "http2.reset_flood" and its like; static.
  static std::string_view code(H2Cost cost);

 private:
  struct Budget {
    std::int64_t left;  // thousandths
    MonoTime refilled;
  };
  std::array<Budget, static_cast<std::size_t>(H2Cost::kCount)> budgets_;
};

}  // namespace portcullis::http
