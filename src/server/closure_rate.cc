#include "server/closure_rate.h"

#include <algorithm>

namespace portcullis::server {

void ClosureRate::configure(std::uint32_t per_second) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const Nanoseconds at_once = 1 + per_second / 16;
  // What comes evenly makes room for what may come at once.
  const Nanoseconds evenly = std::max<Nanoseconds>(per_second - per_second / 16, 1);
  const Nanoseconds interval = (kSecond + evenly - 1) / evenly;
  interval_.store(interval, std::memory_order_relaxed);
  tolerance_.store((at_once - 1) * interval, std::memory_order_relaxed);
}

std::chrono::milliseconds ClosureRate::take(MonoTime now) {
  const Nanoseconds at = std::chrono::nanoseconds(now.time_since_epoch()).count();
  const Nanoseconds tolerance = tolerance_.load(std::memory_order_relaxed);
  const Nanoseconds interval = interval_.load(std::memory_order_relaxed);
  Nanoseconds next = next_.load(std::memory_order_relaxed);
  for (;;) {
    if (next - tolerance > at)
      return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(next - tolerance - at));
    const Nanoseconds after = std::max(next, at) + interval;
    if (next_.compare_exchange_weak(next, after, std::memory_order_relaxed)) return std::chrono::milliseconds(0);
  }
}

}  // namespace portcullis::server
