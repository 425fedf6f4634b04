#include "x509/certificate.h"

#include <ctime>
#include <utility>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "base/check.h"
#include "x509/internal/owned.h"

namespace portcullis::x509 {
namespace {

constexpr std::size_t kMaxCertificateBytes = 64 * 1024;

// `bad` where the field is no readable time.
WallTime to_wall_time(const ASN1_TIME* time, WallTime bad) {
  internal::ErrorQueueGuard errors;
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return bad;
  return WallTime{std::chrono::seconds(timegm(&parts))};
}

std::string name_der(const X509_NAME* name) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  CHECK(X509_NAME_get0_der(name, &der, &size) == 1);
  return {reinterpret_cast<const char*>(der), size};
}

}  // namespace

Result<Certificate> Certificate::from_der(std::string_view der, OSSL_LIB_CTX* library) {
  internal::ErrorQueueGuard errors;
  if (der.size() > kMaxCertificateBytes) return fail("certificate.too_large", "a certificate is larger than 64 KB");
  const unsigned char* cursor = internal::bytes_of(der);
  const unsigned char* const end = cursor + der.size();
  X509* made = X509_new_ex(library, nullptr);
  // What cannot be read is freed by d2i_X509.
  if (made != nullptr && d2i_X509(&made, &cursor, static_cast<long>(der.size())) == nullptr) made = nullptr;
  internal::OwnedX509 parsed(made);
  if (parsed == nullptr) return fail("certificate.malformed", "the bytes are not a DER-encoded X.509 certificate");
  if (cursor != end) return fail("certificate.malformed", "there are bytes after the end of a DER certificate");
  return Certificate(parsed.release());
}

Certificate Certificate::from_native(X509* native, bool retain) {
  CHECK(native != nullptr);
  if (retain) X509_up_ref(native);
  return Certificate(native);
}

Certificate::Certificate(const Certificate& other) : native_(other.native_) {
  if (native_ != nullptr) X509_up_ref(native_);
}
Certificate::Certificate(Certificate&& other) noexcept : native_(std::exchange(other.native_, nullptr)) {}
Certificate& Certificate::operator=(Certificate other) noexcept {
  std::swap(native_, other.native_);
  return *this;
}
Certificate::~Certificate() { X509_free(native_); }

std::string Certificate::der() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509(native_, &der);
  CHECK(size > 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::size_t Certificate::der_size() const {
  const int size = i2d_X509(native_, nullptr);
  CHECK(size > 0);
  return static_cast<std::size_t>(size);
}

std::string Certificate::pem() const {
  const std::string body = base64_encode(der());
  std::string text = "-----BEGIN CERTIFICATE-----\n";
  text.reserve(body.size() + body.size() / 64 + 64);
  for (std::size_t at = 0; at < body.size(); at += 64) {
    text.append(body, at, 64);
    text += '\n';
  }
  return text += "-----END CERTIFICATE-----\n";
}

std::string Certificate::sha1_fingerprint() const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(X509_digest(native_, EVP_sha1(), digest, &size) == 1);
  return hex_lower({reinterpret_cast<char*>(digest), size});
}

Digest Certificate::sha256() const {
  Digest digest;
  CHECK(X509_digest(native_, EVP_sha256(), digest.bytes.data(), nullptr) == 1);
  return digest;
}

WallTime Certificate::not_before() const { return to_wall_time(X509_get0_notBefore(native_), WallTime::max()); }
WallTime Certificate::not_after() const { return to_wall_time(X509_get0_notAfter(native_), WallTime::min()); }

std::string Certificate::subject_der() const { return name_der(X509_get_subject_name(native_)); }
std::string Certificate::issuer_der() const { return name_der(X509_get_issuer_name(native_)); }

bool Certificate::is_ca() const {
  internal::ErrorQueueGuard errors;
  return (X509_get_extension_flags(native_) & EXFLAG_CA) != 0;
}

bool Certificate::is_self_issued() const { return issuer_matches_subject(*this, *this); }

bool Certificate::is_self_signed() const {
  internal::ErrorQueueGuard errors;
  return X509_self_signed(native_, 1) == 1;
}

bool operator==(const Certificate& a, const Certificate& b) {
  internal::ErrorQueueGuard errors;
  return a.native_ == b.native_ || X509_cmp(a.native_, b.native_) == 0;
}

bool issuer_matches_subject(const Certificate& child, const Certificate& parent) {
  return X509_NAME_cmp(X509_get_issuer_name(child.native()), X509_get_subject_name(parent.native())) == 0;
}

bool same_subject(const Certificate& a, const Certificate& b) {
  return X509_NAME_cmp(X509_get_subject_name(a.native()), X509_get_subject_name(b.native())) == 0;
}

std::size_t Certificate::rsa_key_bytes() const {
  ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* key = nullptr;
  int size = 0;
  X509_PUBKEY* spki = X509_get_X509_PUBKEY(native_);
  if (spki == nullptr || X509_PUBKEY_get0_param(&algorithm, &key, &size, nullptr, spki) != 1 || size < 0) return 0;
  const int nid = OBJ_obj2nid(algorithm);
  return nid == NID_rsaEncryption || nid == NID_rsassaPss ? static_cast<std::size_t>(size) : 0;
}

}  // namespace portcullis::x509
