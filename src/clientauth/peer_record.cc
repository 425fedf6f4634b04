#include "clientauth/peer_record.h"

#include <algorithm>

namespace portcullis::clientauth {

Verifier::Verifier(ClientPolicy policy, std::shared_ptr<ChainCache> known)
    : policy_(std::move(policy)), known_(std::move(known)), trust_(trust_digest(policy_)) {
  if (policy_.anchors == nullptr) return;
  ClientPolicy strict = policy_;
  strict.mode = Mode::kStrict;
  judges_under_ = trust_digest(strict);
}

std::string_view Verifier::limit_exceeded(const x509::CertificateList& presented) const {
  if (presented.size() > policy_.presented_certificates) return "limits.presented_certificates";
  const std::size_t most = policy_.rsa_bits / 8 + 32;
  const bool too_large = std::any_of(presented.begin(), presented.end(), [most](const x509::Certificate& certificate) {
    return certificate.rsa_key_bytes() > most;
  });
  return too_large ? "limits.rsa_bits" : "";
}

void PeerRecord::weigh() {
  weight_ = sizeof *this + 2 * identity.escaped_pem.size() + identity.subject.size() + identity.issuer.size();
  // A parsed certificate takes about three times its encoding.
  for (const x509::Certificate& certificate : presented) weight_ += 1024 + 3 * certificate.der_size();
  for (const auto& query : ocsp) weight_ += query->weight();
}

std::shared_ptr<const tls::PeerState> Verifier::judge(const x509::CertificateList& presented, WallTime now) {
  return record_of(presented, now);
}

std::shared_ptr<const PeerRecord> Verifier::rejudge(const PeerRecord& record, WallTime now) const {
  return record_of(record.presented, now);
}

std::shared_ptr<const PeerRecord> Verifier::record_of(const x509::CertificateList& presented, WallTime now) const {
  if (!limit_exceeded(presented).empty()) return nullptr;
  Digest chain;
  if (known_ != nullptr) {
    chain = chain_digest(presented, trust_, judges_under_);
    if (auto record = known_->find(chain, now)) return record;
  }
  auto record = new_record(presented, now, nullptr);
  if (known_ != nullptr) known_->put(chain, record, now);
  return record;
}

std::shared_ptr<const PeerRecord> Verifier::examine(const x509::CertificateList& presented, WallTime now,
                                                    std::vector<x509::PathAttempt>& attempts) const {
  if (!limit_exceeded(presented).empty()) return nullptr;
  return new_record(presented, now, &attempts);
}

std::shared_ptr<PeerRecord> Verifier::new_record(const x509::CertificateList& presented, WallTime now,
                                                 std::vector<x509::PathAttempt>* attempts) const {
  auto record = std::make_shared<PeerRecord>();
  record->presented = presented;
  record->identity = x509::describe(presented.front());
  judge_path(*record, now, attempts);
  record->weigh();
  return record;
}

void Verifier::judge_path(PeerRecord& record, WallTime now, std::vector<x509::PathAttempt>* attempts) const {
  record.trust = trust_;
  record.judged = policy_.anchors != nullptr;
  record.judged_at = now;
  record.judged_under = judges_under_;
  if (!record.judged) return;
  x509::VerifyOptions options;
  options.max_depth = policy_.verify_depth;
  options.verify_issuer_dn = policy_.verify_issuer_dn;
  record.path = policy_.anchors->verify_client_chain(record.presented, now, options, attempts);
  // Never before the path holds: a stranger's certificate would say whom this gateway talks to (I20).
  if (record.path.ok && policy_.ocsp) record.ocsp = ocsp_queries(record.path, *policy_.ocsp);
}

bool Verifier::may_resume(const tls::PeerState* peer, WallTime, WallTime now) {
  // Without a certificate there is nothing to trust and nothing to lose: the request is refused or not by the mode.
  if (peer == nullptr || policy_.mode != Mode::kStrict) return true;
  const auto& record = static_cast<const PeerRecord&>(*peer);
  // A refused client starts anew each time, so that a mended clock or chain counts at once.
  return record.trust == trust_ && record.path.ok && now < record.path.earliest_not_after;
}

}  // namespace portcullis::clientauth
