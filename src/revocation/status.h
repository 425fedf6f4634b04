// RevocationStatus: what is known about one certificate's revocation, or why nothing is. A value; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace portcullis::revocation {

enum class Outcome : std::uint8_t {
  kGood,
  kRevoked,
  kUnknown,           // the responder does not know the certificate
  kNoResponder,       // the certificate names none, and none is configured
  kPending,           // the answer is still on its way (host file revocation.cold_cache: refuse)
  kUnreachable,       // no connection, no name, or one that broke
  kAddressDenied,     // the address policy (host file egress) forbids the responder's address
  kTimeout,           // no answer within revocation.timeout
  kHttpStatus,        // another status than 200
  kTryLater,          // RFC 6960 §2.3: tryLater, internalError
  kMalformed,         // no well-formed answer, or over the size limit
  kUnauthorized,      // RFC 6960 §2.3: unauthorized, sigRequired
  kWrongCertificate,  // a sound answer about other certificates, or to another question
  kBadSignature,      // the signature, or whoever made it, does not hold
  kExpired,           // nextUpdate has passed
  kNotYetValid,       // thisUpdate lies ahead
};

// What a signed answer says (RFC 6960 §2.2).
enum class CertStatus : std::uint8_t { kGood, kRevoked, kUnknown };

// A signed answer that was verified, whatever its dates.
struct SignedAnswer {
  CertStatus status = CertStatus::kUnknown;
  WallTime this_update{};
  std::optional<WallTime> next_update;  // absent: newer information is available at any time
  WallTime revoked_at{};                // where revoked
  int revocation_reason = -1;           // CRLReason (RFC 5280 §5.3.1); -1: none given
};

struct RevocationStatus {
  Outcome outcome = Outcome::kUnreachable;
  // The last signed answer that is known. Where `outcome` is none of kGood, kRevoked, kUnknown and kExpired it is an
  // older one, kept although no newer could be had.
  std::optional<SignedAnswer> answer;
  std::string detail;  // for people: what exactly; no secrets
};

// "good", "revoked", "unknown", or "failed".
std::string_view summary(Outcome outcome);
// Stable: "ocsp.unreachable" …; empty for kGood and kRevoked.
std::string_view reason_of(Outcome outcome);
// RFC 5280 §5.3.1: "keyCompromise" …; empty where none was given.
std::string_view revocation_reason_name(int reason);

RevocationStatus failed(Outcome outcome, std::string detail);

// What is known once `fresh` has come, `known` having been known before. A revoked answer stands until a good one with
// a later thisUpdate (invariant I26); a failure never wipes out a signed answer that still holds at `now`.
RevocationStatus merged(const RevocationStatus& known, RevocationStatus fresh, WallTime now);

}  // namespace portcullis::revocation
