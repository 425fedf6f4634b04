#include "x509/with_key.h"

#include <openssl/x509.h>

#include "crypto/tls_library.h"

namespace portcullis::x509 {

Certificate with_key(const Certificate& certificate) {
  const crypto::ErrorQueueGuard errors;
  if (crypto::tls_library() == nullptr || X509_get0_pubkey(certificate.native()) != nullptr) return certificate;
  crypto::OwnedX509 decoded = crypto::parse_with_key(certificate.native(), certificate.der());
  return decoded == nullptr ? certificate : Certificate::from_native(decoded.release(), false);
}

}  // namespace portcullis::x509
