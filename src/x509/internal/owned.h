// The OpenSSL objects that this room makes and frees.
#pragma once

#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "x509/owned.h"

namespace portcullis::x509::internal {

using x509::bytes_of;
using x509::ErrorQueueGuard;
using x509::Owned;

using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedX509 = Owned<X509, X509_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

// Everything a memory BIO holds.
inline std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

// A buffer that is wiped when it goes.
class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string text) : text_(std::move(text)) {}
  ~SecretString() { OPENSSL_cleanse(text_.data(), text_.size()); }
  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace portcullis::x509::internal
