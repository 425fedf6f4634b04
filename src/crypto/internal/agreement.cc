#include "crypto/internal/agreement.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

namespace portcullis::crypto::internal {

namespace {

using OwnedKeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

OwnedKey made(OSSL_LIB_CTX* library, const char* group, int (*begin)(EVP_PKEY_CTX*),
              int (*make)(EVP_PKEY_CTX*, EVP_PKEY**)) {
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(library, "X25519", nullptr));
  EVP_PKEY* key = nullptr;
  const bool done = context != nullptr && begin(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_group_name(context.get(), group) == 1 && make(context.get(), &key) == 1;
  return OwnedKey(done ? key : nullptr);
}

}  // namespace

OwnedKey generated(OSSL_LIB_CTX* library, const char* group) {
  return made(library, group, &EVP_PKEY_keygen_init, &EVP_PKEY_keygen);
}

OwnedKey blank(OSSL_LIB_CTX* library) { return made(library, "X25519", &EVP_PKEY_paramgen_init, &EVP_PKEY_paramgen); }

OwnedKey peer(OSSL_LIB_CTX* library, const KeyBytes& bytes) {
  OwnedKey key = blank(library);
  if (key != nullptr && EVP_PKEY_set1_encoded_public_key(key.get(), bytes.data(), bytes.size()) != 1) key.reset();
  return key;
}

KeyBytes open_part(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const std::size_t size = key == nullptr ? 0 : EVP_PKEY_get1_encoded_public_key(key, &bytes);
  KeyBytes out;
  if (size > 0) out.assign(bytes, size);
  OPENSSL_free(bytes);
  return out;
}

KeyBytes agreed(OSSL_LIB_CTX* library, EVP_PKEY* own, EVP_PKEY* other) {
  if (own == nullptr || other == nullptr) return {};
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(library, own, nullptr));
  std::size_t size = 0;
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1) return {};
  if (EVP_PKEY_derive_set_peer(context.get(), other) != 1) return {};
  if (EVP_PKEY_derive(context.get(), nullptr, &size) != 1) return {};
  KeyBytes secret(size, '\0');
  return EVP_PKEY_derive(context.get(), secret.data(), &size) == 1 && size == secret.size() ? secret : KeyBytes();
}

KeyBytes agreed(OSSL_LIB_CTX* library, EVP_PKEY* own, const KeyBytes& other) {
  return agreed(library, own, peer(library, other).get());
}

}  // namespace portcullis::crypto::internal
