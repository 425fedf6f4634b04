// The OpenSSL objects that this room makes and frees.
#pragma once

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include "crypto/owned.h"

namespace portcullis::revocation::internal {

using crypto::bytes_of;
using crypto::ErrorQueueGuard;
using crypto::Owned;

using OwnedCertId = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using OwnedResponse = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using OwnedBasic = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;

}  // namespace portcullis::revocation::internal
