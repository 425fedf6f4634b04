// check_ocsp_response(): an OCSP responder's answer checked whole (RFC 6960 §3.2, §4.2): form, question, signer,
// signature, dates. The bytes come from anywhere: strict, bounded, and in doubt a failure with its name. Pure: `now` is
// given, nothing is fetched; any thread.
//
// The signer is the certificate's issuer itself, or a delegate whose certificate that same issuer signed and marked
// with the extended key usage OCSPSigning; nothing else counts, no anchor and no configured certificate. OpenSSL's
// OCSP_basic_verify() would trust any signer that chains to its store, so only its codec and its path validation of the
// delegate, with the issuer as the one anchor, are used. Keys and digests have level 2 (112 bits): SHA-1 is refused.
#pragma once

#include <chrono>
#include <string_view>

#include "revocation/cert_id.h"
#include "revocation/status.h"

namespace portcullis::revocation {

constexpr std::size_t kMaxOcspResponse = 64 * 1024;  // bytes
// How far the responder's clock and ours may differ.
constexpr std::chrono::minutes kClockSkew{5};

// `issuer`: of the certificate that `id` names. `nonce`: what the request held; empty: an answer's nonce is not looked
// at. Of several answers about the certificate a revoked one counts, else the latest. One without nextUpdate counts as
// expired kClockSkew after its thisUpdate. A revoked answer counts whenever it was due to be updated.
RevocationStatus check_ocsp_response(std::string_view der, const CertId& id, const x509::Certificate& issuer,
                                     WallTime now, std::string_view nonce = {});

}  // namespace portcullis::revocation
