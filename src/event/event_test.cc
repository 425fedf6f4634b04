#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "event/signal.h"

namespace portcullis::event {
namespace {

using std::chrono::milliseconds;

struct CountingTimer final : Timer {
  int fired = 0;
  void on_timer() override { ++fired; }
};

TEST(TimerWheel, FiresNeverEarlyAndOnce) {
  const MonoTime start{std::chrono::hours(1)};
  for (const int span : {0, 1, 7, 8, 9, 1000, 32767, 32768, 32769, 100000, 1000000}) {
    TimerWheel wheel(start);
    CountingTimer timer;
    wheel.arm(timer, start + milliseconds(span));
    wheel.advance(start + milliseconds(span) - milliseconds(1));
    EXPECT_EQ(timer.fired, 0) << span;
    wheel.advance(start + milliseconds(span) + 2 * TimerWheel::kTick);
    EXPECT_EQ(timer.fired, 1) << span;
    wheel.advance(start + milliseconds(span) + milliseconds(200000));
    EXPECT_EQ(timer.fired, 1) << span;
  }
}

TEST(TimerWheel, AdvancesTickByTickLikeAtOnce) {
  const MonoTime start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  CountingTimer timers[200];
  for (int i = 0; i < 200; ++i) wheel.arm(timers[i], start + milliseconds(i * 331));
  for (int ms = 0; ms <= 200 * 331; ms += 5) {
    wheel.advance(start + milliseconds(ms));
    const int must = (ms - 16) / 331 + 1;
    for (int i = 0; i < 200; ++i) {
      if (ms >= 16 && i < must) {
        ASSERT_EQ(timers[i].fired, 1) << i << " at " << ms;
      } else if (i * 331 > ms) {
        ASSERT_EQ(timers[i].fired, 0) << i << " at " << ms;
      }
    }
  }
}

struct DisarmingTimer final : Timer {
  Timer* victim = nullptr;
  void on_timer() override { victim->disarm(); }
};

TEST(TimerWheel, ATimerMayDisarmItsNeighbour) {
  const MonoTime start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  DisarmingTimer first;
  CountingTimer second;
  first.victim = &second;
  wheel.arm(first, start + milliseconds(10));
  wheel.arm(second, start + milliseconds(10));
  wheel.advance(start + milliseconds(100));
  EXPECT_EQ(second.fired, 0);
  EXPECT_FALSE(wheel.until_next(start + milliseconds(100)));
}

TEST(TimerWheel, KnowsTheNextSlot) {
  const MonoTime start{std::chrono::hours(1)};
  TimerWheel wheel(start);
  EXPECT_FALSE(wheel.until_next(start));
  CountingTimer timer;
  wheel.arm(timer, start + milliseconds(1000));
  const auto next = wheel.until_next(start);
  ASSERT_TRUE(next);
  EXPECT_GE(*next, milliseconds(1000));
  EXPECT_LE(*next, milliseconds(1016));
  timer.disarm();
  wheel.arm(timer, kNoDeadline);
  EXPECT_FALSE(timer.armed());
}

class LoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Loop::create(clock_);
    ASSERT_TRUE(made);
    loop_ = std::move(*made);
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_), 0);
  }
  void TearDown() override {
    for (const int fd : fds_) {
      if (fd >= 0) ::close(fd);
    }
  }
  void close_end(int i) {
    ::close(fds_[i]);
    fds_[i] = -1;
  }
  SystemClock clock_;
  std::unique_ptr<Loop> loop_;
  int fds_[2] = {-1, -1};
};

Task<int> add(int a, int b) { co_return a + b; }
Task<void> deep(int depth, int* sum) {
  if (depth > 0) co_await deep(depth - 1, sum);
  const int more = co_await add(depth, 1);
  *sum += more;
}

TEST_F(LoopTest, TasksNestDeeplyWithoutStack) {
#if defined(__OPTIMIZE__) && !defined(PORTCULLIS_PLAIN_FRAMES)
  constexpr int kDepth = 100'000;
#else
  constexpr int kDepth = 500;  // without optimisation, and under a sanitizer, a transfer is a call
#endif
  int sum = 0;
  spawn(deep(kDepth, &sum));
  EXPECT_GT(sum, 0);
}

Task<void> read_once(Watch* watch, Deadline deadline, Wake* out, Loop* loop) {
  *out = co_await watch->readable(deadline);
  loop->stop();
}

TEST_F(LoopTest, ReadableAfterThePeerWrites) {
  Watch watch(*loop_, fds_[0]);
  Wake wake = Wake::kTimedOut;
  spawn(read_once(&watch, kNoDeadline, &wake, loop_.get()));
  ASSERT_EQ(::write(fds_[1], "x", 1), 1);
  loop_->run();
  EXPECT_EQ(wake, Wake::kReady);
  EXPECT_TRUE(watch.maybe_readable());
  watch.not_readable();
  EXPECT_FALSE(watch.maybe_readable());
}

TEST_F(LoopTest, ASilentPeerEndsByTheDeadline) {
  Watch watch(*loop_, fds_[0]);
  Wake wake = Wake::kReady;
  const auto before = clock_.mono();
  spawn(read_once(&watch, loop_->in(milliseconds(30)), &wake, loop_.get()));
  loop_->run();
  EXPECT_EQ(wake, Wake::kTimedOut);
  EXPECT_GE(clock_.mono() - before, milliseconds(30));
}

TEST_F(LoopTest, CancelEndsThisWaitAndEveryLaterOne) {
  Watch watch(*loop_, fds_[0]);
  Wake wake = Wake::kReady;
  spawn(read_once(&watch, kNoDeadline, &wake, loop_.get()));
  watch.cancel();
  loop_->run();
  EXPECT_EQ(wake, Wake::kCancelled);
  wake = Wake::kReady;
  spawn(read_once(&watch, kNoDeadline, &wake, loop_.get()));
  EXPECT_EQ(wake, Wake::kCancelled);
}

TEST_F(LoopTest, TheEndOfStreamStaysReadableButWritesStillWait) {
  Watch watch(*loop_, fds_[0]);
  Wake wake = Wake::kTimedOut;
  shutdown(fds_[1], SHUT_WR);
  spawn(read_once(&watch, kNoDeadline, &wake, loop_.get()));
  loop_->run();
  EXPECT_EQ(wake, Wake::kReady);
  watch.not_readable();
  EXPECT_TRUE(watch.maybe_readable());
  EXPECT_TRUE(watch.peer_closed());
  EXPECT_FALSE(watch.broken());
}

TEST_F(LoopTest, ThePeersLeavingIsAnnouncedToWhoDoesNotRead) {
  Watch watch(*loop_, fds_[0]);
  int gone = 0;
  watch.on_peer_closed([&] {
    ++gone;
    loop_->stop();
  });
  close_end(1);
  loop_->run();
  EXPECT_EQ(gone, 1);
}

TEST_F(LoopTest, AWatchDestroyedInItsOwnBatchIsNotServed) {
  int others[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, others), 0);
  auto first = std::make_unique<Watch>(*loop_, fds_[0]);
  auto second = std::make_unique<Watch>(*loop_, others[0]);
  int served = 0;
  // Both are ready in one batch; whichever comes first destroys the other, which must not be touched.
  first->on_peer_closed([&] {
    ++served;
    second.reset();
    loop_->stop();
  });
  second->on_peer_closed([&] {
    ++served;
    first.reset();
    loop_->stop();
  });
  close_end(1);
  ::close(others[1]);
  loop_->run();
  EXPECT_EQ(served, 1);
  ::close(others[0]);
}

TEST_F(LoopTest, PostsFromManyThreadsAllRunOnTheLoop) {
  constexpr int kThreads = 4, kEach = 1000;
  int ran = 0;
  const auto loop_thread = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        loop_->post([&] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          if (++ran == kThreads * kEach) loop_->stop();
        });
      }
    });
  }
  loop_->run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kEach);
}

Task<void> wait_signal(Signal* signal, Deadline deadline, Wake* out) { *out = co_await signal->wait(deadline); }
Task<void> notify_then_stop(Signal* signal, Loop* loop) {
  co_await yield(*loop);
  signal->notify();
  co_await yield(*loop);
  co_await yield(*loop);
  loop->stop();
}

TEST_F(LoopTest, ASignalWakesEveryWaiterAndDeadlinesLeaveIt) {
  Signal signal(*loop_);
  Wake first = Wake::kCancelled, second = Wake::kCancelled, late = Wake::kCancelled;
  spawn(wait_signal(&signal, kNoDeadline, &first));
  spawn(wait_signal(&signal, kNoDeadline, &second));
  spawn(notify_then_stop(&signal, loop_.get()));
  loop_->run();
  EXPECT_EQ(first, Wake::kReady);
  EXPECT_EQ(second, Wake::kReady);
  spawn(wait_signal(&signal, loop_->in(milliseconds(5)), &late));
  CountingTimer stop;
  struct Stop final : Timer {
    Loop* loop;
    void on_timer() override { loop->stop(); }
  } stopper;
  stopper.loop = loop_.get();
  loop_->timers().arm(stopper, loop_->in(milliseconds(60)));
  loop_->run();
  EXPECT_EQ(late, Wake::kTimedOut);
}

}  // namespace
}  // namespace portcullis::event
