// Certificates read without decoding their public keys, and keys decoded without a search.
//
// OpenSSL 3.0 decodes the public key of every certificate that it parses, and looks through all decoders and key types
// of all providers each time: 48 % of a full handshake (docs/performance.md). Here the same provider stands in a library
// context that shows less of it, for the contexts of TLS: no decoder, since presented certificates are mostly known
// already by their bytes; and to a thread that asks for the key of one that is not, nothing but the decoder of its kind.
// The key is then where libssl wants it, and is not carried over from another context. The code that decodes is
// OpenSSL's own in either case; a key of an uncommon kind, or one under an uncommon signature, is decoded as ever.
//
// Off, so that everything is as OpenSSL does it, where PORTCULLIS_LEAN_KEYS=off stands in the environment, OpenSSL is
// 3.2 or later (which remembers its search), the process is configured for other providers than the default one, or the
// self-test, made at the first use, decodes anything differently. Any thread.
#pragma once

#include <string_view>

#include <openssl/types.h>

#include "x509/certificate.h"

namespace portcullis::x509 {

// The context in which certificates are read without their keys, for SSL_CTX_new_ex; null, which means OpenSSL's own
// default, while this is off. Lives as long as the process.
OSSL_LIB_CTX* keyless_library();

// The certificate with its public key decoded, if OpenSSL can: the same object where it is there already.
Certificate with_key(const Certificate& certificate);

// "on", or why it is off; static.
std::string_view lean_keys_state();

}  // namespace portcullis::x509
