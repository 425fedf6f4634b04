// One X.509 certificate as a value: a counted reference to OpenSSL's immutable object, cheap to copy, safe to share
// between threads. Whoever holds a copy owns a reference. Parsing fails with an Error; reading a parsed certificate
// cannot fail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"

namespace portcullis::x509 {

class Certificate {
 public:
  // Exactly one DER certificate, nothing after it, at most 64 KB. Errors: `certificate.malformed`,
  // `certificate.too_large`.
  // `library`: the context that decodes its key; null: OpenSSL's default one.
  static Result<Certificate> from_der(std::string_view der, OSSL_LIB_CTX* library = nullptr);
  // Adds a reference when `retain` (for X509* that OpenSSL keeps: get0), else takes over the caller's (get1). Not null.
  static Certificate from_native(X509* native, bool retain);

  Certificate(const Certificate& other);
  Certificate(Certificate&& other) noexcept;
  Certificate& operator=(Certificate other) noexcept;
  ~Certificate();

  // Never null but after a move; stays owned by this object.
  X509* native() const { return native_; }

  std::string der() const;
  std::size_t der_size() const;          // bytes of it, without making a copy
  std::string pem() const;               // 64 characters a line, LF, ends with LF
  std::string sha1_fingerprint() const;  // 40 lower-case hex digits over the DER
  Digest sha256() const;                 // over the DER

  // Second precision, years 0000–9999. A date that cannot be read fails closed: not_before is then WallTime::max(),
  // not_after WallTime::min().
  WallTime not_before() const;
  WallTime not_after() const;

  std::string subject_der() const;  // the DER of the Name
  std::string issuer_der() const;

  bool is_ca() const;           // basicConstraints is there and says CA:TRUE (RFC 5280 §4.2.1.9)
  bool is_self_issued() const;  // subject equals issuer, as X.509 names
  bool is_self_signed() const;  // self-issued, and its signature verifies with its own key

  // Size of an RSA public key's DER (modulus and exponent), taken from the encoding without decoding the key; 0 for any
  // other kind. An RSA key of n bits takes n/8 bytes and at most 32 more unless its exponent is oversized.
  std::size_t rsa_key_bytes() const;

  // The same DER.
  friend bool operator==(const Certificate& a, const Certificate& b);

 private:
  explicit Certificate(X509* owned) : native_(owned) {}
  X509* native_;
};

using CertificateList = std::vector<Certificate>;

// X.509 name comparison (X509_NAME_cmp: case and inner white space of printable strings folded), never by text.
bool issuer_matches_subject(const Certificate& child, const Certificate& parent);
bool same_subject(const Certificate& a, const Certificate& b);

}  // namespace portcullis::x509
