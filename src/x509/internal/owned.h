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

#include "crypto/owned.h"

namespace portcullis::x509::internal {

using crypto::bytes_of;
using crypto::ErrorQueueGuard;
using crypto::Owned;
using crypto::OwnedKey;
using crypto::OwnedX509;

using OwnedBio = Owned<BIO, BIO_free_all>;

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
