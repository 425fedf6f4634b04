// Where a certificate says that its revocation lists are (cRLDistributionPoints, RFC 5280 §4.2.1.13). Pure.
#pragma once

#include <string>
#include <vector>

#include "x509/certificate.h"

namespace portcullis::revocation {

struct CrlPoints {
  std::vector<std::string> names;  // DER of each GeneralName of a point that is for all reasons
  std::vector<std::string> urls;   // those of them that are http or https URLs, in order; may not be fetched before the
                                   // certificate's chain is verified (I20)
};

// Points for some reasons only, of another issuer's list, or named relative to the issuer are left out. Empty where the
// extension is absent or cannot be read.
CrlPoints crl_points(const x509::Certificate& certificate);

}  // namespace portcullis::revocation
