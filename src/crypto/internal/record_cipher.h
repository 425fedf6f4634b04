// AES-GCM of TLS records by Intel's Multi-Buffer library (libIPSec_MB), which uses what CPUs have had since OpenSSL 3.0
// was written (VAES, VPCLMULQDQ on 512-bit registers), and takes a record's parameters without OpenSSL's searches: a
// record of 1.2 KB in 0.13 µs instead of 0.43, one of 16 KB in 1.4 instead of 3.6 (EPYC guest, docs/performance.md).
//
// Of a connection at rest only its keys are kept, 190 bytes a direction; the 1 KB that each expands to, in 0.1 µs, is
// kept for those that a thread has used last.
//
// It stands in the library context of crypto/tls_library, to which it belongs, as the ciphers AES-128-GCM and
// AES-256-GCM, and does what libssl asks of them for TLS 1.3 (RFC 8446 §5.2) and TLS 1.2 (RFC 5288): nonces of 12
// bytes, tags of 16, records no longer than a record can be. Anything else is refused. Behind a switch of its own:
// PORTCULLIS_LEAN_RECORDS=off.
#pragma once

#include <cstddef>
#include <vector>

#include <openssl/core.h>
#include <openssl/evp.h>
#include <openssl/types.h>

namespace portcullis::crypto::internal {

// Bytes: of a nonce and a tag; of TLS 1.2's two parts of a nonce (RFC 5288 §3) and what it authenticates with a record
// (RFC 5246 §6.2.3.3).
inline constexpr std::size_t kNonce = 12, kTag = 16, kFixed = 4, kExplicit = 8, kTls12Header = EVP_AEAD_TLS1_AAD_LEN;

// Puts the lean ciphers in the place of the default provider's of the same names, in a list that ends with an algorithm
// without a name. Changes nothing where the lever is off, or where the CPU has no AES-NI, PCLMULQDQ and AVX2, or the
// library is not built in (other machines than x86-64). Call it once.
void show_lean_record_ciphers(std::vector<OSSL_ALGORITHM>& ciphers);

// Whether `tried` seals and opens records of both versions just as OpenSSL's default context does.
bool seals_alike(OSSL_LIB_CTX* tried);

}  // namespace portcullis::crypto::internal
