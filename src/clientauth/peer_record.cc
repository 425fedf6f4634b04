#include "clientauth/peer_record.h"

#include <algorithm>

#include "base/base64.h"
#include "base/check.h"
#include "clientauth/crl_check.h"
#include "crypto/tls_library.h"
#include "x509/with_key.h"

namespace portcullis::clientauth {

namespace {

void append_byte_sequence(std::string& out, const x509::Certificate& certificate) {
  out.append(1, ':').append(base64_encode(certificate.der())).append(1, ':');
}

ClientCertFields make_fields(const x509::CertificateList& path) {
  ClientCertFields fields;
  if (path.empty()) return fields;
  append_byte_sequence(fields.leaf, path.front());
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (i > 1) fields.chain += ", ";
    append_byte_sequence(fields.chain, path[i]);
  }
  fields.leaf_omitted = fields.leaf.size() > ClientCertFields::kMostBytes;
  fields.chain_omitted = fields.leaf.size() + fields.chain.size() > ClientCertFields::kMostBytes;
  if (fields.leaf_omitted) std::string().swap(fields.leaf);
  if (fields.chain_omitted) std::string().swap(fields.chain);
  return fields;
}

}  // namespace

const ClientCertFields& PeerRecord::client_cert_fields() const {
  std::call_once(fields_made_, [this] {
    if (path.ok) fields_ = make_fields(path.path);
  });
  return fields_;
}

Verifier::Verifier(ClientPolicy policy, std::shared_ptr<ChainCache> known, std::shared_ptr<const OcspAnswers> answers)
    : policy_(std::move(policy)),
      known_(std::move(known)),
      answers_(std::move(answers)),
      trust_(trust_digest(policy_)) {
  // Verdicts put what lists say of a certificate beside what a responder says of it.
  CHECK(!policy_.ocsp || !policy_.crl || policy_.ocsp->intermediates == policy_.crl->intermediates);
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
  // Counted whether or not they are asked for, so that a record's weight never changes.
  std::size_t fields = 0;
  for (const x509::Certificate& certificate : path.path) fields += certificate.der_size() * 4 / 3 + 8;
  weight_ += std::min(fields, ClientCertFields::kMostBytes);
}

std::shared_ptr<const tls::PeerState> Verifier::judge(const x509::CertificateList& presented, WallTime now) {
  return record_of(presented, now);
}

std::shared_ptr<const PeerRecord> Verifier::rejudge(const PeerRecord& record, WallTime now) const {
  return record_of(record.presented, now);
}

std::shared_ptr<const PeerRecord> Verifier::record_of(const x509::CertificateList& presented, WallTime now,
                                                      const PeerNote::Pass* pass) const {
  if (!limit_exceeded(presented).empty()) return nullptr;
  Digest chain;
  if (known_ != nullptr) {
    chain = chain_digest(presented, trust_, judges_under_);
    if (auto record = known_->find(chain, now)) return record;
  }
  auto record = pass == nullptr ? nullptr : restored_record(presented, *pass, now);
  if (record == nullptr) record = new_record(presented, now, nullptr);
  if (known_ != nullptr) known_->put(chain, record, now);
  return record;
}

// Only what is not known is decoded: clients differ in their leaf, and have the CAs above it in common.
x509::CertificateList Verifier::with_keys(const x509::CertificateList& presented) const {
  x509::CertificateList decoded;
  decoded.reserve(presented.size());
  for (const x509::Certificate& certificate : presented) {
    const bool shared = known_ != nullptr && !decoded.empty();
    decoded.push_back(shared ? known_->issuer(certificate) : x509::with_key(certificate));
  }
  return decoded;
}

std::shared_ptr<const PeerRecord> Verifier::examine(const x509::CertificateList& presented, WallTime now,
                                                    std::vector<x509::PathAttempt>& attempts) const {
  if (!limit_exceeded(presented).empty()) return nullptr;
  return new_record(presented, now, &attempts);
}

std::shared_ptr<PeerRecord> Verifier::new_record(const x509::CertificateList& presented, WallTime now,
                                                 std::vector<x509::PathAttempt>* attempts) const {
  auto record = std::make_shared<PeerRecord>();
  record->presented = with_keys(presented);
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

std::optional<std::string> Verifier::write_down(const tls::PeerState& peer, std::size_t most) {
  const auto& record = static_cast<const PeerRecord&>(peer);
  if (record.presented.size() > kMostNotedCertificates + 1) return std::nullopt;
  PeerNote note;
  for (std::size_t i = 1; i < record.presented.size(); ++i) note.above_leaf.push_back(record.presented[i].der());
  if (record.judged && record.path.ok) {
    PeerNote::Pass& pass = note.pass.emplace();
    pass.judged_under = record.judged_under;
    pass.judged_at = record.judged_at;
    pass.earliest_not_after = record.path.earliest_not_after;
    for (const x509::Certificate& certificate : record.path.path) {
      PeerNote::Step& step = pass.path.emplace_back();
      const auto found = std::find(record.presented.begin(), record.presented.end(), certificate);
      if (found != record.presented.end()) {
        step.presented = static_cast<std::uint8_t>(found - record.presented.begin());
      } else {
        step.uploaded = certificate.sha256();
      }
    }
  }
  std::string written = write_peer_note(note);
  if (written.size() > most) return std::nullopt;
  return written;
}

std::shared_ptr<const tls::PeerState> Verifier::recall(const x509::Certificate& leaf, std::string_view written,
                                                       WallTime now) {
  const auto note = read_peer_note(written);
  if (!note) return nullptr;
  x509::CertificateList presented{leaf};
  for (const std::string& der : note->above_leaf) {
    auto certificate = x509::Certificate::from_der(der, crypto::tls_library());
    if (!certificate) return nullptr;
    presented.push_back(std::move(*certificate));
  }
  return record_of(presented, now, note->pass ? &*note->pass : nullptr);
}

std::shared_ptr<PeerRecord> Verifier::restored_record(const x509::CertificateList& presented,
                                                      const PeerNote::Pass& pass, WallTime now) const {
  if (policy_.anchors == nullptr || pass.judged_under != judges_under_) return nullptr;
  auto record = std::make_shared<PeerRecord>();
  record->presented = with_keys(presented);
  x509::PathVerdict& path = record->path;
  path.earliest_not_after = WallTime::max();
  for (const PeerNote::Step& step : pass.path) {
    const x509::Certificate* certificate =
        step.presented ? &record->presented[*step.presented] : policy_.anchors->find(step.uploaded);
    if (certificate == nullptr) return nullptr;
    path.path.push_back(*certificate);
    path.earliest_not_after = std::min(path.earliest_not_after, certificate->not_after());
  }
  path.anchor_file = policy_.anchors->file_of_root(path.path.back());
  if (path.anchor_file < 0 || path.earliest_not_after != pass.earliest_not_after) return nullptr;
  path.ok = true;
  record->trust = trust_;
  record->judged = true;
  record->judged_at = pass.judged_at;
  record->judged_under = judges_under_;
  if (!record->holds_at(now)) return nullptr;
  record->identity = x509::describe(presented.front());
  if (policy_.ocsp) record->ocsp = ocsp_queries(path, *policy_.ocsp);
  record->weigh();
  return record;
}

bool Verifier::may_resume(const tls::PeerState* peer, WallTime, WallTime now) {
  // Without a certificate there is nothing to trust and nothing to lose: the request is refused or not by the mode.
  if (peer == nullptr || policy_.mode != Mode::kStrict) return true;
  const auto& record = static_cast<const PeerRecord&>(*peer);
  // A refused client starts anew each time, so that a mended clock or chain counts at once.
  if (record.trust != trust_ || !record.path.ok || now >= record.path.earliest_not_after) return false;
  return !known_revoked(record, now);
}

bool Verifier::known_revoked(const PeerRecord& record, WallTime now) const {
  if (policy_.crl && any_revoked(ask_lists(*policy_.crl, record.path, now))) return true;
  // As for a live connection (Admission::standing): a responder's "revoked" counts whatever a list says.
  return answers_ != nullptr && std::any_of(record.ocsp.begin(), record.ocsp.end(),
                                            [this](const auto& query) { return answers_->says_revoked(query->key); });
}

}  // namespace portcullis::clientauth
