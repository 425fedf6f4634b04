#include "event/signal.h"

#include "base/check.h"

namespace portcullis::event {

Signal::~Signal() { CHECK(first_ == nullptr); }

void Signal::notify() {
  Waiter* waiter = std::exchange(first_, nullptr);
  while (waiter != nullptr) {
    Waiter* next = waiter->next_;
    waiter->disarm();
    loop_.resume_later(waiter->handle_);
    waiter = next;
  }
}

void Signal::Waiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  next_ = signal_.first_;
  signal_.first_ = this;
  signal_.loop_.timers().arm(*this, deadline_);
}

void Signal::Waiter::on_timer() {
  Waiter** place = &signal_.first_;
  while (*place != this) place = &(*place)->next_;
  *place = next_;
  why_ = Wake::kTimedOut;
  handle_.resume();
}

}  // namespace portcullis::event
