// CrlDesk: where one worker's connections have the lists fetched that their certificates name. What is fetched ends in
// the policy's CrlSlot, where every verdict finds it; what comes back here is that there is something to look for, or
// why not. Worker-local; must outlive the CrlFetcher's thread, and its loop the fetcher.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clientauth/crl_fetcher.h"
#include "clientauth/policy.h"
#include "clientauth/waiting_room.h"

namespace portcullis::clientauth {

class CrlDesk {
 public:
  static constexpr std::size_t kMostUrls = 4;  // of one certificate that are asked

  CrlDesk(event::Loop& loop, CrlFetcher& fetcher) : loop_(loop), fetcher_(fetcher), room_(loop) {}
  CrlDesk(const CrlDesk&) = delete;
  CrlDesk& operator=(const CrlDesk&) = delete;

  // The URLs that `certificate` names and that are asked.
  static std::vector<std::string> urls_of(const x509::Certificate& certificate);

  // The lists of one certificate, for one connection. Worker-local.
  struct Check : WaitingRoom::Errand {
    Check(event::Loop& loop, const CrlFetchPolicy& how) : Errand(loop), policy(how) {}
    struct Place {
      std::string url;
      std::shared_ptr<const CrlNews> news;  // null: not here yet
    };
    CrlFetchPolicy policy;
    std::vector<Place> places;  // none: the certificate names no URL

    bool has_ended() const;
  };

  // Has all lists fetched that `certificate` names, at one time: the path that it stands in was verified (I20).
  // `policy` fetches.
  std::shared_ptr<Check> ask(const CrlPolicy& policy, const x509::Certificate& certificate,
                             const x509::Certificate& issuer);
  // Whether there is no need to ask anew.
  bool holds(const Check& check) const;
  // Why the list that is still wanting is not there: crl.pending while it is on its way and nobody waits or may still
  // wait, crl.timeout afterwards; crl.not_covered where all came and none is about the certificate. What no leniency
  // covers comes before what one may. Null where the certificate names no URL.
  std::shared_ptr<const revocation::CrlFetchFailure> failure(const Check& check) const;
  struct Waited {
    bool came = false;  // something more; else nothing will, or not in time
    std::chrono::milliseconds span{0};
  };
  event::Task<Waited> next(std::shared_ptr<Check> check);

  // Ends every wait, now and later: the worker is cutting its connections off.
  void give_up() { room_.give_up(); }

 private:
  event::Deadline deadline(const Check& check) const { return check.began + check.policy.timeout + kAnswerGrace; }

  event::Loop& loop_;
  CrlFetcher& fetcher_;
  WaitingRoom room_;
};

}  // namespace portcullis::clientauth
