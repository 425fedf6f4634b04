// ClosureRate: how many connections may be ended in a second because their clients are refused after all, over all
// workers (host file limits.closures_per_s). A thousand clients that are shut out at one moment come back at one
// moment: this spreads them. Thread-safe, without a lock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace portcullis::server {

class ClosureRate {
 public:
  // `per_second`: 1–1,000,000. Any thread; takes effect for closures that come after.
  void configure(std::uint32_t per_second);

  // Takes a turn: zero when there is one now, else how long until there is. No second has more turns than configured.
  std::chrono::milliseconds take(MonoTime now);

 private:
  using Nanoseconds = std::int64_t;
  // A sixteenth of a second's turns may come at once, and the others follow evenly.
  std::atomic<Nanoseconds> interval_{1'066'667};
  std::atomic<Nanoseconds> tolerance_{65'000'000};
  std::atomic<Nanoseconds> next_{0};  // when the turn after those taken would come if none came early
};

}  // namespace portcullis::server
