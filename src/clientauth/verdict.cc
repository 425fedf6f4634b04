#include "clientauth/verdict.h"

namespace portcullis::clientauth {
namespace {

Verdict admitted(std::string_view log_value) {
  Verdict verdict;
  verdict.outcome = Verdict::Outcome::kAdmitted;
  verdict.log_value = log_value;
  verdict.variable = log_value;
  return verdict;
}

std::string failed(std::string_view reason) { return "FAILED:" + std::string(reason); }

// What strict verification says about a record at `now`: empty reason code when it passes.
struct Judgement {
  std::string_view code, text;
};
Judgement judgement(const PeerRecord& record, WallTime now) {
  if (!record.path.ok) return {record.path.reason_code, record.path.reason_text};
  if (now >= record.path.earliest_not_after) return {x509::kReasonExpired, "certificate has expired"};
  return {};
}

}  // namespace

Admission::Admission(std::shared_ptr<const tls::PeerState> peer, std::shared_ptr<const Verifier> verifier)
    : peer_(std::static_pointer_cast<const PeerRecord>(std::move(peer))), verifier_(std::move(verifier)) {
  trust_ = verifier_ == nullptr ? no_client_trust() : verifier_->trust();
  // A session may have been made under other CA files, where those only shadow.
  rejudge_ = shadow_is_stale();
}

bool Admission::shadow_is_stale() const {
  return peer_ != nullptr && verifier_ != nullptr && verifier_->policy().mode == Mode::kPassthrough &&
         peer_->judged_under != verifier_->judges_under();
}

void Admission::set_verifier(std::shared_ptr<const Verifier> verifier) {
  const Digest trust = verifier == nullptr ? no_client_trust() : verifier->trust();
  const bool changed = trust != trust_;
  verifier_ = std::move(verifier);
  trust_ = trust;
  rejudge_ = rejudge_ || changed || shadow_is_stale();
}

Verdict Admission::decide(WallTime now) const {
  if (verifier_ == nullptr) return admitted("");
  const Mode mode = verifier_->policy().mode;
  if (mode == Mode::kPassthrough) {
    Verdict verdict = admitted(peer_ == nullptr ? "NONE" : "PASSTHROUGH");
    if (peer_ != nullptr && peer_->judged) {
      const Judgement would = judgement(*peer_, now);
      verdict.shadow = would.code.empty() ? "SUCCESS" : failed(would.text);
    }
    return verdict;
  }
  Verdict verdict;
  if (peer_ == nullptr) {
    verdict.outcome = Verdict::Outcome::kNoCertificate;
    verdict.log_value = "NONE";
    verdict.reason_code = "client_cert.missing";
    return verdict;
  }
  // Judged under another policy, or under none: never trusted.
  const bool stale = !peer_->judged || peer_->trust != trust_;
  const Judgement found = stale ? Judgement{x509::kReasonOther, "certificate rejected"} : judgement(*peer_, now);
  if (found.code.empty()) return admitted("SUCCESS");
  verdict.log_value = failed(found.text);
  verdict.reason_code = found.code;
  return verdict;
}

event::Task<Verdict> Admission::verdict(WallTime now) {
  if (rejudge_ && peer_ != nullptr && verifier_ != nullptr) {
    auto again = verifier_->rejudge(*peer_, now);
    peer_ = std::move(again);
  }
  rejudge_ = false;
  co_return decide(now);
}

}  // namespace portcullis::clientauth
