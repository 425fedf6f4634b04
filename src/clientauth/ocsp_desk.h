// OcspDesk: where one worker's connections ask about revocation. What is known is found in the shared table; what is
// not goes to the OcspService's thread, and the answer comes back by a post. A connection that goes away while it waits
// leaves nothing behind: the query owns all it needs, and knows the connection only by a number (I9). Worker-local;
// must outlive the service's thread, and its loop the service.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "clientauth/ocsp_service.h"
#include "event/loop.h"
#include "event/signal.h"

namespace portcullis::clientauth {

class OcspDesk {
 public:
  OcspDesk(event::Loop& loop, OcspService& service) : loop_(loop), service_(service) {}
  OcspDesk(const OcspDesk&) = delete;
  OcspDesk& operator=(const OcspDesk&) = delete;

  // One question of one connection. Worker-local.
  struct Check {
    Check(event::Loop& loop, std::shared_ptr<const OcspQuery> about) : query(std::move(about)), done(loop) {}
    std::shared_ptr<const OcspQuery> query;
    std::shared_ptr<const OcspAnswer> answer;  // null: not here yet
    MonoTime began{};
    bool cache_hit = false;  // the answer was here at once
    bool given_up = false;
    event::Signal done;
  };

  // What counts at `now`, asking nobody: what anyone may use, or, however old, that the certificate was revoked, which
  // only a newer good answer takes back (I26). Null: nothing is known.
  std::shared_ptr<const OcspAnswer> known(const OcspQuery& query, WallTime now);
  std::shared_ptr<Check> ask(std::shared_ptr<const OcspQuery> query, WallTime now);
  // Until the check has its answer, the deadline passes or give_up() is called. Returns how long that took.
  event::Task<std::chrono::milliseconds> wait(std::shared_ptr<Check> check, event::Deadline deadline);

  // Ends every wait, now and later: the worker is cutting its connections off.
  void give_up();

 private:
  void deliver(std::uint64_t number, std::shared_ptr<const OcspAnswer> answer);

  event::Loop& loop_;
  OcspService& service_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Check>> pending_;
  std::uint64_t next_ = 0;
  bool giving_up_ = false;
};

}  // namespace portcullis::clientauth
