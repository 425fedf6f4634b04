// Loop: one thread's reactor. Readiness by edge-triggered epoll, deadlines by a timer wheel, jobs from other threads by
// post(). Everything but post() is for the loop's own thread. Failure to make one is an Error; once made it cannot
// fail.
#pragma once

#include <array>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <sys/epoll.h>

#include "base/clock.h"
#include "base/result.h"
#include "event/task.h"
#include "event/timer_wheel.h"

namespace portcullis::event {

class Watch;

class Loop {
 public:
  using Job = std::function<void()>;

  static Result<std::unique_ptr<Loop>> create(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Serves until stop(); may be called again.
  void run();
  void stop() { stopping_ = true; }

  // Runs `job` on the loop's thread, in the order of the posts. Any thread.
  void post(Job job);

  // Times of this turn of the loop: read once after every wait, so that they cost nothing to ask for.
  MonoTime now() const { return now_; }
  WallTime wall_now() const { return wall_now_; }
  Deadline in(std::chrono::milliseconds span) const { return now_ + span; }

  TimerWheel& timers() { return timers_; }

  // Resumes `handle` in the next turn, after the events that are ready now have been served.
  void resume_later(std::coroutine_handle<> handle) { deferred_.push_back(handle); }

 private:
  friend class Watch;
  static constexpr int kBatch = 256;

  explicit Loop(const Clock& clock);
  Result<void> open();
  void read_clock();
  void run_posted();
  void run_deferred();
  void turn();

  const Clock& clock_;
  MonoTime now_;
  WallTime wall_now_;
  TimerWheel timers_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool stopping_ = false;
  std::array<epoll_event, kBatch> batch_;
  int batch_size_ = 0;
  std::vector<std::coroutine_handle<>> deferred_;
  std::mutex posted_mutex_;
  std::vector<Job> posted_;  // guarded by posted_mutex_
};

// Why an await ended.
enum class Wake : std::uint8_t { kReady, kTimedOut, kCancelled };

// One registered descriptor, which it does not own: close the descriptor after destroying this. At most one
// coroutine waits for each direction. Registered once, for both directions; readiness is remembered between waits.
class Watch {
 public:
  Watch(Loop& loop, int fd);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  class Waiter;
  // co_await: kReady when a try may succeed now, kTimedOut at the deadline, kCancelled after cancel().
  Waiter readable(Deadline deadline);
  Waiter writable(Deadline deadline);

  // What the last system call taught: the direction is drained, so the next wait suspends until a new edge.
  void not_readable() {
    if (!read_closed_) readable_ = false;
  }
  void not_writable() {
    if (!broken_) writable_ = false;
  }
  // The peer has sent its end of stream (perhaps with data before it that is not read yet).
  bool peer_closed() const { return read_closed_; }
  // Neither direction works any more: reset, or closed both ways.
  bool broken() const { return broken_; }
  bool maybe_readable() const { return readable_; }

  // Called once, when the peer closes or breaks the connection while nobody waits to read: lets a request that waits
  // for something else learn that its client has gone. Cleared by an empty function.
  void on_peer_closed(std::function<void()> action) { peer_closed_action_ = std::move(action); }

  // Ends the waits in progress and every later one with kCancelled: the owner is to unwind.
  void cancel();
  bool cancelled() const { return cancelled_; }
  // Ends only a read wait in progress with kCancelled; later waits are not touched.
  void cancel_read_wait();

  Loop& loop() { return loop_; }

 private:
  friend class Loop;
  void on_events(std::uint32_t events);
  static void wake(Waiter*& slot, Wake why);
  void resume_later(Waiter*& slot, Wake why);

  Loop& loop_;
  const int fd_;
  int batch_slot_ = -1;  // where the running batch names this watch, -1: nowhere
  bool readable_ = false;
  bool writable_ = true;
  bool read_closed_ = false;
  bool broken_ = false;
  bool cancelled_ = false;
  std::function<void()> peer_closed_action_;
  Waiter* reader_ = nullptr;
  Waiter* writer_ = nullptr;
};

class Watch::Waiter final : private Timer {
 public:
  Waiter(Watch& watch, bool& ready, Waiter*& slot, Deadline deadline)
      : watch_(watch), ready_(ready), slot_(slot), deadline_(deadline) {}

  bool await_ready() {
    if (watch_.cancelled_) {
      why_ = Wake::kCancelled;
      return true;
    }
    return ready_;
  }
  void await_suspend(std::coroutine_handle<> handle);
  Wake await_resume() const { return why_; }

 private:
  friend class Watch;
  void on_timer() override;

  Watch& watch_;
  bool& ready_;
  Waiter*& slot_;
  Deadline deadline_;
  Wake why_ = Wake::kReady;
  std::coroutine_handle<> handle_;
};

inline Watch::Waiter Watch::readable(Deadline deadline) { return {*this, readable_, reader_, deadline}; }
inline Watch::Waiter Watch::writable(Deadline deadline) { return {*this, writable_, writer_, deadline}; }

// co_await sleep_until(loop, deadline)
class SleepUntil final : private Timer {
 public:
  SleepUntil(Loop& loop, Deadline deadline) : loop_(loop), deadline_(deadline) {}
  bool await_ready() const { return deadline_ <= loop_.now(); }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    loop_.timers().arm(*this, deadline_);
  }
  void await_resume() const {}

 private:
  void on_timer() override { handle_.resume(); }
  Loop& loop_;
  Deadline deadline_;
  std::coroutine_handle<> handle_;
};
inline SleepUntil sleep_until(Loop& loop, Deadline deadline) { return {loop, deadline}; }

// co_await yield(loop): lets every other ready connection have its turn.
class Yield {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) const { loop_.resume_later(handle); }
  void await_resume() const {}

 private:
  Loop& loop_;
};
inline Yield yield(Loop& loop) { return Yield(loop); }

}  // namespace portcullis::event
