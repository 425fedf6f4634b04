// PeerRecord: who a client is, as far as its certificate says. Made in the verify callback, so that nothing later has
// to ask OpenSSL, and shared by the client's connections, by the sessions made on them and by the chain cache.
// Immutable; shared between threads.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "clientauth/chain_cache.h"
#include "clientauth/ocsp_answers.h"
#include "clientauth/ocsp_query.h"
#include "clientauth/peer_note.h"
#include "clientauth/policy.h"
#include "tls/peer.h"
#include "x509/identity.h"
#include "x509/trust_anchors.h"

namespace portcullis::clientauth {

// The values of RFC 9440's two fields for a client that was verified (§2.1: a DER encoding as a byte sequence,
// `:base64:`).
struct ClientCertFields {
  // Both together. What nobody could send through a usual backend's limits is better left out than answered with 431.
  static constexpr std::size_t kMostBytes = 16 * 1024;

  std::string leaf;   // Client-Cert; empty: over kMostBytes by itself
  std::string chain;  // Client-Cert-Chain (§2.3): the rest of the verified path, as in TLS, with the root, since
                      // nothing says that the backend has it; empty: there is none, or it would be too much
  bool leaf_omitted = false, chain_omitted = false;
};

struct PeerRecord final : tls::PeerState {
  x509::CertificateList presented;  // leaf first, keys decoded
  x509::Identity identity;          // of the leaf
  Digest trust;                     // the policy that `path` was judged under
  x509::PathVerdict path;           // meaningless where no anchors were there to judge with
  bool judged = false;
  WallTime judged_at{};
  OcspQueries ocsp;     // what the policy has to be asked about `path`; empty where nothing is, or the path is refused
  Digest judged_under;  // the anchors and rules of `path`, which in Passthrough `trust` does not tell

  // Whether judging the chain anew at `now`, under the same trust, is sure to pass it as well. Never so for a refused
  // chain, and not before the moment of the judgement: the clock was turned back.
  bool holds_at(WallTime now) const {
    return !judged || (path.ok && now >= judged_at && now < path.earliest_not_after);
  }
  // Of a path that is ok; made when first asked for.
  const ClientCertFields& client_cert_fields() const;
  std::size_t weight() const override { return weight_; }
  const x509::Certificate* leaf() const override { return presented.empty() ? nullptr : &presented.front(); }
  // Once `presented` is there.
  void weigh();

 private:
  std::size_t weight_ = 0;
  mutable std::once_flag fields_made_;
  mutable ClientCertFields fields_;
};

// Judges presented chains for one listener: the tls/ side of a ClientPolicy.
class Verifier final : public tls::PeerVerifier {
 public:
  // `known` may be null: every chain is judged anew. So may `answers`, what responders have said by now: then no
  // resumption is refused for it, and only the verdict on the request tells.
  explicit Verifier(ClientPolicy policy, std::shared_ptr<ChainCache> known = nullptr,
                    std::shared_ptr<const OcspAnswers> answers = nullptr);

  std::shared_ptr<const tls::PeerState> judge(const x509::CertificateList& presented, WallTime now) override;
  // Asks nobody and waits for nobody: what is not known of a certificate's revocation keeps no session from resuming,
  // since the verdict on its first request awaits it.
  bool may_resume(const tls::PeerState* peer, WallTime original, WallTime now) override;
  bool worth_keeping(const tls::PeerState* peer, WallTime now) override { return may_resume(peer, now, now); }
  // A PeerNote.
  std::optional<std::string> write_down(const tls::PeerState& peer, std::size_t most) override;
  // The record as it was, and shared with the client's other connections; judged anew where what was written down does
  // not hold under this policy now.
  std::shared_ptr<const tls::PeerState> recall(const x509::Certificate& leaf, std::string_view written,
                                               WallTime now) override;

  // As judge(), and every search for a path is noted in `attempts`; nothing is taken from what was judged before, nor
  // kept. For those who want to know why (explain.h).
  std::shared_ptr<const PeerRecord> examine(const x509::CertificateList& presented, WallTime now,
                                            std::vector<x509::PathAttempt>& attempts) const;

  // The host file's limit that this chain is over, so that judge() answers with null; empty where it is over none.
  std::string_view limit_exceeded(const x509::CertificateList& presented) const;

  // The same chain judged under this policy; null where it is over this policy's limits.
  std::shared_ptr<const PeerRecord> rejudge(const PeerRecord& record, WallTime now) const;

  const ClientPolicy& policy() const { return policy_; }
  const Digest& trust() const { return trust_; }
  // What paths are judged by, in Passthrough too; all zero where nothing is judged.
  const Digest& judges_under() const { return judges_under_; }

 private:
  // The chain as judged under this policy, now or before, or as `pass` tells; null where it is over the limits.
  std::shared_ptr<const PeerRecord> record_of(const x509::CertificateList& presented, WallTime now,
                                              const PeerNote::Pass* pass = nullptr) const;
  x509::CertificateList with_keys(const x509::CertificateList& presented) const;
  // A record judged anew; the chain is within the limits.
  std::shared_ptr<PeerRecord> new_record(const x509::CertificateList& presented, WallTime now,
                                         std::vector<x509::PathAttempt>* attempts) const;
  // A record with the judgement that `pass` tells of; null where that does not hold here and now.
  std::shared_ptr<PeerRecord> restored_record(const x509::CertificateList& presented, const PeerNote::Pass& pass,
                                              WallTime now) const;
  void judge_path(PeerRecord& record, WallTime now, std::vector<x509::PathAttempt>* attempts) const;
  bool known_revoked(const PeerRecord& record, WallTime now) const;

  ClientPolicy policy_;
  std::shared_ptr<ChainCache> known_;
  std::shared_ptr<const OcspAnswers> answers_;
  Digest trust_;
  Digest judges_under_;
};

}  // namespace portcullis::clientauth
