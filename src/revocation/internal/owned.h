// unique_ptr over the OpenSSL objects that this room makes and frees, and views of bytes as OpenSSL takes them.
#pragma once

#include <memory>
#include <string_view>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

namespace portcullis::revocation::internal {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

using OwnedCertId = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using OwnedResponse = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using OwnedBasic = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// OpenSSL's error queue is per thread and outlives the call that filled it: what fails here must not be taken for a
// failure of the next TLS operation.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_set_mark(); }
  ~ErrorQueueGuard() { ERR_pop_to_mark(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

}  // namespace portcullis::revocation::internal
