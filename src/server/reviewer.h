// Reviewer: judges a worker's live TLS connections again when what admitted their clients may hold no more, and ends
// those that would be refused. Three things make it do so:
//
//   trust       a snapshot was published: connections whose listener's trust has changed (Worker::publish does it)
//   expiry      the first certificate of a connection's path expires: by a timer, with nothing for anybody to call
//   revocation  news about certificates. Whoever has them makes Admission::standing() refuse, and then calls
//               Worker::review() on every worker with who is concerned:
//
//                 Review news{Review::Cause::kRevocation, [revoked](const proxy::ClientConnection& connection) {
//                   const clientauth::PeerRecord* peer = connection.admission.peer();
//                   return peer != nullptr && revoked->concerns(*peer);
//                 }};
//                 for (auto& worker : workers_) worker->review(news);
//
// A review is a walk that gives way to other work, so that ten thousand connections do not hold the worker up; put what
// became known at one moment into one review. A client that still passes notices nothing: nothing is asked of it. Where
// the verdict refuses, nothing new passes from that moment on (the gate and the tunnels ask for verdicts of their own),
// and the connection is ended at the pace of limits.closures_per_s: WebSockets at once; HTTP/1.1 at once where it is
// idle, else after the response in progress, which says `Connection: close`; HTTP/2 by GOAWAY (a stream that was on its
// way before it gets the 400) and, when its streams in progress have ended, close. One that has not asked anything yet
// gets its 400 first, for seconds (conn::Patience::first_request). Each is one line `admission.ended`
// of the program log. Worker-local.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <utility>

#include "event/loop.h"
#include "server/closure_rate.h"
#include "server/live_connections.h"
#include "telemetry/metrics.h"

namespace portcullis::server {

struct Review {
  enum class Cause : std::uint8_t { kTrust, kExpiry, kRevocation };
  Cause cause = Cause::kTrust;
  // Called on each worker's thread, at the same time, for every live TLS connection: cheap. Empty: all are concerned.
  std::function<bool(const proxy::ClientConnection&)> concerns;
};

struct ReviewCounters {
  explicit ReviewCounters(telemetry::Registry& registry);
  telemetry::Counter& judged;
  telemetry::Counter& trust;  // admissions ended, by cause
  telemetry::Counter& expiry;
  telemetry::Counter& revocation;
};

class Reviewer {
 public:
  // Connections with less than this to live are listed by their moment; a walk every kSweep finds them. Between, a
  // clock that is set does not lead astray for longer.
  static constexpr std::chrono::seconds kSweep{60};
  static constexpr std::chrono::seconds kHorizon{90};
  // What a refused client's requests in progress have to finish; looked at every kSweep.
  static constexpr std::chrono::seconds kFinishing{30};
  // What is done before other work has its turn. A chain that is not in the cache costs some hundred microseconds.
  static constexpr unsigned kJudgedPerTurn = 8;
  static constexpr unsigned kLookedAtPerTurn = 512;
  static constexpr unsigned kEndedPerTurn = 64;

  // All outlive it. `at_rest` is called whenever a walk has ended.
  Reviewer(event::Loop& loop, const proxy::Services& services, ClosureRate& rate, ReviewCounters& counters,
           std::function<void()> at_rest);

  LiveConnections& live() { return live_; }
  void enter(LiveConnection& connection);
  // Its handshake is done, and its admission is there.
  void handshake_done(LiveConnection& connection);
  void leave(LiveConnection& connection);

  void review(Review review);
  bool walking() const { return walking_; }  // a coroutine of this object is alive

 private:
  using Standing = LiveConnection::Standing;

  // Calls a method of this object at a moment.
  class Alarm final : public event::Timer {
   public:
    Alarm(Reviewer& reviewer, void (Reviewer::*method)()) : reviewer_(reviewer), method_(method) {}

   private:
    void on_timer() override { (reviewer_.*method_)(); }
    Reviewer& reviewer_;
    void (Reviewer::*method_)();
  };

  event::Task<void> walk();
  void begin_walk();
  void cut_off_if_late(LiveConnection& one);
  bool look_at(LiveConnection& one, const Review& review);
  void judge(LiveConnection& one, Review::Cause cause);
  void end_some();
  LiveConnection* next_to_end();
  void end(LiveConnection& one);
  void list_by_expiry(LiveConnection& one);
  void forget_expiry(LiveConnection& one);
  void await_expiry();
  void on_expiry();
  void on_sweep();

  event::Loop& loop_;
  const proxy::Services& services_;
  ClosureRate& rate_;
  ReviewCounters& counters_;
  const std::function<void()> at_rest_;

  LiveConnections live_;
  std::deque<Review> reviews_;
  std::uint32_t begun_ = 0;  // reviews, ever
  Review::Cause last_cause_ = Review::Cause::kTrust;
  bool walking_ = false;

  std::size_t to_end_ = 0;        // connections that stand so
  LiveConnections::Walk ending_;  // where the search for them goes on
  Alarm end_alarm_{*this, &Reviewer::end_some};

  std::set<std::pair<WallTime, LiveConnection*>> expiring_;
  Alarm expiry_alarm_{*this, &Reviewer::on_expiry};
  Alarm sweep_alarm_{*this, &Reviewer::on_sweep};
};

}  // namespace portcullis::server
