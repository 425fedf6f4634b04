// Verdict: the one answer to "may this client pass?", made here and nowhere else (I8). HTTP, later WebSocket and
// layer-4 sessions, await it, and the log, the variables and the response say what it says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clientauth/crl_check.h"
#include "clientauth/ocsp_desk.h"
#include "clientauth/peer_record.h"
#include "event/task.h"

namespace portcullis::clientauth {

// What the verdict knew of the client's revocation, for the log.
struct OcspEvidence {
  std::shared_ptr<const OcspAnswer> answer;  // null: nothing was asked, or nothing has been heard yet
  std::string_view reason;                   // "ocsp.timeout" …; empty where the answer was good or revoked
  std::chrono::milliseconds waited{0};       // by this request
  bool asked = false;
  bool cache_hit = false;    // the answer was there when the connection asked for it
  bool by_leniency = false;  // admitted because the host file allows it, not because of a good answer
};

// What its revocation lists said, where they decided.
struct CrlEvidence {
  revocation::CrlAnswer answer;
  bool decided = false;
  bool by_leniency = false;
};

struct Verdict {
  enum class Outcome : std::uint8_t { kAdmitted, kNoCertificate, kRefused };
  Outcome outcome = Outcome::kRefused;
  std::string log_value;      // sslClientVerify: NONE, SUCCESS, PASSTHROUGH, FAILED:reason; empty where none is asked
  std::string_view variable;  // client_certificate_verification: SUCCESS, PASSTHROUGH, NONE or empty
  std::string_view reason_code;  // stable: client_cert.expired …; empty when admitted
  // Passthrough with CA files: what Strict would have logged and why it would have refused; empty otherwise.
  std::string shadow;
  std::string_view shadow_code;
  OcspEvidence ocsp;
  CrlEvidence crl;
  std::chrono::milliseconds waited_for_lists{0};  // by this request
  Digest trust;  // that it was given under: what misdirection compares (I16), whatever is in force by then

  // The chain was judged and passed; not so in Passthrough, nor where no certificate is asked for.
  bool verified() const { return outcome == Outcome::kAdmitted && variable == kVerified; }
  static constexpr std::string_view kVerified = "SUCCESS";
};

// A connection's claim to be admitted under one policy. Held by the connection, worker-local.
class Admission {
 public:
  // `peer` may be null (no certificate was presented). `verifier` is null where no certificate is asked for. The desks
  // must outlive the admission; without `desk` nobody passes where the policy asks for OCSP, and without `lists` none
  // are fetched.
  Admission(std::shared_ptr<const tls::PeerState> peer, std::shared_ptr<const Verifier> verifier,
            OcspDesk* desk = nullptr, CrlDesk* lists = nullptr);

  // Asks now for what verdict() will wait for: call it when the handshake has proved the possession of the key.
  void begin(WallTime now);

  // The verdict at this moment: an admission ends when any certificate of the path expires or is revoked, and the
  // presented chain is judged again after a change of trust. Waits where revocation has to be asked for, no longer than
  // the policy's timeout and a little. Any number of requests may wait at one time.
  event::Task<Verdict> verdict(WallTime now);

  // The verdict by what is known at this moment, waiting for nothing: for the review of live connections. What only an
  // answer from elsewhere could tell (revocation) refuses nobody here before that answer is known; verdict() awaits it.
  Verdict standing(WallTime now);
  // The trust has changed since the chain was judged, and the new one asks for more than to be shown a certificate.
  bool judgement_due() const;
  // The moment from which a client that passes now is refused: the first certificate of its path expires.
  // WallTime::max() where nothing ends by itself: no certificate is asked for, none is judged, or it is refused
  // already.
  WallTime ends_at() const;

  // The policy in force from now on; a changed trust means that the chain is judged again, without asking the client.
  void set_verifier(std::shared_ptr<const Verifier> verifier);

  // Null where no certificate was presented, and under a policy that asks for none: it names no client either.
  const PeerRecord* peer() const { return verifier_ == nullptr ? nullptr : peer_.get(); }
  const std::shared_ptr<const PeerRecord>& record() const { return peer_; }
  const Verifier* verifier() const { return verifier_.get(); }
  // The verdict as far as the chain alone goes, for those who write it down: verdict() admits, this does not.
  Verdict so_far(WallTime now) const { return decide(now); }
  // The trust digest that this connection is judged under (I16).
  const Digest& trust() const { return trust_; }

 private:
  using Checks = std::vector<std::shared_ptr<OcspDesk::Check>>;

  Verdict decide(WallTime now) const;
  bool shadow_is_stale() const;
  void rejudge_if_needed(WallTime now);
  // What has to be asked; null: nothing.
  const OcspQueries* questions() const;
  // The i-th check, asked for anew where what it says no longer holds at `now`.
  std::shared_ptr<OcspDesk::Check> check(const OcspQueries& queries, std::size_t i, WallTime now);
  // The policy's lists; null: it has none, or nobody is there to be looked up.
  const CrlPolicy* lists() const;
  void begin_ocsp(WallTime now);
  // What one request asks, and whom.
  struct Asked {
    std::shared_ptr<const PeerRecord> peer;
    std::shared_ptr<const Verifier> verifier;
    WallTime now;
    CrlAnswers lists;  // one a certificate
    Checks checks;     // where the lists had not settled it
  };
  event::Task<void> judge_revocation(Verdict* verdict, WallTime now);
  // Of the i-th certificate by its responder and its lists. Whether it passes.
  event::Task<bool> judge_one(Asked* asked, std::size_t i, Verdict* verdict);
  // What the lists say once those that are wanting have come, have failed or are late. `verifier` has lists.
  event::Task<CrlAnswers> await_lists(std::shared_ptr<const PeerRecord> peer, std::shared_ptr<const Verifier> verifier,
                                      WallTime now, std::chrono::milliseconds* waited);

  std::shared_ptr<const PeerRecord> peer_;
  std::shared_ptr<const Verifier> verifier_;
  Digest trust_;
  bool rejudge_ = false;
  OcspDesk* desk_;
  Checks checks_;  // in the order of the peer's questions
  CrlCheck crl_;
};

}  // namespace portcullis::clientauth
