// For the tests of this room only: a library context in which OpenSSL finds nothing, to show a self-test.
#pragma once

#include <openssl/provider.h>

namespace portcullis::crypto {

class EmptyLibrary {
 public:
  EmptyLibrary() = default;
  EmptyLibrary(const EmptyLibrary&) = delete;
  EmptyLibrary& operator=(const EmptyLibrary&) = delete;
  ~EmptyLibrary() {
    OSSL_PROVIDER_unload(none_);
    OSSL_LIB_CTX_free(library_);
  }
  OSSL_LIB_CTX* get() const { return library_; }

 private:
  OSSL_LIB_CTX* library_ = OSSL_LIB_CTX_new();
  // Without any provider the default one would be loaded.
  OSSL_PROVIDER* none_ = OSSL_PROVIDER_load(library_, "null");
};

}  // namespace portcullis::crypto
