#include "server/closure_rate.h"

#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace portcullis::server {
namespace {

using std::chrono::milliseconds;

TEST(ClosureRate, NoSecondHasMoreTurnsThanConfigured) {
  for (const std::uint32_t rate : {1U, 2U, 15U, 16U, 100U, 1'000U, 30'000U}) {
    ClosureRate closures;
    closures.configure(rate);
    std::deque<MonoTime> taken;
    std::size_t most = 0, total = 0;
    MonoTime now{std::chrono::hours(1)};
    for (int tick = 0; tick < 500; ++tick, now += milliseconds(8)) {
      while (closures.take(now) == milliseconds(0)) {
        taken.push_back(now);
        ++total;
      }
      while (!taken.empty() && taken.front() <= now - milliseconds(1'000)) taken.pop_front();
      most = std::max(most, taken.size());
    }
    EXPECT_LE(most, rate) << rate;
    EXPECT_GE(total, rate * 3) << "in four seconds: " << rate;
  }
}

TEST(ClosureRate, SaysHowLongToWait) {
  ClosureRate closures;
  closures.configure(2);
  MonoTime now{std::chrono::hours(1)};
  EXPECT_EQ(closures.take(now), milliseconds(0));
  EXPECT_EQ(closures.take(now), milliseconds(500));
  now += milliseconds(400);
  EXPECT_EQ(closures.take(now), milliseconds(100));
  now += milliseconds(100);
  EXPECT_EQ(closures.take(now), milliseconds(0));
}

TEST(ClosureRate, AQuietHourSavesNothingUp) {
  ClosureRate closures;
  closures.configure(160);
  MonoTime now{std::chrono::hours(1)};
  for (int round = 0; round < 2; ++round) {
    int at_once = 0;
    while (closures.take(now) == milliseconds(0)) ++at_once;
    EXPECT_EQ(at_once, 11);
    now += std::chrono::hours(1);
  }
}

TEST(ClosureRate, WorkersShareIt) {
  ClosureRate closures;
  closures.configure(16'000);
  const MonoTime now{std::chrono::hours(1)};
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (closures.take(now) == milliseconds(0)) taken.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), 1'001);
}

}  // namespace
}  // namespace portcullis::server
