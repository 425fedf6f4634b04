// Reads PEM bundles (RFC 7468) as people have them: text between blocks, CRLF, bodies on one line, blocks without a
// line break between them. What is inside a block is strict: canonical base64 and exactly one DER certificate. Pure;
// bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "x509/certificate.h"

namespace portcullis::x509 {

struct PemLimits {
  std::size_t bytes = 1U << 20;
  std::size_t certificates = 256;
};

// One `-----BEGIN label-----` … `-----END label-----`; views into the text that was read.
struct PemBlock {
  std::string_view label;
  std::string_view body;   // between the two lines, as written
  std::string_view whole;  // with both lines
};

struct PemBundle {
  CertificateList certificates;  // in file order
  bool has_private_key = false;  // of any flavour: PKCS#8, encrypted, RSA, EC, DSA, OPENSSH
};

// True when the text holds a BEGIN line of any kind.
bool looks_like_pem(std::string_view text);

// True when a BEGIN line of a private key of any flavour is there, even in an otherwise broken file.
bool mentions_private_key(std::string_view text);

// Every block in file order. Errors: `pem.too_large`, `pem.unterminated`, `pem.too_many_blocks`.
Result<std::vector<PemBlock>> scan_pem(std::string_view text, const PemLimits& limits = {});

// Blocks labelled CERTIFICATE or X509 CERTIFICATE; private keys are noted and not read; TRUSTED CERTIFICATE is refused
// (its trust settings would bypass ours); other blocks are skipped. No certificate at all is not an error here. Further
// errors: `pem.bad_base64`, `pem.bad_certificate`, `pem.trusted_certificate`, `pem.too_many_certificates`.
Result<PemBundle> read_pem(std::string_view text, const PemLimits& limits = {});

}  // namespace portcullis::x509
