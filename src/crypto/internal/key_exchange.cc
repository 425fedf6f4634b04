#include "crypto/internal/key_exchange.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "base/lever.h"
#include "base/strings.h"
#include "crypto/internal/provider.h"

namespace portcullis::crypto::internal {
namespace {

constexpr std::size_t kBytes = crypto_scalarmult_curve25519_BYTES;
static_assert(kBytes == 32 && crypto_scalarmult_curve25519_SCALARBYTES == 32);

constexpr char kNames[] = "X25519:1.3.101.110";
constexpr int kBits = 253, kSecurityBits = 128;  // as the default provider has them

using Bytes = std::array<unsigned char, kBytes>;

// Immutable but while it is made; counted.
struct Key {
  Bytes secret{}, open{};
  bool has_secret = false, has_open = false;
  std::atomic<int> holders{1};

  Key() = default;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { OPENSSL_cleanse(secret.data(), kBytes); }
};

Key* hold(Key* key) {
  key->holders.fetch_add(1, std::memory_order_relaxed);
  return key;
}

void let_go(void* held) {
  Key* const key = static_cast<Key*>(held);
  if (key != nullptr && key->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete key;
}

void* new_key(void*) { return new (std::nothrow) Key; }

bool wants(int selection, int part) { return (selection & part) != 0; }

// Parameters it has always: the curve.
int has(const void* held, int selection) {
  const Key* const key = static_cast<const Key*>(held);
  if (key == nullptr) return 0;
  const bool open = !wants(selection, OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || key->has_open;
  const bool secret = !wants(selection, OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->has_secret;
  return open && secret ? 1 : 0;
}

int match(const void* one, const void* other, int selection) {
  const Key& a = *static_cast<const Key*>(one);
  const Key& b = *static_cast<const Key*>(other);
  if (!wants(selection, OSSL_KEYMGMT_SELECT_KEYPAIR)) return 1;
  return a.has_open && b.has_open && CRYPTO_memcmp(a.open.data(), b.open.data(), kBytes) == 0 ? 1 : 0;
}

void* duplicate(const void* held, int selection) {
  const Key& from = *static_cast<const Key*>(held);
  Key* const made = new (std::nothrow) Key;
  if (made == nullptr) return nullptr;
  if (wants(selection, OSSL_KEYMGMT_SELECT_PUBLIC_KEY)) {
    made->open = from.open;
    made->has_open = from.has_open;
  }
  if (wants(selection, OSSL_KEYMGMT_SELECT_PRIVATE_KEY)) {
    made->secret = from.secret;
    made->has_secret = from.has_secret;
  }
  return made;
}

int get(void* held, OSSL_PARAM* parameters) {
  const Key& key = *static_cast<const Key*>(held);
  for (OSSL_PARAM* at = parameters; at != nullptr && at->key != nullptr; ++at) {
    const std::string_view name = at->key;
    int given = 1;
    if (name == OSSL_PKEY_PARAM_BITS) given = OSSL_PARAM_set_int(at, kBits);
    if (name == OSSL_PKEY_PARAM_SECURITY_BITS) given = OSSL_PARAM_set_int(at, kSecurityBits);
    if (name == OSSL_PKEY_PARAM_MAX_SIZE) given = OSSL_PARAM_set_int(at, static_cast<int>(kBytes));
    if (name == OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY || name == OSSL_PKEY_PARAM_PUB_KEY) {
      given = key.has_open ? OSSL_PARAM_set_octet_string(at, key.open.data(), kBytes) : 0;
    }
    if (given != 1) return 0;
  }
  return 1;
}

const OSSL_PARAM* gettable(void*) {
  static const OSSL_PARAM all[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                   OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                   OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                   OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                   OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                   OSSL_PARAM_END};
  return all;
}

// A peer's key: all that it is.
int set(void* held, const OSSL_PARAM* parameters) {
  Key& key = *static_cast<Key*>(held);
  const OSSL_PARAM* const encoded = OSSL_PARAM_locate_const(parameters, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
  if (encoded == nullptr) return 1;
  if (encoded->data_type != OSSL_PARAM_OCTET_STRING || encoded->data == nullptr || encoded->data_size != kBytes)
    return 0;
  std::copy_n(static_cast<const unsigned char*>(encoded->data), kBytes, key.open.begin());
  key.has_open = true;
  OPENSSL_cleanse(key.secret.data(), kBytes);
  key.has_secret = false;
  return 1;
}

const OSSL_PARAM* settable(void*) {
  static const OSSL_PARAM all[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                   OSSL_PARAM_END};
  return all;
}

// A generation under way is what is to be made of it.
struct Generation {
  int selection = 0;
};

int set_generation(void*, const OSSL_PARAM* parameters) {
  const OSSL_PARAM* const group = OSSL_PARAM_locate_const(parameters, OSSL_PKEY_PARAM_GROUP_NAME);
  if (group == nullptr) return 1;
  const char* name = nullptr;
  return OSSL_PARAM_get_utf8_string_ptr(group, &name) == 1 && name != nullptr && to_lower(name) == "x25519" ? 1 : 0;
}

void* begin_generation(void*, int selection, const OSSL_PARAM* parameters) {
  if (set_generation(nullptr, parameters) != 1) return nullptr;
  return new (std::nothrow) Generation{selection};
}

const OSSL_PARAM* generation_settable(void*, void*) {
  static const OSSL_PARAM all[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0), OSSL_PARAM_END};
  return all;
}

void* generate(void* generation, OSSL_CALLBACK*, void*) {
  auto made = std::unique_ptr<Key>(new (std::nothrow) Key);
  if (made == nullptr) return nullptr;
  if (!wants(static_cast<Generation*>(generation)->selection, OSSL_KEYMGMT_SELECT_KEYPAIR)) return made.release();
  if (RAND_priv_bytes(made->secret.data(), static_cast<int>(kBytes)) != 1) return nullptr;
  if (crypto_scalarmult_curve25519_base(made->open.data(), made->secret.data()) != 0) return nullptr;
  made->has_secret = made->has_open = true;
  return made.release();
}

void end_generation(void* generation) { delete static_cast<Generation*>(generation); }

// Both ends of one agreement.
struct Exchange {
  Key* own = nullptr;
  Key* peer = nullptr;
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    let_go(own);
    let_go(peer);
  }
};

void* new_exchange(void*) { return new (std::nothrow) Exchange; }
void end_exchange(void* exchange) { delete static_cast<Exchange*>(exchange); }

int take(Key*& place, void* held) {
  if (held == nullptr) return 0;
  Key* const key = hold(static_cast<Key*>(held));
  let_go(std::exchange(place, key));
  return 1;
}

int begin_exchange(void* exchange, void* own, const OSSL_PARAM*) {
  return take(static_cast<Exchange*>(exchange)->own, own);
}
int set_peer(void* exchange, void* peer) { return take(static_cast<Exchange*>(exchange)->peer, peer); }

// Where the peer's point is of small order the secret would be all zeros: refused (RFC 7748 §6.1, RFC 8446 §7.4.2).
int agree(void* exchange, unsigned char* secret, std::size_t* size, std::size_t room) {
  const Exchange& one = *static_cast<Exchange*>(exchange);
  if (one.own == nullptr || one.peer == nullptr || !one.own->has_secret || !one.peer->has_open) return 0;
  *size = kBytes;
  if (secret == nullptr) return 1;
  if (room < kBytes) return 0;
  return crypto_scalarmult_curve25519(secret, one.own->secret.data(), one.peer->open.data()) == 0 ? 1 : 0;
}

bool usable() {
  static const bool on = !is_switched_off(kLeanExchangeLever) && sodium_init() >= 0;
  return on;
}

}  // namespace

const OSSL_ALGORITHM* lean_key_type() {
  static const OSSL_DISPATCH functions[] = {entry(OSSL_FUNC_KEYMGMT_NEW, &new_key),
                                            entry(OSSL_FUNC_KEYMGMT_FREE, &let_go),
                                            entry(OSSL_FUNC_KEYMGMT_HAS, &has),
                                            entry(OSSL_FUNC_KEYMGMT_MATCH, &match),
                                            entry(OSSL_FUNC_KEYMGMT_DUP, &duplicate),
                                            entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, &get),
                                            entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, &gettable),
                                            entry(OSSL_FUNC_KEYMGMT_SET_PARAMS, &set),
                                            entry(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, &settable),
                                            entry(OSSL_FUNC_KEYMGMT_GEN_INIT, &begin_generation),
                                            entry(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, &set_generation),
                                            entry(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, &generation_settable),
                                            entry(OSSL_FUNC_KEYMGMT_GEN, &generate),
                                            entry(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, &end_generation),
                                            {0, nullptr}};
  static const OSSL_ALGORITHM shown{kNames, "provider=default", functions, "X25519 keys of one handshake"};
  return usable() ? &shown : nullptr;
}

const OSSL_ALGORITHM* lean_key_exchange() {
  static const OSSL_DISPATCH functions[] = {
      entry(OSSL_FUNC_KEYEXCH_NEWCTX, &new_exchange), entry(OSSL_FUNC_KEYEXCH_FREECTX, &end_exchange),
      entry(OSSL_FUNC_KEYEXCH_INIT, &begin_exchange), entry(OSSL_FUNC_KEYEXCH_SET_PEER, &set_peer),
      entry(OSSL_FUNC_KEYEXCH_DERIVE, &agree),        {0, nullptr}};
  static const OSSL_ALGORITHM shown{kNames, "provider=default", functions, "X25519 by libsodium"};
  return usable() ? &shown : nullptr;
}

}  // namespace portcullis::crypto::internal
