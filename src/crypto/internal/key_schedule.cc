// OpenSSL 3.0 deprecates its plain hash functions in favour of those that search: these are the point here.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/internal/key_schedule.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/lever.h"
#include "crypto/internal/hmac.h"
#include "crypto/internal/provider.h"
#include "crypto/owned.h"

namespace portcullis::crypto::internal {
namespace {

template <typename Hash>
bool hmac(Bytes key, std::initializer_list<Bytes> message, unsigned char* out) {
  Hmac<Hash> mac;
  bool done = mac.start(key);
  for (const Bytes piece : message) done = done && mac.add(piece);
  return done && mac.finish(out);
}

// What EVP_KDF_derive was called with; absent parts are empty.
struct Wanted {
  int mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
  std::string_view digest;
  Bytes key, salt, prefix, label, data;
};

// HKDF-Expand-Label: RFC 8446 §7.1, over HKDF-Expand of RFC 5869 §2.3.
template <typename Hash>
bool expand_label(Bytes secret, const Wanted& wanted, Bytes context, unsigned char* out, std::size_t size) {
  constexpr std::size_t kMaximum = 255;  // of label and context in the struct HkdfLabel, and of rounds
  const std::size_t label_size = wanted.prefix.size() + wanted.label.size();
  if (label_size > kMaximum || context.size() > kMaximum || size == 0 || size > kMaximum * Hash::kSize) return false;
  std::array<unsigned char, 2 + 1 + kMaximum + 1 + kMaximum> info;
  unsigned char* end = info.data();
  *end++ = static_cast<unsigned char>(size >> 8);
  *end++ = static_cast<unsigned char>(size);
  *end++ = static_cast<unsigned char>(label_size);
  end = std::copy(wanted.prefix.begin(), wanted.prefix.end(), end);
  end = std::copy(wanted.label.begin(), wanted.label.end(), end);
  *end++ = static_cast<unsigned char>(context.size());
  end = std::copy(context.begin(), context.end(), end);
  const Bytes encoded(info.data(), static_cast<std::size_t>(end - info.data()));
  Secret<Hash::kSize> block;
  Bytes previous;
  for (unsigned char round = 1; size > 0; ++round) {
    if (!hmac<Hash>(secret, {previous, encoded, Bytes(&round, 1)}, block.bytes.data())) return false;
    previous = block.view();
    const std::size_t part = std::min(size, previous.size());
    out = std::copy_n(previous.data(), part, out);
    size -= part;
  }
  return true;
}

// The next secret of the schedule: HKDF-Extract under what Derive-Secret(salt, "derived", "") gives, or under nothing
// at the schedule's start (RFC 8446 §7.1). An absent key is as many zeros as the digest has bytes.
template <typename Hash>
bool next_secret(const Wanted& wanted, unsigned char* out, std::size_t size) {
  if (size != Hash::kSize) return false;
  const Secret<Hash::kSize> zeros;
  Secret<Hash::kSize> derived, nothing_hashed;
  Bytes salt;
  if (!wanted.salt.empty()) {
    if (!digest<Hash>({}, nothing_hashed.bytes.data())) return false;
    if (!expand_label<Hash>(wanted.salt, wanted, nothing_hashed.view(), derived.bytes.data(), Hash::kSize))
      return false;
    salt = derived.view();
  }
  return hmac<Hash>(salt, {wanted.key.empty() ? zeros.view() : wanted.key}, out);
}

template <typename Hash>
bool derive_with(const Wanted& wanted, unsigned char* out, std::size_t size) {
  if (wanted.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY) return next_secret<Hash>(wanted, out, size);
  if (wanted.mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY || wanted.key.empty()) return false;
  return expand_label<Hash>(wanted.key, wanted, wanted.data, out, size);
}

Wanted read(const OSSL_PARAM* parameters) {
  Wanted out;
  for (const OSSL_PARAM* at = parameters; at != nullptr && at->key != nullptr; ++at) {
    const std::string_view name = at->key;
    const Bytes bytes(static_cast<const unsigned char*>(at->data), at->data == nullptr ? 0 : at->data_size);
    if (name == OSSL_KDF_PARAM_MODE) {
      if (OSSL_PARAM_get_int(at, &out.mode) != 1) out.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
    } else if (name == OSSL_KDF_PARAM_DIGEST && at->data != nullptr) {
      out.digest = static_cast<const char*>(at->data);
    } else if (name == OSSL_KDF_PARAM_KEY) {
      out.key = bytes;
    } else if (name == OSSL_KDF_PARAM_SALT) {
      out.salt = bytes;
    } else if (name == OSSL_KDF_PARAM_PREFIX) {
      out.prefix = bytes;
    } else if (name == OSSL_KDF_PARAM_LABEL) {
      out.label = bytes;
    } else if (name == OSSL_KDF_PARAM_DATA) {
      out.data = bytes;
    }
  }
  return out;
}

int derive(void*, unsigned char* out, std::size_t size, const OSSL_PARAM* parameters) {
  const Wanted wanted = read(parameters);
  const std::string_view name = wanted.digest;
  if (is_sha256(name)) return derive_with<Sha256>(wanted, out, size) ? 1 : 0;
  if (is_sha384(name)) return derive_with<Sha384>(wanted, out, size) ? 1 : 0;
  return 0;
}

// OpenSSL wants a context of each derivation; this one is nothing, and the same for all.
void* no_context(void*) {
  static char none;
  return &none;
}
void forget_context(void*) {}

// As libssl derives.
std::vector<unsigned char> derived(OSSL_LIB_CTX* library, const char* digest, int mode, std::size_t size,
                                   const std::vector<std::pair<const char*, std::string_view>>& parts) {
  const Owned<EVP_KDF, EVP_KDF_free> algorithm(EVP_KDF_fetch(library, OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
  const Owned<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(algorithm.get()));
  std::vector<OSSL_PARAM> parameters{
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, const_cast<char*>("tls13 "), 6)};
  for (const auto& [name, bytes] : parts) {
    parameters.push_back(OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size()));
  }
  parameters.push_back(OSSL_PARAM_construct_end());
  std::vector<unsigned char> out(size);
  if (context == nullptr || EVP_KDF_derive(context.get(), out.data(), size, parameters.data()) != 1) out.clear();
  return out;
}

}  // namespace

const OSSL_ALGORITHM* lean_key_schedule() {
  static const OSSL_DISPATCH functions[] = {entry(OSSL_FUNC_KDF_NEWCTX, &no_context),
                                            entry(OSSL_FUNC_KDF_FREECTX, &forget_context),
                                            entry(OSSL_FUNC_KDF_DERIVE, &derive),
                                            {0, nullptr}};
  static const OSSL_ALGORITHM shown{OSSL_KDF_NAME_TLS1_3_KDF, "provider=default", functions,
                                    "TLS 1.3's key schedule for SHA-256 and SHA-384"};
  return is_switched_off(kLeanDerivationLever) ? nullptr : &shown;
}

bool derives_alike(OSSL_LIB_CTX* tried) {
  const ErrorQueueGuard errors;
  for (const auto& [digest, size] : {std::pair<const char*, std::size_t>{"SHA2-256", 32}, {"SHA2-384", 48}}) {
    const std::string secret(size, 's'), salt(size, 'p'), transcript(size, 't');
    const auto alike = [&, digest = digest](int mode, std::size_t length,
                                            const std::vector<std::pair<const char*, std::string_view>>& parts) {
      const auto expected = derived(nullptr, digest, mode, length, parts);
      return !expected.empty() && derived(tried, digest, mode, length, parts) == expected;
    };
    const std::pair key{OSSL_KDF_PARAM_KEY, std::string_view(secret)};
    const std::pair label{OSSL_KDF_PARAM_LABEL, std::string_view("derived")};
    const std::pair previous{OSSL_KDF_PARAM_SALT, std::string_view(salt)};
    const std::pair data{OSSL_KDF_PARAM_DATA, std::string_view(transcript)};
    // The first secret with and without a PSK, the ones that follow with and without a shared secret.
    if (!alike(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, size, {label}) ||
        !alike(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, size, {key, label}) ||
        !alike(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, size, {previous, label}) ||
        !alike(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, size, {key, previous, label})) {
      return false;
    }
    // Secrets, keys and nonces, and an exporter's longer ones.
    for (const std::size_t length : {size, std::size_t{12}, std::size_t{16}, std::size_t{32}, std::size_t{500}}) {
      if (!alike(EVP_KDF_HKDF_MODE_EXPAND_ONLY, length, {key, label, data})) return false;
      if (!alike(EVP_KDF_HKDF_MODE_EXPAND_ONLY, length, {key, label})) return false;
    }
  }
  return true;
}

}  // namespace portcullis::crypto::internal
