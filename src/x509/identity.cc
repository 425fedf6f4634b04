#include "x509/identity.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "base/strings.h"
#include "x509/internal/owned.h"

namespace portcullis::x509 {
namespace {

// The last word on header safety: whatever OpenSSL printed, only printable ASCII leaves this file.
std::string one_line(const std::string& text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      safe += c;
    } else {
      safe += '\\';
      safe += hex_upper({&c, 1});
    }
  }
  return safe;
}

std::string distinguished_name(const X509_NAME* name) {
  internal::ErrorQueueGuard errors;
  const internal::OwnedBio bio(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) >= 0) return one_line(internal::contents(bio.get()));
  // A value that is not text of its own type (an odd BMPString): shown as RFC 2253 §2.4 shows what it cannot spell,
  // rather than as the part that was printed before the failure.
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return "#" + hex_upper({reinterpret_cast<const char*>(der), size});
}

std::string date(const ASN1_TIME* time) {
  internal::ErrorQueueGuard errors;
  const internal::OwnedBio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  return one_line(internal::contents(bio.get()));
}

// Not i2a_ASN1_INTEGER: it breaks the line every 35 bytes.
std::string serial_number(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const int size = ASN1_STRING_length(serial);
  if (size <= 0) return "00";
  const std::string hex =
      hex_upper({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), static_cast<std::size_t>(size)});
  return ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" + hex : hex;
}

}  // namespace

Identity describe(const Certificate& certificate) {
  const X509* native = certificate.native();
  return {
      .escaped_pem = percent_encode(certificate.pem()),
      .start_date = date(X509_get0_notBefore(native)),
      .end_date = date(X509_get0_notAfter(native)),
      .fingerprint = certificate.sha1_fingerprint(),
      .issuer = distinguished_name(X509_get_issuer_name(native)),
      .subject = distinguished_name(X509_get_subject_name(native)),
      .serial = serial_number(native),
  };
}

}  // namespace portcullis::x509
