#include "revocation/crl_decision.h"

namespace portcullis::revocation {

Decision decide(const CrlAnswer& crl, const Leniency& leniency) {
  Decision decision;
  if (crl.status == CrlAnswer::Status::kGood) {
    decision.admitted = true;
  } else if (crl.status == CrlAnswer::Status::kRevoked) {
    decision.log_text = "certificate revoked";
    decision.reason_code = "client_cert.revoked";
  } else if ((crl.reason == "crl.missing" && leniency.no_responder) ||
             (crl.reason == "crl.expired" && leniency.expired_response)) {
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

JointDecision decide_jointly(const CrlAnswer& crl, const RevocationStatus& ocsp, bool crl_first,
                             const Leniency& leniency) {
  if (settles(crl, crl_first)) return {decide(crl, leniency), true};
  const Decision by_ocsp = decide(ocsp, leniency);
  const bool ocsp_knows = ocsp.outcome == Outcome::kGood || ocsp.outcome == Outcome::kUnknown ||
                          by_ocsp.reason_code == "client_cert.revoked";
  if (ocsp_knows) return {by_ocsp, false};
  const Decision by_crl = decide(crl, leniency);
  if (crl.status == CrlAnswer::Status::kGood) return {by_crl, true};
  if (!by_crl.admitted && (crl_first || by_ocsp.admitted)) return {by_crl, true};
  return {by_ocsp, false};
}

}  // namespace portcullis::revocation
