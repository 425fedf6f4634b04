// What is sent to an OCSP responder, and to which: RFC 6960 App. A.1 and RFC 5019. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "revocation/cert_id.h"

namespace portcullis::revocation {

constexpr std::size_t kMaxResponderUrl = 2048;  // bytes
constexpr int kMaxAccessDescriptions = 16;      // of one certificate that are looked at

// The first responder that a certificate names in its authority information access (RFC 5280 §4.2.2.1) and that this
// gateway can ask: http or https, printable ASCII, not over kMaxResponderUrl. Never ask where the certificate's path
// was not verified (invariant I20).
std::optional<std::string> responder_url(const x509::Certificate& certificate);

struct OcspRequest {
  std::string url;    // of a GET: with the request in its path
  std::string body;   // of a POST (application/ocsp-request); empty: it is a GET
  std::string nonce;  // what the answer must repeat; empty: none was sent
};

// One question about one certificate. A GET, which caches on the way may answer, where the encoded request is at most
// 255 bytes, `responder` has no query and there is no nonce; a POST otherwise. `nonce`: 1–32 bytes (RFC 9654), or
// empty.
OcspRequest make_ocsp_request(const CertId& id, std::string_view responder, std::string_view nonce = {});

}  // namespace portcullis::revocation
