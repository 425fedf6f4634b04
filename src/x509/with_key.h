// The keys of certificates that were read without them (crypto/tls_library).
#pragma once

#include "x509/certificate.h"

namespace portcullis::x509 {

// The certificate with its public key decoded, if OpenSSL can: the same object where it is there already. Any thread.
Certificate with_key(const Certificate& certificate);

}  // namespace portcullis::x509
