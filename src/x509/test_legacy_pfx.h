// For tests: a PFX as Windows wrote it before 2019, with RC2-40 over the certificates and 3DES over the key. OpenSSL 3
// makes and reads such files by its legacy provider only, which is loaded into a library context of its own.
#pragma once

#include <string>

#include <openssl/provider.h>

#include "base/check.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {

inline std::string legacy_pfx(const Issued& issued, const std::string& password) {
  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  OSSL_PROVIDER* legacy = OSSL_PROVIDER_load(library, "legacy");
  OSSL_PROVIDER* standard = OSSL_PROVIDER_load(library, "default");
  CHECK(legacy != nullptr && standard != nullptr);
  std::string pfx =
      issued.pfx(password, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC, library);
  OSSL_PROVIDER_unload(standard);
  OSSL_PROVIDER_unload(legacy);
  OSSL_LIB_CTX_free(library);
  return pfx;
}

}  // namespace portcullis::x509
