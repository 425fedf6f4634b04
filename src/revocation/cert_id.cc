#include "revocation/cert_id.h"

#include "base/check.h"
#include "base/strings.h"
#include "revocation/internal/owned.h"

namespace portcullis::revocation {

CertId::CertId(const x509::Certificate& certificate, const x509::Certificate& issuer) {
  const internal::OwnedCertId id(OCSP_cert_to_id(EVP_sha1(), certificate.native(), issuer.native()));
  // Both certificates are parsed and on a path: only a lack of memory is left to fail.
  CHECK(id != nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_CERTID(id.get(), &der);
  CHECK(size > 0);
  der_.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.native());
  serial_ = hex_lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                       static_cast<std::size_t>(ASN1_STRING_length(serial))});
}

}  // namespace portcullis::revocation
