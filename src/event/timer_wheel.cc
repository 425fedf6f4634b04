#include "event/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace portcullis::event {

void Timer::disarm() {
  if (next_ == nullptr) return;
  prev_->next_ = next_;
  next_->prev_ = prev_;
  next_ = prev_ = nullptr;
}

TimerWheel::TimerWheel(MonoTime now) : start_(now) {
  for (Head& head : slots_) head.next_ = head.prev_ = &head;
}

TimerWheel::~TimerWheel() {
  for (Head& head : slots_) {
    while (!slot_empty(head)) head.next_->disarm();
    head.next_ = head.prev_ = nullptr;
  }
}

void TimerWheel::arm(Timer& timer, Deadline deadline) {
  timer.disarm();
  if (deadline == kNoDeadline) return;
  // One tick later than the deadline's own, so that it has wholly passed when the tick fires.
  const std::uint64_t due = deadline <= start_ ? 0 : tick_of(deadline) + 1;
  timer.due_tick_ = std::max(due, current_ + 1);
  insert(timer);
}

void TimerWheel::insert(Timer& timer) {
  const std::size_t slot = timer.due_tick_ % kSlots;
  Timer& head = slots_[slot];
  timer.prev_ = head.prev_;
  timer.next_ = &head;
  head.prev_->next_ = &timer;
  head.prev_ = &timer;
  occupied_[slot / 64] |= std::uint64_t{1} << slot % 64;
}

void TimerWheel::advance(MonoTime now) {
  const std::uint64_t target = tick_of(now);
  // After a long pause one walk over every slot is enough: each due timer is met once.
  const std::uint64_t last = std::min(target, current_ + kSlots);
  const std::uint64_t first = current_ + 1;
  current_ = std::max(current_, target);
  for (std::uint64_t tick = first; tick <= last; ++tick) {
    Timer& head = slots_[tick % kSlots];
    if (slot_empty(head)) continue;
    // A timer that fires may arm or disarm any other: take the slot's list aside and pop from it.
    Head due;
    due.next_ = head.next_;
    due.prev_ = head.prev_;
    due.next_->prev_ = due.prev_->next_ = &due;
    head.next_ = head.prev_ = &head;
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      timer.disarm();
      if (timer.due_tick_ <= target) {
        timer.on_timer();
      } else {
        insert(timer);
      }
    }
    due.next_ = due.prev_ = nullptr;
  }
}

std::optional<std::chrono::milliseconds> TimerWheel::until_next(MonoTime now) const {
  const std::uint64_t first = current_ + 1;
  for (std::uint64_t tick = first; tick < first + kSlots;) {
    const std::size_t slot = tick % kSlots;
    const std::uint64_t ahead = occupied_[slot / 64] >> slot % 64;
    if (ahead == 0) {
      tick += 64 - slot % 64;
      continue;
    }
    tick += static_cast<std::uint64_t>(std::countr_zero(ahead));
    const std::size_t found = tick % kSlots;
    if (tick >= first + kSlots) break;
    if (!slot_empty(slots_[found])) {
      const MonoTime due = start_ + static_cast<std::int64_t>(tick) * kTick;
      return std::max(due - now, std::chrono::milliseconds(0));
    }
    occupied_[found / 64] &= ~(std::uint64_t{1} << found % 64);
  }
  return std::nullopt;
}

}  // namespace portcullis::event
