// LiveConnections: the connections of one worker, each linked in itself, so that being listed costs two words and no
// memory of its own. A walk over them may pause for turns of the loop: connections that end meanwhile are stepped over,
// those that are added come last. Worker-local.
#pragma once

#include <cstddef>
#include <memory>

#include "conn/exchange.h"
#include "event/loop.h"
#include "net/tcp.h"
#include "proxy/connection.h"

namespace portcullis::server {

// A connection while it is served; lives in the frame of the coroutine that serves it.
struct LiveConnection {
  // For the reviewer: where it stands with this connection.
  enum class Standing : std::uint8_t { kNotYet, kJudged, kToEnd, kEnded };

  conn::Control control;
  proxy::ClientConnection connection;
  std::unique_ptr<net::TcpStream> tcp;  // moves into the TLS stream
  event::Watch* watch = nullptr;
  bool silent = true;                     // not one byte has come yet
  Standing standing = Standing::kNotYet;  // until the handshake is done
  std::uint8_t cause = 0;                 // of kToEnd: a Review::Cause
  std::uint32_t reviewed = 0;             // the reviews that there had been when the connection began
  Digest judged_under;                    // the trust of the last judgement that a review knows of
  MonoTime ended_at{};                    // when it was told to end, after a refusal
  WallTime expires{};                     // where it is listed for that; else zero
  LiveConnection* previous = nullptr;
  LiveConnection* next = nullptr;

  // No further request; a connection that has not said anything has nothing to lose.
  void drain() {
    control.drain();
    if (silent && connection.address->https && watch != nullptr) watch->cancel();
  }
};

class LiveConnections {
 public:
  void add(LiveConnection& connection);
  void remove(LiveConnection& connection);
  bool empty() const { return first_ == nullptr; }

  template <class Action>
  void for_each(Action action) {
    for (LiveConnection *one = first_, *next = nullptr; one != nullptr; one = next) {
      next = one->next;
      action(*one);
    }
  }

  // Leaves the list alone when destroyed; must not outlive it.
  class Walk {
   public:
    explicit Walk(LiveConnections& list);
    ~Walk();
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    LiveConnection* next();  // null at the end
    void restart() { at_ = list_.first_; }

   private:
    friend class LiveConnections;
    LiveConnections& list_;
    LiveConnection* at_;
    Walk* other_;
  };

 private:
  LiveConnection* first_ = nullptr;
  LiveConnection* last_ = nullptr;
  Walk* walks_ = nullptr;
};

}  // namespace portcullis::server
