#include <string>
#include <utility>

#include <openssl/evp.h>

#include "crypto/internal/record_cipher.h"
#include "crypto/owned.h"

namespace portcullis::crypto::internal {

namespace {

using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using OwnedCipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Bytes = std::basic_string<unsigned char>;

// Records as libssl seals and opens them; empty: refused.
class Records {
 public:
  Records(OSSL_LIB_CTX* library, const char* name) : cipher_(EVP_CIPHER_fetch(library, name, nullptr)) {}

  Bytes tls13(bool seal, Bytes record) const {
    const OwnedCipherContext context = keyed(seal);
    unsigned char* const bytes = record.data();
    const std::size_t content = record.size() - kTag;
    int size = 0, rest = 0;
    bool done = context != nullptr && EVP_CipherInit_ex(context.get(), nullptr, nullptr, nullptr, kBytes, seal) == 1;
    if (!seal) done = done && control(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, bytes + content);
    done = done && EVP_CipherUpdate(context.get(), nullptr, &size, kBytes + 3, 5) == 1 &&
           EVP_CipherUpdate(context.get(), bytes, &size, bytes, static_cast<int>(content)) == 1 &&
           EVP_CipherFinal_ex(context.get(), bytes + size, &rest) == 1 && size + rest == static_cast<int>(content);
    if (seal) done = done && control(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, bytes + content);
    return done ? record : Bytes();
  }

  Bytes tls12(bool seal, Bytes record) const {
    const OwnedCipherContext context = keyed(seal);
    Bytes header(kBytes, kTls12Header);
    const std::size_t length = record.size() - (seal ? kTag : 0);
    header[kTls12Header - 2] = static_cast<unsigned char>(length >> 8);
    header[kTls12Header - 1] = static_cast<unsigned char>(length);
    const bool done = context != nullptr && control(context.get(), EVP_CTRL_GCM_SET_IV_FIXED, kFixed, kBytes + 7) &&
                      control(context.get(), EVP_CTRL_AEAD_TLS1_AAD, kTls12Header, header.data()) &&
                      EVP_Cipher(context.get(), record.data(), record.data(), static_cast<unsigned>(record.size())) > 0;
    return done ? record : Bytes();
  }

 private:
  static constexpr unsigned char kBytes[] = "what keys, nonces and headers are taken from";

  static bool control(EVP_CIPHER_CTX* context, int what, std::size_t size, const unsigned char* bytes) {
    return EVP_CIPHER_CTX_ctrl(context, what, static_cast<int>(size), const_cast<unsigned char*>(bytes)) > 0;
  }
  OwnedCipherContext keyed(bool seal) const {
    OwnedCipherContext context(EVP_CIPHER_CTX_new());
    const bool done = cipher_ != nullptr && context != nullptr &&
                      EVP_CipherInit_ex2(context.get(), cipher_.get(), nullptr, nullptr, seal, nullptr) == 1 &&
                      control(context.get(), EVP_CTRL_AEAD_SET_IVLEN, kNonce, nullptr) &&
                      EVP_CipherInit_ex(context.get(), nullptr, nullptr, kBytes, nullptr, -1) == 1;
    if (!done) context.reset();
    return context;
  }

  const OwnedCipher cipher_;
};

}  // namespace

bool seals_alike(OSSL_LIB_CTX* tried) {
  const ErrorQueueGuard errors;
  for (const char* name : {"AES-128-GCM", "AES-256-GCM"}) {
    const Records usual(nullptr, name), lean(tried, name);
    for (const std::size_t size : {1, 15, 16, 17, 300, 1'200, 16'385}) {
      const Bytes plain13(size + kTag, 'p'), plain12(kExplicit + size + kTag, 'p');
      const Bytes sealed13 = usual.tls13(true, plain13);
      if (sealed13.empty() || lean.tls13(true, plain13) != sealed13) return false;
      // The explicit nonces of TLS 1.2 are random: each opens what the other has sealed.
      for (const auto& [from, to] : {std::pair{&usual, &lean}, std::pair{&lean, &usual}}) {
        const Bytes sealed12 = from->tls12(true, plain12);
        if (sealed12.empty() || to->tls12(false, sealed12).substr(kExplicit, size) != plain12.substr(kExplicit, size))
          return false;
      }
      if (lean.tls13(false, sealed13).substr(0, size) != plain13.substr(0, size)) return false;
      Bytes forged13 = sealed13, forged12 = lean.tls12(true, plain12);
      forged13[size / 2] ^= 1;
      forged12[kExplicit + size / 2] ^= 1;
      if (!lean.tls13(false, forged13).empty() || !lean.tls12(false, forged12).empty()) return false;
    }
  }
  return true;
}

}  // namespace portcullis::crypto::internal
