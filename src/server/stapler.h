// Stapler: keeps the staples of the gateway's own certificates fresh: asks the responder that each names, ahead of the
// answer's nextUpdate, and never while a handshake waits. Lives on the OcspThread's loop; must outlive its fetches:
// co_await finish() before destroying it. What cannot be had is logged and tried again; an old answer stays until it
// ends.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clientauth/ocsp_service.h"
#include "event/loop.h"
#include "event/signal.h"
#include "snapshot/snapshot.h"
#include "tls/staple.h"

namespace portcullis::server {

// A certificate that is served with, its issuer, the URL that is asked, and where the answer goes.
struct Stapled {
  x509::Certificate certificate;
  x509::Certificate issuer;
  std::string responder;
  std::shared_ptr<tls::Staple> staple;
};

// Those of a snapshot that name a responder and whose issuer is at hand.
std::vector<Stapled> certificates_to_staple(const snapshot::Snapshot& snapshot);

class Stapler {
 public:
  Stapler(event::Loop& loop, clientauth::OcspService::Fetch fetch)
      : loop_(loop), fetch_(std::move(fetch)), ended_(loop) {}
  Stapler(const Stapler&) = delete;
  Stapler& operator=(const Stapler&) = delete;

  // Any thread. These from now on, and no others; an answer that is known already is there at once.
  void keep(std::vector<Stapled> all);
  event::Task<void> finish();

 private:
  struct Kept {
    Kept(event::Loop& loop, const Stapled& first);
    const x509::Certificate issuer;
    const revocation::CertId id;
    const std::string responder;
    std::vector<std::shared_ptr<tls::Staple>> staples;
    std::shared_ptr<const std::string> response;
    WallTime until{};
    std::chrono::milliseconds patience{0};  // after the last failure
    bool dropped = false;
    event::Signal stop;
  };

  void replace(const std::vector<Stapled>& all);
  event::Task<void> run(std::shared_ptr<Kept> kept);
  event::Task<void> renew(Kept* kept);
  std::chrono::milliseconds next_in(const Kept& kept) const;

  event::Loop& loop_;
  clientauth::OcspService::Fetch fetch_;
  std::map<Digest, std::shared_ptr<Kept>> kept_;  // by certificate
  std::size_t running_ = 0;
  event::Signal ended_;
};

}  // namespace portcullis::server
