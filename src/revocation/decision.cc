#include "revocation/decision.h"

namespace portcullis::revocation {
namespace {

bool allows(const RevocationStatus& status, const Leniency& leniency) {
  const bool was_good = status.answer && status.answer->status == CertStatus::kGood;
  switch (status.outcome) {
    case Outcome::kUnreachable:
    case Outcome::kAddressDenied:
    case Outcome::kTimeout:
    case Outcome::kHttpStatus:
    case Outcome::kTryLater:
      return leniency.unreachable || (leniency.expired_response && was_good);
    case Outcome::kUnknown:
      return leniency.unknown;
    case Outcome::kNoResponder:
      return leniency.no_responder;
    case Outcome::kExpired:
      // An expired "unknown" would need both.
      return leniency.expired_response && (was_good || leniency.unknown);
    default:
      return false;
  }
}

}  // namespace

Decision decide(const RevocationStatus& status, const Leniency& leniency) {
  Decision decision;
  // An answer that is said to be good for any other reason than its own words is none.
  const bool revoked =
      status.outcome == Outcome::kRevoked || (status.answer && status.answer->status == CertStatus::kRevoked);
  if (status.outcome == Outcome::kGood && !revoked) {
    decision.admitted = true;
  } else if (revoked) {
    decision.log_text = "certificate revoked";
    decision.reason_code = "client_cert.revoked";
  } else if (allows(status, leniency)) {
    decision.admitted = decision.by_leniency = true;
  } else if (status.outcome == Outcome::kUnknown) {
    decision.log_text = "certificate status unknown";
    decision.reason_code = "client_cert.status_unknown";
  } else {
    decision.log_text = "certificate status request failed";
    decision.reason_code = "client_cert.status_request_failed";
  }
  return decision;
}

}  // namespace portcullis::revocation
