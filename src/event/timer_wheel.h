// Timers for one loop: a hashed wheel, so that arming and disarming a deadline is a list insertion. Resolution is one
// tick (8 ms); a timer never fires early. Worker-local.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace portcullis::event {

// The moment by which an await must have ended. Every await takes one.
using Deadline = MonoTime;
constexpr Deadline kNoDeadline = Deadline::max();

// A place in the wheel. Lives inside its owner; leaves the wheel when destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { disarm(); }
  void disarm();
  bool armed() const { return next_ != nullptr; }

 protected:
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  std::uint64_t due_tick_ = 0;
};

class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{8};

  explicit TimerWheel(MonoTime now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // A deadline of kNoDeadline is not armed at all. One that has passed fires at the next advance().
  void arm(Timer& timer, Deadline deadline);
  // Fires every timer whose deadline is at or before `now`.
  void advance(MonoTime now);
  // The time until the next slot that holds a timer (which may prove to be of a later round); nullopt: none armed.
  std::optional<std::chrono::milliseconds> until_next(MonoTime now) const;

 private:
  static constexpr std::size_t kSlots = 4096;
  struct Head final : Timer {
    void on_timer() override {}
  };
  std::uint64_t tick_of(MonoTime time) const { return static_cast<std::uint64_t>((time - start_) / kTick); }
  static bool slot_empty(const Timer& head) { return head.next_ == &head; }
  void insert(Timer& timer);

  MonoTime start_;
  std::uint64_t current_ = 0;  // every slot up to and including this tick has fired
  std::array<Head, kSlots> slots_;
  // A bit for each slot that may hold a timer: set when one enters, cleared when the slot is found empty.
  mutable std::array<std::uint64_t, kSlots / 64> occupied_{};
};

}  // namespace portcullis::event
