// The derivations of TLS 1.3 (RFC 8446 §7.1, HKDF of RFC 5869) without OpenSSL's search for their parts.
//
// A handshake makes about 25 of them, four to six blocks hashed each. OpenSSL 3.0 looks up digest and MAC by name,
// makes a context of each and copies every parameter, for each: 3.1 µs where the hashing needs 0.2. This is the same
// algorithm TLS13-KDF for SHA-256 and SHA-384, the two that TLS 1.3's suites have, over OpenSSL's own hash functions.
// It stands in the library context of crypto/tls_library, to which it belongs, behind a switch of its own:
// PORTCULLIS_LEAN_DERIVATION=off.
#pragma once

#include <openssl/core.h>
#include <openssl/types.h>

namespace portcullis::crypto::internal {

// What a provider shows in place of the default provider's TLS13-KDF; null where the lever is off. Static. All that a
// derivation needs comes with the call (EVP_KDF_derive), as libssl does it: nothing is kept between calls. A mode, a
// digest or a length that TLS 1.3 does not have is refused. Any thread.
const OSSL_ALGORITHM* lean_key_schedule();

// Whether `tried` derives all that TLS 1.3 does just as OpenSSL's default context does.
bool derives_alike(OSSL_LIB_CTX* tried);

}  // namespace portcullis::crypto::internal
