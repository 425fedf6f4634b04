#include "server/stapler.h"

#include <algorithm>
#include <utility>

#include "revocation/ocsp_request.h"
#include "revocation/ocsp_response.h"
#include "telemetry/log.h"

namespace portcullis::server {

using event::Deadline;
using event::Task;
using revocation::Outcome;
using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds kFetchLimit{15};
constexpr milliseconds kFirstPatience{std::chrono::minutes(1)};
constexpr milliseconds kMostPatience{std::chrono::minutes(30)};
constexpr milliseconds kSoonest{std::chrono::seconds(1)};

}  // namespace

std::vector<Stapled> certificates_to_staple(const snapshot::Snapshot& snapshot) {
  std::vector<Stapled> all;
  for (const auto& address : snapshot.addresses) {
    for (const snapshot::Listener& listener : address->listeners) {
      if (listener.tls == nullptr) continue;
      const x509::ServerKeyPair& pair = listener.tls->key_pair();
      if (pair.issuers.empty()) continue;
      auto responder = revocation::responder_url(pair.leaf);
      if (!responder) continue;
      all.push_back({pair.leaf, pair.issuers.front(), std::move(*responder), listener.tls->staple()});
    }
  }
  return all;
}

Stapler::Kept::Kept(event::Loop& loop, const Stapled& first)
    : issuer(first.issuer), id(first.certificate, first.issuer), responder(first.responder), stop(loop) {}

void Stapler::keep(std::vector<Stapled> all) {
  auto moved = std::make_shared<const std::vector<Stapled>>(std::move(all));
  loop_.post([this, moved] { replace(*moved); });
}

void Stapler::replace(const std::vector<Stapled>& all) {
  std::map<Digest, std::shared_ptr<Kept>> before = std::exchange(kept_, {});
  for (auto& [digest, kept] : before) kept->staples.clear();
  for (const Stapled& one : all) {
    const Digest digest = one.certificate.sha256();
    std::shared_ptr<Kept>& kept = kept_[digest];
    if (kept == nullptr) {
      const auto old = before.find(digest);
      if (old != before.end()) {
        kept = std::move(old->second);
        before.erase(old);
      } else {
        kept = std::make_shared<Kept>(loop_, one);
        ++running_;
        event::spawn(run(kept));
      }
    }
    kept->staples.push_back(one.staple);
    if (kept->response != nullptr) one.staple->set(kept->response, kept->until);
  }
  for (auto& [digest, kept] : before) {
    kept->dropped = true;
    kept->stop.notify();
  }
}

Task<void> Stapler::run(std::shared_ptr<Kept> kept) {
  while (!kept->dropped) {
    co_await renew(kept.get());
    if (kept->dropped) break;
    const Deadline next = loop_.in(next_in(*kept));
    co_await kept->stop.wait(next);
  }
  --running_;
  ended_.notify();
}

// Half of the time that is left, so that a responder may be down for as long; or after a failure, sooner, then ever
// later.
milliseconds Stapler::next_in(const Kept& kept) const {
  if (kept.patience != milliseconds(0)) return kept.patience;
  return std::max((kept.until - loop_.wall_now()) / 2, kSoonest);
}

Task<void> Stapler::renew(Kept* kept) {
  revocation::OcspRequest request = revocation::make_ocsp_request(kept->id, kept->responder);
  const Deadline deadline = loop_.in(kFetchLimit);
  clientauth::OcspFetched fetched = co_await fetch_(std::move(request), deadline);
  const WallTime now = loop_.wall_now();
  revocation::RevocationStatus status;
  if (fetched.failure) {
    status = std::move(*fetched.failure);
  } else {
    status = revocation::check_ocsp_response(fetched.body, kept->id, kept->issuer, now);
  }
  const bool lasts = status.answer && status.answer->next_update && *status.answer->next_update > now;
  if (status.outcome == Outcome::kGood && lasts) {
    kept->response = std::make_shared<const std::string>(std::move(fetched.body));
    kept->until = *status.answer->next_update;
    kept->patience = milliseconds(0);
    for (const auto& staple : kept->staples) staple->set(kept->response, kept->until);
    telemetry::log_debug("staple.renewed", {{"serial", kept->id.serial()}, {"responder", kept->responder}});
    co_return;
  }
  if (kept->dropped) co_return;
  kept->patience = std::clamp(kept->patience * 2, kFirstPatience, kMostPatience);
  std::string_view reason = revocation::reason_of(status.outcome);
  std::string_view remedy = "see that the responder can be reached and answers (egress in the host file)";
  if (status.outcome == Outcome::kRevoked) {
    reason = "ocsp.revoked";
    remedy = "replace the server certificate";
  } else if (status.outcome == Outcome::kGood) {
    reason = "ocsp.no_next_update";
    remedy = "ask the certificate's CA for answers that say how long they hold";
  }
  telemetry::log_warn("staple.failed", {{"serial", kept->id.serial()},
                                        {"responder", kept->responder},
                                        {"reason", reason},
                                        {"detail", status.detail},
                                        {"do", remedy}});
}

Task<void> Stapler::finish() {
  replace({});
  while (running_ > 0) co_await ended_.wait(event::kNoDeadline);
}

}  // namespace portcullis::server
