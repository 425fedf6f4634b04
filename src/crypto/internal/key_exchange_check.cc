#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypto/internal/key_exchange.h"
#include "crypto/owned.h"

namespace portcullis::crypto::internal {

namespace {

using OwnedKeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Bytes = std::basic_string<unsigned char>;

// A key as libssl makes it: of its own, or to be filled with a peer's.
OwnedKey made(OSSL_LIB_CTX* library, bool whole) {
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(library, "X25519", nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr) return nullptr;
  if ((whole ? EVP_PKEY_keygen_init(context.get()) : EVP_PKEY_paramgen_init(context.get())) != 1) return nullptr;
  if (EVP_PKEY_CTX_set_group_name(context.get(), "X25519") != 1) return nullptr;
  const int done = whole ? EVP_PKEY_keygen(context.get(), &key) : EVP_PKEY_paramgen(context.get(), &key);
  return OwnedKey(done == 1 ? key : nullptr);
}

Bytes encoded(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const std::size_t size = key == nullptr ? 0 : EVP_PKEY_get1_encoded_public_key(key, &bytes);
  Bytes out;
  if (size > 0) out.assign(bytes, size);
  OPENSSL_free(bytes);
  return out;
}

// Empty where the peer is refused.
Bytes agreed(OSSL_LIB_CTX* library, EVP_PKEY* own, const Bytes& peer_bytes) {
  const OwnedKey peer = made(library, false);
  if (own == nullptr || peer == nullptr) return {};
  if (EVP_PKEY_set1_encoded_public_key(peer.get(), peer_bytes.data(), peer_bytes.size()) != 1) return {};
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(library, own, nullptr));
  std::size_t size = 0;
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1) return {};
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1) return {};
  if (EVP_PKEY_derive(context.get(), nullptr, &size) != 1) return {};
  Bytes secret(size, '\0');
  return EVP_PKEY_derive(context.get(), secret.data(), &size) == 1 && size == secret.size() ? secret : Bytes();
}

}  // namespace

bool agrees_alike(OSSL_LIB_CTX* tried) {
  const ErrorQueueGuard errors;
  const OwnedKey lean = made(tried, true), usual = made(nullptr, true);
  Bytes from_lean = encoded(lean.get()), from_usual = encoded(usual.get());
  const Bytes secret = agreed(tried, lean.get(), from_usual);
  if (secret.size() != 32 || agreed(nullptr, usual.get(), from_lean) != secret) return false;
  from_usual.back() ^= 0x80;  // not part of the number (RFC 7748 §5)
  return agreed(tried, lean.get(), from_usual) == secret && agreed(tried, lean.get(), Bytes(32, '\0')).empty() &&
         agreed(tried, lean.get(), Bytes(31, '\1')).empty();
}

}  // namespace portcullis::crypto::internal
