#include "event/loop.h"

#include <cerrno>
#include <cstring>
#include <limits>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace portcullis::event {

Loop::Loop(const Clock& clock) : clock_(clock), now_(clock.mono()), wall_now_(clock.wall()), timers_(now_) {}

Result<std::unique_ptr<Loop>> Loop::create(const Clock& clock) {
  std::unique_ptr<Loop> loop(new Loop(clock));
  if (auto opened = loop->open(); !opened) return forward_error(opened);
  return loop;
}

Result<void> Loop::open() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (epoll_fd_ < 0 || wake_fd_ < 0 || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) {
    return fail("event.open", std::string("cannot open an event loop: ") + std::strerror(errno) +
                                  " (is the limit of open files too low?)");
  }
  return {};
}

Loop::~Loop() {
  if (wake_fd_ >= 0) ::close(wake_fd_);
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
}

void Loop::post(Job job) {
  bool was_empty;
  {
    const std::lock_guard lock(posted_mutex_);
    was_empty = posted_.empty();
    posted_.push_back(std::move(job));
  }
  if (!was_empty) return;
  const std::uint64_t one = 1;
  // An eventfd write fails only when the counter is at its limit, and then the loop is awake anyway.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void Loop::run_posted() {
  std::vector<Job> jobs;
  {
    const std::lock_guard lock(posted_mutex_);
    jobs.swap(posted_);
  }
  for (Job& job : jobs) job();
}

void Loop::run_deferred() {
  std::vector<std::coroutine_handle<>> handles;
  handles.swap(deferred_);
  for (const auto handle : handles) handle.resume();
}

void Loop::read_clock() {
  now_ = clock_.mono();
  wall_now_ = clock_.wall();
}

void Loop::run() {
  stopping_ = false;
  read_clock();
  run_posted();
  while (!stopping_) turn();
}

void Loop::turn() {
  int timeout = -1;
  if (!deferred_.empty()) {
    timeout = 0;
  } else if (const auto next = timers_.until_next(now_)) {
    timeout = static_cast<int>(std::min<std::int64_t>(next->count(), std::numeric_limits<int>::max()));
  }
  batch_size_ = epoll_wait(epoll_fd_, batch_.data(), kBatch, timeout);
  read_clock();
  if (batch_size_ < 0) {
    CHECK(errno == EINTR);
    batch_size_ = 0;
  }
  for (int i = 0; i < batch_size_; ++i) {
    if (batch_[i].data.ptr != nullptr) static_cast<Watch*>(batch_[i].data.ptr)->batch_slot_ = i;
  }
  bool woken = false;
  for (int i = 0; i < batch_size_; ++i) {
    if (batch_[i].events == 0) continue;  // its watch was destroyed by an event served before it
    auto* watch = static_cast<Watch*>(batch_[i].data.ptr);
    if (watch == nullptr) {
      woken = true;
      continue;
    }
    watch->batch_slot_ = -1;
    watch->on_events(batch_[i].events);
  }
  batch_size_ = 0;
  run_deferred();
  timers_.advance(now_);
  if (!woken) return;
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);
  run_posted();
}

Watch::Watch(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = this;
  if (epoll_ctl(loop_.epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
    // Out of kernel memory or of epoll watches: the connection is refused as cancelled instead of hanging.
    cancelled_ = true;
  }
}

Watch::~Watch() {
  CHECK(reader_ == nullptr && writer_ == nullptr);
  // Closing alone would not do: a copy of the descriptor in a forked child keeps it registered, with this address.
  epoll_ctl(loop_.epoll_fd_, EPOLL_CTL_DEL, fd_, nullptr);
  if (batch_slot_ >= 0) {
    loop_.batch_[batch_slot_].events = 0;
    loop_.batch_[batch_slot_].data.ptr = nullptr;
  }
}

void Watch::wake(Waiter*& slot, Wake why) {
  Waiter* waiter = std::exchange(slot, nullptr);
  if (waiter == nullptr) return;
  waiter->disarm();
  waiter->why_ = why;
  waiter->handle_.resume();
}

void Watch::on_events(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) broken_ = read_closed_ = readable_ = writable_ = true;
  // The peer's end of stream is read like data: it stays readable for good.
  if ((events & EPOLLRDHUP) != 0) read_closed_ = readable_ = true;
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if (read_closed_ && reader_ == nullptr && peer_closed_action_) {
    if (writable_) resume_later(writer_, Wake::kReady);
    const auto action = std::exchange(peer_closed_action_, nullptr);
    return action();
  }
  // Resuming the reader may destroy this watch and the writer with it, so the writer goes through the loop.
  if (writer_ != nullptr && writable_ && reader_ != nullptr && readable_) {
    resume_later(writer_, Wake::kReady);
    wake(reader_, Wake::kReady);
    return;
  }
  if (writer_ != nullptr && writable_) return wake(writer_, Wake::kReady);
  if (reader_ != nullptr && readable_) wake(reader_, Wake::kReady);
}

void Watch::resume_later(Waiter*& slot, Wake why) {
  Waiter* waiter = std::exchange(slot, nullptr);
  if (waiter == nullptr) return;
  waiter->disarm();
  waiter->why_ = why;
  loop_.resume_later(waiter->handle_);
}

void Watch::cancel() {
  cancelled_ = true;
  resume_later(reader_, Wake::kCancelled);
  resume_later(writer_, Wake::kCancelled);
}

void Watch::cancel_read_wait() { resume_later(reader_, Wake::kCancelled); }

void Watch::Waiter::await_suspend(std::coroutine_handle<> handle) {
  CHECK(slot_ == nullptr);
  handle_ = handle;
  slot_ = this;
  watch_.loop_.timers().arm(*this, deadline_);
}

void Watch::Waiter::on_timer() {
  slot_ = nullptr;
  why_ = Wake::kTimedOut;
  handle_.resume();
}

}  // namespace portcullis::event
