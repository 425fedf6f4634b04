#include "revocation/status.h"

#include <array>
#include <utility>

namespace portcullis::revocation {

std::string_view summary(Outcome outcome) {
  switch (outcome) {
    case Outcome::kGood:
      return "good";
    case Outcome::kRevoked:
      return "revoked";
    case Outcome::kUnknown:
      return "unknown";
    default:
      return "failed";
  }
}

std::string_view reason_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kGood:
    case Outcome::kRevoked:
      return {};
    case Outcome::kUnknown:
      return "ocsp.unknown";
    case Outcome::kNoResponder:
      return "ocsp.no_responder";
    case Outcome::kPending:
      return "ocsp.pending";
    case Outcome::kUnreachable:
      return "ocsp.unreachable";
    case Outcome::kAddressDenied:
      return "ocsp.address_denied";
    case Outcome::kTimeout:
      return "ocsp.timeout";
    case Outcome::kHttpStatus:
      return "ocsp.http_status";
    case Outcome::kTryLater:
      return "ocsp.try_later";
    case Outcome::kMalformed:
      return "ocsp.malformed";
    case Outcome::kUnauthorized:
      return "ocsp.unauthorized";
    case Outcome::kWrongCertificate:
      return "ocsp.wrong_cert";
    case Outcome::kBadSignature:
      return "ocsp.bad_signature";
    case Outcome::kExpired:
      return "ocsp.expired";
    case Outcome::kNotYetValid:
      return "ocsp.not_yet_valid";
  }
  return "ocsp.malformed";
}

std::string_view revocation_reason_name(int reason) {
  static constexpr std::array<std::string_view, 11> kNames{
      "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
      "superseded",    "cessationOfOperation", "certificateHold", "",
      "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
  if (reason < 0 || static_cast<std::size_t>(reason) >= kNames.size()) return {};
  return kNames[static_cast<std::size_t>(reason)];
}

RevocationStatus failed(Outcome outcome, std::string detail) {
  RevocationStatus status;
  status.outcome = outcome;
  status.detail = std::move(detail);
  return status;
}

namespace {

bool is_signed(Outcome outcome) {
  return outcome == Outcome::kGood || outcome == Outcome::kRevoked || outcome == Outcome::kUnknown;
}

bool still_holds(const RevocationStatus& known, WallTime now) {
  return is_signed(known.outcome) && known.answer && known.answer->next_update && now < *known.answer->next_update;
}

}  // namespace

RevocationStatus merged(const RevocationStatus& known, RevocationStatus fresh, WallTime now) {
  if (fresh.outcome == Outcome::kRevoked) return fresh;
  if (known.outcome == Outcome::kRevoked) {
    const bool newer_good = fresh.outcome == Outcome::kGood && fresh.answer && known.answer &&
                            fresh.answer->this_update > known.answer->this_update;
    return newer_good ? fresh : known;
  }
  if (is_signed(fresh.outcome)) return fresh;
  if (still_holds(known, now)) return known;
  if (!fresh.answer) fresh.answer = known.answer;
  return fresh;
}

}  // namespace portcullis::revocation
