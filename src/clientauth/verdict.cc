#include "clientauth/verdict.h"

#include "telemetry/log.h"

namespace portcullis::clientauth {

using event::Task;
using revocation::Outcome;

namespace {

// How much longer than a query may take a request waits for its outcome, which comes from another thread.
constexpr std::chrono::milliseconds kGrace{250};
constexpr std::string_view kMissing = "client_cert.missing";

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

Admission::Admission(std::shared_ptr<const tls::PeerState> peer, std::shared_ptr<const Verifier> verifier,
                     OcspDesk* desk)
    : peer_(std::static_pointer_cast<const PeerRecord>(std::move(peer))), verifier_(std::move(verifier)), desk_(desk) {
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
    if (verifier_->policy().anchors == nullptr) return verdict;
    if (peer_ == nullptr) {
      verdict.shadow = "NONE";
      verdict.shadow_code = kMissing;
    } else if (peer_->judged) {
      const Judgement would = judgement(*peer_, now);
      verdict.shadow = would.code.empty() ? std::string(Verdict::kVerified) : failed(would.text);
      verdict.shadow_code = would.code;
    }
    return verdict;
  }
  Verdict verdict;
  if (peer_ == nullptr) {
    verdict.outcome = Verdict::Outcome::kNoCertificate;
    verdict.log_value = "NONE";
    verdict.reason_code = kMissing;
    return verdict;
  }
  // Judged under another policy, or under none: never trusted.
  const bool stale = !peer_->judged || peer_->trust != trust_;
  const Judgement found = stale ? Judgement{x509::kReasonOther, "certificate rejected"} : judgement(*peer_, now);
  if (found.code.empty()) return admitted(Verdict::kVerified);
  verdict.log_value = failed(found.text);
  verdict.reason_code = found.code;
  return verdict;
}

void Admission::rejudge_if_needed(WallTime now) {
  if (rejudge_ && peer_ != nullptr && verifier_ != nullptr) {
    auto again = verifier_->rejudge(*peer_, now);
    peer_ = std::move(again);
    checks_.clear();
  }
  rejudge_ = false;
}

const OcspQueries* Admission::questions() const {
  if (verifier_ == nullptr || !verifier_->policy().ocsp || peer_ == nullptr) return nullptr;
  return &peer_->ocsp;
}

std::shared_ptr<OcspDesk::Check> Admission::check(const OcspQueries& queries, std::size_t i, WallTime now) {
  if (checks_.size() != queries.size()) checks_.assign(queries.size(), nullptr);
  std::shared_ptr<OcspDesk::Check>& check = checks_[i];
  const bool stale = check == nullptr || (check->answer != nullptr && !check->answer->holds_at(now));
  if (stale) check = desk_->ask(queries[i], now);
  return check;
}

void Admission::begin(WallTime now) {
  rejudge_if_needed(now);
  const OcspQueries* queries = questions();
  if (queries == nullptr || desk_ == nullptr || decide(now).outcome != Verdict::Outcome::kAdmitted) return;
  for (std::size_t i = 0; i < queries->size(); ++i) check(*queries, i, now);
}

Task<Verdict> Admission::verdict(WallTime now) {
  rejudge_if_needed(now);
  Verdict verdict = decide(now);
  if (verdict.outcome == Verdict::Outcome::kAdmitted && questions() != nullptr) {
    co_await judge_revocation(&verdict, now);
  }
  co_return verdict;
}

namespace {

void refuse_by(Verdict& verdict, const revocation::Decision& decision) {
  verdict.outcome = Verdict::Outcome::kRefused;
  verdict.log_value = failed(decision.log_text);
  verdict.variable = {};
  verdict.reason_code = decision.reason_code;
}

void log_leniency(const OcspQuery& query, const revocation::RevocationStatus& status) {
  telemetry::log_warn("revocation.allowed", {{"serial", query.id.serial()},
                                             {"responder", query.responder},
                                             {"reason", revocation::reason_of(status.outcome)},
                                             {"detail", status.detail}});
}

}  // namespace

Task<void> Admission::judge_revocation(Verdict* verdict, WallTime now) {
  // Pinned: while this waits, another request may take the connection to another policy.
  const std::shared_ptr<const PeerRecord> peer = peer_;
  const std::shared_ptr<const Verifier> verifier = verifier_;
  const OcspPolicy& policy = *verifier->policy().ocsp;
  const OcspQueries& queries = peer->ocsp;
  static const revocation::RevocationStatus kNothing =
      revocation::failed(Outcome::kUnreachable, "nobody here can ask for revocation");
  if (desk_ == nullptr || queries.empty()) {
    refuse_by(*verdict, revocation::decide(kNothing, {}));
    co_return;
  }
  for (std::size_t i = 0; i < queries.size(); ++i) check(queries, i, now);
  const Checks checks = checks_;
  verdict->ocsp.asked = true;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const std::shared_ptr<OcspDesk::Check>& one = checks[i];
    const event::Deadline deadline = one->began + policy.timeout + kGrace;
    std::chrono::milliseconds waited{0};
    if (policy.wait_when_cold && one->answer == nullptr) waited = co_await desk_->wait(one, deadline);
    revocation::RevocationStatus silent;
    if (one->answer == nullptr) {
      silent.outcome = policy.wait_when_cold ? Outcome::kTimeout : Outcome::kPending;
    }
    const revocation::RevocationStatus& status = one->answer == nullptr ? silent : one->answer->status;
    const revocation::Decision decision = revocation::decide(status, policy.leniency);
    OcspEvidence& evidence = verdict->ocsp;
    evidence.waited += waited;
    // The leaf's, or the first that decides otherwise.
    if (i == 0 || !decision.admitted || decision.by_leniency) {
      evidence.answer = one->answer;
      evidence.reason = revocation::reason_of(status.outcome);
      evidence.cache_hit = one->cache_hit;
    }
    evidence.by_leniency = evidence.by_leniency || decision.by_leniency;
    if (decision.by_leniency) log_leniency(*one->query, status);
    if (decision.admitted) continue;
    evidence.by_leniency = false;
    refuse_by(*verdict, decision);
    co_return;
  }
}

Verdict Admission::standing(WallTime now) {
  rejudge_if_needed(now);
  Verdict verdict = decide(now);
  const OcspQueries* queries = questions();
  if (verdict.outcome != Verdict::Outcome::kAdmitted || queries == nullptr || desk_ == nullptr) return verdict;
  for (const auto& query : *queries) {
    const std::shared_ptr<const OcspAnswer> known = desk_->known(*query, now);
    if (known == nullptr) continue;
    const revocation::Decision decision = revocation::decide(known->status, verifier_->policy().ocsp->leniency);
    if (decision.admitted) continue;
    refuse_by(verdict, decision);
    break;
  }
  return verdict;
}

bool Admission::judgement_due() const {
  return rejudge_ && verifier_ != nullptr && verifier_->policy().mode == Mode::kStrict;
}

WallTime Admission::ends_at() const {
  const bool judged = verifier_ != nullptr && verifier_->policy().mode == Mode::kStrict && peer_ != nullptr;
  return judged && peer_->path.ok ? peer_->path.earliest_not_after : WallTime::max();
}

}  // namespace portcullis::clientauth
