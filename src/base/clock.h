// Clocks as a seam: code that judges time takes a Clock, and tests move it by hand.
#pragma once

#include <chrono>

namespace portcullis {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;

// Both clocks of the machine. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;  // for certificates, logs: can jump
  virtual MonoTime mono() const = 0;  // for deadlines: never goes back
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  MonoTime mono() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now());
  }
};

// A clock that stands still until a test moves it. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime{std::chrono::seconds(1'800'000'000)}) : wall_(start) {}
  WallTime wall() const override { return wall_; }
  MonoTime mono() const override { return mono_; }
  void advance(std::chrono::milliseconds by) {
    wall_ += by;
    mono_ += by;
  }
  void set_wall(WallTime to) { wall_ = to; }

 private:
  WallTime wall_;
  MonoTime mono_{std::chrono::hours(1)};
};

}  // namespace portcullis
