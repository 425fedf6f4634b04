// What the lists say joins what the responder says: the one rule for a profile that has both. Pure.
//
//   - Revoked in either is revoked, whatever the other says: a list is at hand, so it is always looked at first.
//   - Otherwise the first source, in the order of the host file, that knows decides. A responder's signed "unknown" is
//     such knowledge; every other outcome but good and revoked is not.
//   - Where neither knows, the client passes only if the operator allows what happened to each of them.
#pragma once

#include <optional>
#include <string_view>

#include "revocation/crl_index.h"
#include "revocation/decision.h"

namespace portcullis::revocation {

// The list could not be had for a reason outside the gateway, which the operator may allow.
bool is_unavailable(const CrlFetchFailure& failure);

// By the lists alone. Allowed where told so: crl.missing by no_responder, crl.expired by expired_response; where a list
// was to be fetched and could not be had (crl.unreachable, .timeout, .http_status, .address_denied), by unreachable,
// and an expired one by either. Any other outcome of a fetch never is, the gateway's own limits included.
Decision decide(const CrlAnswer& crl, const Leniency& leniency);

// Whether the lists settle it without a word from the responder.
bool settles(const CrlAnswer& crl, bool crl_first);

// Whether the responder's word decides where the lists do not settle it.
bool knows(const RevocationStatus& ocsp);

struct JointDecision {
  Decision decision;
  bool by_crl = false;  // the lists decided
};
// For a certificate whose responder was asked. `crl_first`: the host file's revocation.order.
JointDecision decide_jointly(const CrlAnswer& crl, const RevocationStatus& ocsp, bool crl_first,
                             const Leniency& leniency);

}  // namespace portcullis::revocation
