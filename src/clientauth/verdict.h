// Verdict: the one answer to "may this client pass?", made here and nowhere else (I8). HTTP, later WebSocket and
// layer-4 sessions, await it, and the log, the variables and the response say what it says.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "clientauth/peer_record.h"
#include "event/task.h"

namespace portcullis::clientauth {

struct Verdict {
  enum class Outcome : std::uint8_t { kAdmitted, kNoCertificate, kRefused };
  Outcome outcome = Outcome::kRefused;
  std::string log_value;      // sslClientVerify: NONE, SUCCESS, PASSTHROUGH, FAILED:reason; empty where none is asked
  std::string_view variable;  // client_certificate_verification: SUCCESS, PASSTHROUGH, NONE or empty
  std::string_view reason_code;  // stable: client_cert.expired …; empty when admitted
  std::string shadow;            // Passthrough with CA files: what Strict would have logged; empty otherwise
};

// A connection's claim to be admitted under one policy. Held by the connection, worker-local.
class Admission {
 public:
  // `peer` may be null (no certificate was presented). `verifier` is null where no certificate is asked for.
  Admission(std::shared_ptr<const tls::PeerState> peer, std::shared_ptr<const Verifier> verifier);

  // The verdict at this moment: an admission ends when any certificate of the path expires, and the presented chain is
  // judged again after a change of trust.
  event::Task<Verdict> verdict(WallTime now);

  // The policy in force from now on; a changed trust means that the chain is judged again, without asking the client.
  void set_verifier(std::shared_ptr<const Verifier> verifier);

  // Null where no certificate was presented, and under a policy that asks for none: it names no client either.
  const PeerRecord* peer() const { return verifier_ == nullptr ? nullptr : peer_.get(); }
  const Verifier* verifier() const { return verifier_.get(); }
  // The trust digest that this connection is judged under (I16).
  const Digest& trust() const { return trust_; }

 private:
  Verdict decide(WallTime now) const;
  bool shadow_is_stale() const;

  std::shared_ptr<const PeerRecord> peer_;
  std::shared_ptr<const Verifier> verifier_;
  Digest trust_;
  bool rejudge_ = false;
};

}  // namespace portcullis::clientauth
