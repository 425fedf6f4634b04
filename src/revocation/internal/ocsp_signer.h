// Who signed an OCSP response, and whether that one may. Pure; any thread.
#pragma once

#include <string>

#include "base/clock.h"
#include "revocation/internal/owned.h"
#include "x509/certificate.h"

namespace portcullis::revocation::internal {

// Empty: the signature is good and its maker may answer for `issuer`; else what is wrong, for people.
std::string signature_objection(const OCSP_BASICRESP& basic, const x509::Certificate& issuer, WallTime now);

}  // namespace portcullis::revocation::internal
