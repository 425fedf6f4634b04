#include "revocation/crl_decision.h"

namespace portcullis::revocation {
namespace {

bool allows(const CrlAnswer& crl, const Leniency& leniency) {
  const bool is_missing = crl.reason == "crl.missing";
  const bool is_expired = crl.reason == "crl.expired";
  if (crl.failure == nullptr) return (is_missing && leniency.no_responder) || (is_expired && leniency.expired_response);
  return is_unavailable(*crl.failure) && (leniency.unreachable || (is_expired && leniency.expired_response));
}

}  // namespace

bool is_unavailable(const CrlFetchFailure& failure) {
  const std::string_view reason = failure.reason;
  return reason == "crl.unreachable" || reason == "crl.timeout" || reason == "crl.http_status" ||
         reason == "crl.address_denied";
}

Decision decide(const CrlAnswer& crl, const Leniency& leniency) {
  Decision decision;
  if (crl.status == CrlAnswer::Status::kGood) {
    decision.admitted = true;
  } else if (crl.status == CrlAnswer::Status::kRevoked) {
    decision.log_text = "certificate revoked";
    decision.reason_code = "client_cert.revoked";
  } else if (allows(crl, leniency)) {
    decision.admitted = decision.by_leniency = true;
  } else {
    decision.log_text = "certificate status request failed";
    decision.reason_code = "client_cert.status_request_failed";
  }
  return decision;
}

bool settles(const CrlAnswer& crl, bool crl_first) {
  return crl.status == CrlAnswer::Status::kRevoked || (crl_first && crl.status == CrlAnswer::Status::kGood);
}

bool knows(const RevocationStatus& ocsp) {
  return ocsp.outcome == Outcome::kGood || ocsp.outcome == Outcome::kUnknown ||
         decide(ocsp, {}).reason_code == "client_cert.revoked";
}

JointDecision decide_jointly(const CrlAnswer& crl, const RevocationStatus& ocsp, bool crl_first,
                             const Leniency& leniency) {
  if (settles(crl, crl_first)) return {decide(crl, leniency), true};
  const Decision by_ocsp = decide(ocsp, leniency);
  if (knows(ocsp)) return {by_ocsp, false};
  const Decision by_crl = decide(crl, leniency);
  if (crl.status == CrlAnswer::Status::kGood) return {by_crl, true};
  if (!by_crl.admitted && (crl_first || by_ocsp.admitted)) return {by_crl, true};
  return {by_ocsp, false};
}

}  // namespace portcullis::revocation
