// X25519 (RFC 7748) by libsodium: a key of one's own in 29 µs instead of OpenSSL 3.0's 48, a shared secret in 30
// instead of 32 (EPYC guest, docs/performance.md). Every full or resumed handshake makes one of either.
//
// Key type and key exchange X25519 stand in the library context of crypto/tls_library, to which they belong, and do
// what libssl asks of them for a group: keys that are made, or are a peer's 32 bytes, and die with the handshake. They
// cannot be stored, loaded or carried to another context. Behind a switch of their own: PORTCULLIS_LEAN_EXCHANGE=off.
#pragma once

#include <openssl/core.h>
#include <openssl/types.h>

namespace portcullis::crypto::internal {

// What a provider shows in place of the default provider's X25519, as types of keys and as exchanges. Static; null
// where the lever is off, or libsodium cannot be initialised.
const OSSL_ALGORITHM* lean_key_type();
const OSSL_ALGORITHM* lean_key_exchange();

// Whether `tried` agrees with OpenSSL's default context on shared secrets, and refuses the same peers.
bool agrees_alike(OSSL_LIB_CTX* tried);

}  // namespace portcullis::crypto::internal
