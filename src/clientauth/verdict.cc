#include "clientauth/verdict.h"

#include "revocation/crl_decision.h"
#include "telemetry/log.h"

namespace portcullis::clientauth {

using event::Task;
using revocation::Outcome;

namespace {

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
                     OcspDesk* desk, CrlDesk* lists)
    : peer_(std::static_pointer_cast<const PeerRecord>(std::move(peer))),
      verifier_(std::move(verifier)),
      desk_(desk),
      crl_(lists) {
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

const CrlPolicy* Admission::lists() const {
  if (verifier_ == nullptr || !verifier_->policy().crl || peer_ == nullptr) return nullptr;
  return &*verifier_->policy().crl;
}

void Admission::begin(WallTime now) {
  rejudge_if_needed(now);
  const CrlPolicy* crl = lists();
  const bool fetches = crl != nullptr && crl->fetch;
  if (questions() == nullptr && !fetches) return;
  if (decide(now).outcome != Verdict::Outcome::kAdmitted) return;
  if (fetches) crl_.fetch(*crl, peer_, now);
  begin_ocsp(now);
}

void Admission::begin_ocsp(WallTime now) {
  const OcspQueries* queries = questions();
  if (queries == nullptr || desk_ == nullptr) return;
  const CrlPolicy* crl = lists();
  const CrlAnswers* by_lists = crl == nullptr ? nullptr : &crl_.ask(*crl, peer_, now);
  for (std::size_t i = 0; i < queries->size(); ++i) {
    if (crl != nullptr && revocation::settles((*by_lists)[i], crl->first)) continue;
    check(*queries, i, now);
  }
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

void log_leniency(const PeerRecord& peer, const revocation::CrlAnswer& answer) {
  const auto& failure = answer.failure;
  if (failure == nullptr) {
    telemetry::log_warn("revocation.allowed", {{"serial", peer.identity.serial}, {"reason", answer.reason}});
  } else {
    telemetry::log_warn("revocation.allowed", {{"serial", peer.identity.serial},
                                               {"url", failure->url},
                                               {"reason", failure->reason},
                                               {"detail", failure->detail}});
  }
}

// Whether the certificate may pass, by its lists.
bool pass_by_lists(Verdict& verdict, const PeerRecord& peer, const revocation::CrlAnswer& answer,
                   const revocation::Decision& decision, bool is_leaf) {
  // The leaf's, or the first that decides otherwise.
  if (is_leaf || !decision.admitted || decision.by_leniency) verdict.crl = {answer, true, decision.by_leniency};
  if (decision.by_leniency) log_leniency(peer, answer);
  if (!decision.admitted) refuse_by(verdict, decision);
  return decision.admitted;
}

void note(OcspEvidence& evidence, const OcspDesk::Check& check, const revocation::RevocationStatus& status,
          const revocation::JointDecision& joint, bool is_leaf) {
  const revocation::Decision& decision = joint.decision;
  // The leaf's, or the first that decides otherwise.
  if (is_leaf || !decision.admitted || decision.by_leniency) {
    evidence.answer = check.answer;
    evidence.reason = revocation::reason_of(status.outcome);
    evidence.cache_hit = check.cache_hit;
  }
  evidence.by_leniency = decision.admitted && (evidence.by_leniency || decision.by_leniency);
  if (decision.by_leniency) log_leniency(*check.query, status);
}

// What the table already holds decides: nobody has been asked.
void refuse_by_known(Verdict& verdict, std::shared_ptr<const OcspAnswer> known, const revocation::Decision& decision) {
  verdict.ocsp.reason = revocation::reason_of(known->status.outcome);
  verdict.ocsp.answer = std::move(known);
  verdict.ocsp.asked = verdict.ocsp.cache_hit = true;
  refuse_by(verdict, decision);
}

void judge_by_lists(Verdict& verdict, const PeerRecord& peer, const CrlPolicy& policy, const CrlAnswers& answers) {
  bool leaf = true;
  for (const revocation::CrlAnswer& answer : answers) {
    const revocation::Decision decision = revocation::decide(answer, policy.leniency);
    if (!pass_by_lists(verdict, peer, answer, decision, leaf)) return;
    leaf = false;
  }
}

}  // namespace

Task<Verdict> Admission::verdict(WallTime now) {
  rejudge_if_needed(now);
  Verdict verdict = decide(now);
  verdict.trust = trust_;
  if (verdict.outcome != Verdict::Outcome::kAdmitted) co_return verdict;
  if (questions() == nullptr && lists() == nullptr) co_return verdict;
  if (questions() == nullptr) {
    const CrlAnswers& known = crl_.fetch(*lists(), peer_, now);
    if (!crl_.is_open(*lists())) {
      judge_by_lists(verdict, *peer_, *lists(), known);
      co_return verdict;
    }
  }
  co_await judge_revocation(&verdict, now);
  co_return verdict;
}

Task<CrlAnswers> Admission::await_lists(std::shared_ptr<const PeerRecord> peer,
                                        std::shared_ptr<const Verifier> verifier, WallTime now,
                                        std::chrono::milliseconds* waited) {
  const CrlPolicy& policy = *verifier->policy().crl;
  CrlAnswers answers = crl_.fetch(policy, peer, now);
  const CrlCheck::Fetches fetches = crl_.fetches();
  CrlDesk* const desk = crl_.desk();
  for (std::size_t i = 0; i < fetches.size(); ++i) {
    const std::shared_ptr<CrlDesk::Check>& check = fetches[i];
    while (check != nullptr && revocation::wants_list(answers[i]) && !any_revoked(answers)) {
      const CrlDesk::Waited more = co_await desk->next(check);
      *waited += more.span;
      answers = crl_.ask_with(policy, peer, now, fetches);
      if (!more.came) break;
    }
  }
  co_return answers;
}

Task<void> Admission::judge_revocation(Verdict* verdict, WallTime now) {
  // Pinned: while this waits, another request may take the connection to another policy.
  Asked asked{peer_, verifier_, now, {}, {}};
  const ClientPolicy& policy = asked.verifier->policy();
  const OcspQueries& queries = asked.peer->ocsp;
  if (policy.ocsp && (desk_ == nullptr || queries.empty())) {
    static const revocation::RevocationStatus kNothing =
        revocation::failed(Outcome::kUnreachable, "nobody here can ask for revocation");
    refuse_by(*verdict, revocation::decide(kNothing, {}));
    co_return;
  }
  // Both are asked at one time, so that nobody waits for one after the other.
  if (policy.crl) asked.lists = crl_.fetch(*policy.crl, asked.peer, now);
  if (!policy.crl) asked.lists.resize(queries.size());
  asked.checks.resize(asked.lists.size());
  for (std::size_t i = 0; policy.ocsp && i < queries.size(); ++i) {
    const bool settled = policy.crl && revocation::settles(asked.lists[i], policy.crl->first);
    if (!settled) asked.checks[i] = check(queries, i, now);
  }
  if (policy.crl && (policy.crl->first || !policy.ocsp) && crl_.is_open(*policy.crl)) {
    asked.lists = co_await await_lists(asked.peer, asked.verifier, now, &verdict->waited_for_lists);
  }
  if (!policy.ocsp) {
    judge_by_lists(*verdict, *asked.peer, *policy.crl, asked.lists);
    co_return;
  }
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const bool passes = co_await judge_one(&asked, i, verdict);
    if (!passes) co_return;
  }
}

Task<bool> Admission::judge_one(Asked* asked, std::size_t i, Verdict* verdict) {
  const OcspPolicy& policy = *asked->verifier->policy().ocsp;
  const CrlPolicy* crl = asked->verifier->policy().crl ? &*asked->verifier->policy().crl : nullptr;
  const std::shared_ptr<OcspDesk::Check> one = asked->checks[i];
  if (one == nullptr || (crl != nullptr && revocation::settles(asked->lists[i], crl->first))) {
    const revocation::Decision decision = revocation::decide(asked->lists[i], policy.leniency);
    // A list that does not hold the certificate takes back nothing that its responder has said (I26).
    std::shared_ptr<const OcspAnswer> known = desk_->known(*asked->peer->ocsp[i], asked->now);
    if (decision.admitted && known != nullptr && known->status.outcome == Outcome::kRevoked) {
      const revocation::Decision revoked = revocation::decide(known->status, {});
      refuse_by_known(*verdict, std::move(known), revoked);
      co_return false;
    }
    co_return pass_by_lists(*verdict, *asked->peer, asked->lists[i], decision, i == 0);
  }
  verdict->ocsp.asked = true;
  const event::Deadline deadline = one->began + policy.timeout + kAnswerGrace;
  const bool waits = policy.wait_when_cold && one->answer == nullptr;
  if (waits) {
    const std::chrono::milliseconds waited = co_await desk_->wait(one, deadline);
    verdict->ocsp.waited += waited;
  }
  revocation::RevocationStatus silent;
  silent.outcome = policy.wait_when_cold ? Outcome::kTimeout : Outcome::kPending;
  // An answer that is late does not make a client that is known to be revoked one of whom nothing is known (I26).
  const std::shared_ptr<const OcspAnswer> counts =
      one->answer == nullptr ? desk_->known(*one->query, asked->now) : one->answer;
  const revocation::RevocationStatus& status = counts == nullptr ? silent : counts->status;
  if (crl != nullptr && revocation::wants_list(asked->lists[i]) && !revocation::knows(status)) {
    asked->lists = co_await await_lists(asked->peer, asked->verifier, asked->now, &verdict->waited_for_lists);
  } else if (crl != nullptr && waits) {
    asked->lists = crl_.ask(*crl, asked->peer, asked->now);
  }
  const revocation::JointDecision joint =
      crl == nullptr ? revocation::JointDecision{revocation::decide(status, policy.leniency), false}
                     : revocation::decide_jointly(asked->lists[i], status, crl->first, policy.leniency);
  note(verdict->ocsp, *one, status, joint, i == 0);
  if (joint.by_crl) co_return pass_by_lists(*verdict, *asked->peer, asked->lists[i], joint.decision, i == 0);
  if (!joint.decision.admitted) refuse_by(*verdict, joint.decision);
  co_return joint.decision.admitted;
}

Verdict Admission::standing(WallTime now) {
  rejudge_if_needed(now);
  Verdict verdict = decide(now);
  verdict.trust = trust_;
  if (verdict.outcome != Verdict::Outcome::kAdmitted) return verdict;
  static const CrlAnswers kNone;
  const CrlPolicy* crl = lists();
  const CrlAnswers& by_lists = crl == nullptr ? kNone : crl_.ask(*crl, peer_, now);
  for (const revocation::CrlAnswer& answer : by_lists) {
    if (answer.status != revocation::CrlAnswer::Status::kRevoked) continue;
    pass_by_lists(verdict, *peer_, answer, revocation::decide(answer, {}), false);
    return verdict;
  }
  const OcspQueries* queries = questions();
  if (queries == nullptr || desk_ == nullptr) return verdict;
  const revocation::Leniency& leniency = verifier_->policy().ocsp->leniency;
  for (std::size_t i = 0; i < queries->size(); ++i) {
    const std::shared_ptr<const OcspAnswer> known = desk_->known(*(*queries)[i], now);
    if (known == nullptr) continue;
    // As in verdict(): a responder that is down refuses nobody of whom a list knows.
    const bool both = crl != nullptr && known->status.outcome != Outcome::kRevoked;
    if (both && (revocation::settles(by_lists[i], crl->first) || crl_.is_open(*crl, i))) continue;
    const revocation::JointDecision joint =
        both ? revocation::decide_jointly(by_lists[i], known->status, crl->first, leniency)
             : revocation::JointDecision{revocation::decide(known->status, leniency), false};
    const revocation::Decision& decision = joint.decision;
    if (decision.admitted) continue;
    if (joint.by_crl) {
      verdict.crl = {by_lists[i], true, false};
      refuse_by(verdict, decision);
    } else {
      refuse_by_known(verdict, known, decision);
    }
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
