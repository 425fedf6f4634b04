#include "http/h2_guard.h"

#include <algorithm>

namespace portcullis::http {

namespace {

struct Allowance {
  std::int64_t burst, per_second;
  std::string_view code;
};

// Honest clients stay far below: browsers cancel some tens of streams at once, gRPC pings once a round trip while it
// measures, some libraries send a WINDOW_UPDATE for every few kilobytes read.
constexpr std::array<Allowance, static_cast<std::size_t>(H2Cost::kCount)> kAllowances = {{
    {100, 20, "http2.reset_flood"},
    {500, 200, "http2.ping_flood"},
    {30, 2, "http2.settings_flood"},
    {300, 50, "http2.priority_flood"},
    {100, 10, "http2.empty_frame_flood"},
    {1000, 100, "http2.window_update_flood"},
    {50, 10, "http2.unknown_frame_flood"},
}};
constexpr std::int64_t kWindowUpdatesPerData = 10;
constexpr std::int64_t kScale = 1000;

}  // namespace

H2Guard::H2Guard(MonoTime now) {
  for (std::size_t i = 0; i < budgets_.size(); ++i) budgets_[i] = {kAllowances[i].burst * kScale, now};
}

bool H2Guard::spend(H2Cost cost, MonoTime now) {
  const auto index = static_cast<std::size_t>(cost);
  Budget& budget = budgets_[index];
  const Allowance& allowance = kAllowances[index];
  if (budget.left < kScale) {
    const std::int64_t passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - budget.refilled).count();
    // Long pauses fill it up, and no multiplication overflows.
    const std::int64_t most = allowance.burst * kScale;
    const std::int64_t gained = std::min<std::int64_t>(passed, most) * allowance.per_second;
    budget.left = std::min(most, budget.left + gained);
    budget.refilled = now;
  }
  if (budget.left < kScale) return false;
  budget.left -= kScale;
  return true;
}

void H2Guard::data_sent() {
  constexpr auto kIndex = static_cast<std::size_t>(H2Cost::kWindow);
  budgets_[kIndex].left =
      std::min(kAllowances[kIndex].burst * kScale, budgets_[kIndex].left + kWindowUpdatesPerData * kScale);
}

std::string_view H2Guard::code(H2Cost cost) { return kAllowances[static_cast<std::size_t>(cost)].code; }

}  // namespace portcullis::http
