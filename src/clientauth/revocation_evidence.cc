#include "clientauth/revocation_evidence.h"

namespace portcullis::clientauth {

using Source = RevocationEvidence::Source;

namespace {

void add_answer(RevocationEvidence& evidence, const OcspAnswer& answer, WallTime now) {
  evidence.status = revocation::summary(answer.status.outcome);
  evidence.detail = answer.status.detail;
  evidence.responder = answer.query->responder;
  evidence.age = now - answer.fetched_at;
  evidence.latency = answer.latency;
  const auto& said = answer.status.answer;
  if (!said) return;
  evidence.this_update = said->this_update;
  evidence.next_update = said->next_update;
  if (said->status != revocation::CertStatus::kRevoked) return;
  evidence.revoked_at = said->revoked_at;
  evidence.revocation_reason = revocation::revocation_reason_name(said->revocation_reason);
}

RevocationEvidence of_responder(const OcspEvidence& known, WallTime now) {
  RevocationEvidence evidence;
  evidence.source = Source::kOcsp;
  evidence.status = "failed";
  evidence.reason = known.reason;
  if (known.answer != nullptr) add_answer(evidence, *known.answer, now);
  evidence.waited = known.waited;
  evidence.cache_hit = known.cache_hit;
  return evidence;
}

void add_fetch(RevocationEvidence& evidence, const revocation::CrlAnswer& answer, WallTime now) {
  if (answer.failure != nullptr) {
    evidence.detail = answer.failure->detail;
    evidence.url = answer.failure->url;
  } else if (answer.origin != nullptr) {
    evidence.url = answer.origin->from->url;
    evidence.age = now - answer.origin->fetched_at;
    evidence.latency = answer.origin->latency;
  }
}

RevocationEvidence of_lists(const CrlEvidence& known, WallTime now) {
  const revocation::CrlAnswer& answer = known.answer;
  RevocationEvidence evidence;
  evidence.source = Source::kCrl;
  evidence.status = revocation::summary(answer);
  evidence.reason = revocation::reason_of(answer);
  add_fetch(evidence, answer, now);
  if (answer.this_update != WallTime{}) evidence.this_update = answer.this_update;
  if (answer.next_update != WallTime{}) evidence.next_update = answer.next_update;
  if (answer.status == revocation::CrlAnswer::Status::kRevoked) {
    evidence.revoked_at = answer.entry.at;
    evidence.revocation_reason = revocation::revocation_reason_name(answer.entry.reason);
  }
  return evidence;
}

}  // namespace

std::string_view RevocationEvidence::source_name() const {
  if (source == Source::kNone) return {};
  return source == Source::kOcsp ? "ocsp" : "crl";
}

RevocationEvidence revocation_evidence(const Verdict& verdict, WallTime now) {
  RevocationEvidence evidence;
  bool by_leniency = false;
  if (verdict.crl.decided) {
    evidence = of_lists(verdict.crl, now);
    evidence.waited = verdict.waited_for_lists;
    by_leniency = verdict.crl.by_leniency;
  } else if (verdict.ocsp.asked) {
    evidence = of_responder(verdict.ocsp, now);
    by_leniency = verdict.ocsp.by_leniency;
  }
  evidence.allowed = by_leniency && verdict.outcome == Verdict::Outcome::kAdmitted;
  return evidence;
}

}  // namespace portcullis::clientauth
