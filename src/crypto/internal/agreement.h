// X25519 asked of OpenSSL's EVP as libssl asks: for the self-test and the tests, of one library context or another.
#pragma once

#include <string>

#include "crypto/owned.h"

namespace portcullis::crypto::internal {

using KeyBytes = std::basic_string<unsigned char>;

// Null where it is refused: a key of one's own; one without any content; one that is a peer's bytes.
OwnedKey generated(OSSL_LIB_CTX* library, const char* group = "X25519");
OwnedKey blank(OSSL_LIB_CTX* library);
OwnedKey peer(OSSL_LIB_CTX* library, const KeyBytes& bytes);

// What a peer is sent; empty where there is nothing.
KeyBytes open_part(EVP_PKEY* key);

// The shared secret; empty where either key is null or refused.
KeyBytes agreed(OSSL_LIB_CTX* library, EVP_PKEY* own, EVP_PKEY* other);
KeyBytes agreed(OSSL_LIB_CTX* library, EVP_PKEY* own, const KeyBytes& other);

}  // namespace portcullis::crypto::internal
