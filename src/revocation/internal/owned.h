// The OpenSSL objects that this room makes and frees.
#pragma once

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "x509/owned.h"

namespace portcullis::revocation::internal {

using x509::bytes_of;
using x509::ErrorQueueGuard;
using x509::Owned;

using OwnedCertId = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using OwnedResponse = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using OwnedBasic = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;

}  // namespace portcullis::revocation::internal
