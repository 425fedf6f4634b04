// HMAC with SHA-256 and SHA-384 without OpenSSL's search for its parts: libssl makes one for each Finished message, and
// there are two in every handshake (RFC 8446 §4.4.4). With any other hash function, or asked for anything unusual, it
// is OpenSSL's own. It stands in the library context of crypto/tls_library, behind the switch of its key schedule:
// PORTCULLIS_LEAN_DERIVATION=off.
#pragma once

#include <openssl/core.h>
#include <openssl/types.h>

namespace portcullis::crypto::internal {

// What a provider shows in place of the default provider's HMAC; null where the lever is off. Static. Any thread, each
// MAC context one at a time.
const OSSL_ALGORITHM* lean_mac();

// Whether `tried` makes the same MACs as OpenSSL's default context.
bool authenticates_alike(OSSL_LIB_CTX* tried);

}  // namespace portcullis::crypto::internal
