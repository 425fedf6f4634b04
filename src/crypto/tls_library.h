// The library context in which TLS runs: OpenSSL's default provider, which shows less of itself there than elsewhere,
// and faster code in the place of some of its algorithms (crypto/internal).
//
// OpenSSL 3.0 decodes the public key of every certificate that it parses, and looks through all decoders and key types
// of all providers each time: 48 % of a full handshake (docs/performance.md). Here it shows no decoder, since presented
// certificates are mostly known already by their bytes; and to a thread that asks for the key of one that is not,
// nothing but the decoder of its kind. The key is then where libssl wants it, and is not carried over from another
// context. The code that decodes is OpenSSL's own in either case; a key of an uncommon kind, or one under an uncommon
// signature, is decoded as ever.
//
// Off, so that everything is as OpenSSL does it, where PORTCULLIS_LEAN_KEYS=off stands in the environment, OpenSSL is
// 3.2 or later (which remembers its search), the process is configured for other providers than the default one, or the
// self-test, made at the first use, finds anything done differently. Any thread.
#pragma once

#include <string_view>

#include <openssl/types.h>

#include "crypto/owned.h"

namespace portcullis::crypto {

// For SSL_CTX_new_ex, and for reading certificates without their keys; null, which means OpenSSL's own default context,
// while this is off. Lives as long as the process.
OSSL_LIB_CTX* tls_library();

// While one lives, tls_library() shows this thread every type of key that a client may sign with, and what checks its
// signatures, and not only those that most have. An SSL_CTX has to be made so: it offers what it finds then. Not
// nested.
struct AllKeyTypes {
  AllKeyTypes();
  AllKeyTypes(const AllKeyTypes&) = delete;
  AllKeyTypes& operator=(const AllKeyTypes&) = delete;
  ~AllKeyTypes();
};

// "on", or why it is off; static.
std::string_view tls_library_state();

// The certificate of these bytes with its public key decoded, if OpenSSL can, in tls_library() where that can check its
// signature. `certificate`: the same, parsed, with or without its key. Null where the bytes are no certificate.
OwnedX509 parse_with_key(const X509* certificate, std::string_view der);

}  // namespace portcullis::crypto
