// Signal: coroutines of one thread wait for a moment that another coroutine of that thread announces. Worker-local.
#pragma once

#include "event/loop.h"

namespace portcullis::event {

class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();

  class Waiter;
  // co_await: kReady once notify() is called after the wait began, kTimedOut at the deadline.
  Waiter wait(Deadline deadline);

  // Wakes everyone who waits now; they resume in the next turn of the loop.
  void notify();

 private:
  Loop& loop_;
  Waiter* first_ = nullptr;
};

class Signal::Waiter final : private Timer {
 public:
  Waiter(Signal& signal, Deadline deadline) : signal_(signal), deadline_(deadline) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  Wake await_resume() const { return why_; }

 private:
  friend class Signal;
  void on_timer() override;

  Signal& signal_;
  Deadline deadline_;
  Waiter* next_ = nullptr;
  Wake why_ = Wake::kReady;
  std::coroutine_handle<> handle_;
};

inline Signal::Waiter Signal::wait(Deadline deadline) { return {*this, deadline}; }

}  // namespace portcullis::event
