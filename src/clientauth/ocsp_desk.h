// OcspDesk: where one worker's connections ask about revocation. What is known is found in the shared table; what is
// not goes to the OcspService's thread, and the answer comes back by a post. The query owns all it needs (I9).
// Worker-local; must outlive the service's thread, and its loop the service.
#pragma once

#include <memory>

#include "clientauth/ocsp_service.h"
#include "clientauth/waiting_room.h"

namespace portcullis::clientauth {

class OcspDesk {
 public:
  OcspDesk(event::Loop& loop, OcspService& service) : loop_(loop), service_(service), room_(loop) {}
  OcspDesk(const OcspDesk&) = delete;
  OcspDesk& operator=(const OcspDesk&) = delete;

  // One question of one connection. Worker-local.
  struct Check : WaitingRoom::Errand {
    Check(event::Loop& loop, std::shared_ptr<const OcspQuery> about) : Errand(loop), query(std::move(about)) {}
    std::shared_ptr<const OcspQuery> query;
    std::shared_ptr<const OcspAnswer> answer;  // null: not here yet
    bool cache_hit = false;                    // the answer was here at once
  };

  // What counts at `now`, asking nobody: what anyone may use, or, however old, that the certificate was revoked, which
  // only a newer good answer takes back (I26). Null: nothing is known.
  std::shared_ptr<const OcspAnswer> known(const OcspQuery& query, WallTime now);
  std::shared_ptr<Check> ask(std::shared_ptr<const OcspQuery> query, WallTime now);
  // Until the check has its answer, the deadline passes or give_up() is called. Returns how long that took.
  event::Task<std::chrono::milliseconds> wait(std::shared_ptr<Check> check, event::Deadline deadline);

  // Ends every wait, now and later: the worker is cutting its connections off.
  void give_up() { room_.give_up(); }

 private:
  event::Loop& loop_;
  OcspService& service_;
  WaitingRoom room_;
};

}  // namespace portcullis::clientauth
