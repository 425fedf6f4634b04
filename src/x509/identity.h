// The values of the client_certificate* server variables (azure-semantics §2.1) for one certificate, computed once and
// kept in an interned record. Pure; any thread; cannot fail. Whatever the certificate holds, every value is one line of
// printable ASCII, so that none can break out of a header field, a log line or a page (invariant I5).
#pragma once

#include <string>

#include "x509/certificate.h"

namespace portcullis::x509 {

struct Identity {
  std::string escaped_pem;  // percent-encoded PEM of the leaf, as nginx's $ssl_client_escaped_cert
  std::string start_date;   // notBefore, `Nov 23 18:19:26 2026 GMT` (day padded with a space)
  std::string end_date;     // notAfter
  std::string fingerprint;  // SHA-1, 40 lower-case hex digits
  std::string issuer;       // RFC 2253, most specific RDN first, non-ASCII and control bytes as \XX
  std::string subject;
  std::string serial;  // upper-case hex, whole bytes; "-" in front of a negative one
};

Identity describe(const Certificate& certificate);

}  // namespace portcullis::x509
