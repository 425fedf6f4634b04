// For tests only: a fixture with a loop under a clock that stands still until the test moves it. One thread; nothing
// sleeps: the test turns the loop until what it waits for has come.
#pragma once

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "event/loop.h"

namespace portcullis::event {

struct ManualLoopTest : testing::Test {
  ManualLoopTest() {
    auto made = Loop::create(clock);
    if (made) loop = std::move(*made);
  }
  void SetUp() override { ASSERT_NE(loop, nullptr); }

  // One turn of the loop, timers included.
  void turn() {
    loop->post([this] { loop->post([this] { loop->stop(); }); });
    loop->run();
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }
  // Turns until `condition` holds; false when it does not come to hold for many seconds.
  template <class Condition>
  [[nodiscard]] bool turn_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      turn();
    }
    return true;
  }
  // Moves the clock and lets the timers run.
  void pass(std::chrono::milliseconds span) {
    clock.advance(span);
    turns(2);
  }

  ManualClock clock;
  std::unique_ptr<Loop> loop;
};

}  // namespace portcullis::event
