#include "crypto/internal/record_cipher.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/lever.h"
#include "crypto/internal/provider.h"
#include "crypto/internal/record_key.h"

namespace portcullis::crypto::internal {

#if defined(__x86_64__)

namespace {

constexpr std::size_t kMostAad = 16;
// A record's content with its type, padding and expansion: RFC 8446 §5.2, RFC 5246 §6.2.3.
constexpr std::size_t kMostContent = (1 << 14) + 2048;

// One direction of one connection. A nonce serves for one record: what comes after its end or a failure is refused
// until the next.
struct Cipher {
  enum class State : std::uint8_t { kNoNonce, kNonce, kContent };

  explicit Cipher(const AesGcm& aes) : key(aes) {}

  gcm_context_data record;
  RecordKey key;
  std::array<unsigned char, kNonce> nonce;
  std::array<unsigned char, kMostAad> aad;
  std::array<unsigned char, kTag> tag;
  std::uint32_t content = 0;  // bytes of this record that went through
  std::uint8_t aad_size = 0;
  State state = State::kNoNonce;
  bool encrypts = false;
  bool has_tag = false;          // to compare with, or made
  bool tls12_nonce = false;      // fixed part given, and explicit part to count
  bool tls12_record = false;     // its header has been given
  std::uint64_t tls12_left = 0;  // records until the explicit part has been all it can be

  bool update(const unsigned char* in, std::size_t size, unsigned char* out);
  bool finish();
  bool whole_tls12_record(unsigned char* bytes, std::size_t size, std::size_t* out_size);
  bool add_aad(const unsigned char* bytes, std::size_t size);
  bool set_tls12_header(const unsigned char* bytes, std::size_t size);
  bool set_tls12_fixed(const unsigned char* bytes, std::size_t size);
  void turn(bool to_encrypt);
  void take_nonce(const unsigned char* bytes);
  void begin(const gcm_key_data& expanded);
};

// What belongs to the other direction is worth nothing in this one.
void Cipher::turn(bool to_encrypt) {
  encrypts = to_encrypt;
  state = State::kNoNonce;
  has_tag = tls12_nonce = tls12_record = false;
}

void Cipher::begin(const gcm_key_data& expanded) {
  key.aes().begin(&expanded, &record, nonce.data(), aad.data(), aad_size);
  state = State::kContent;
}

void Cipher::take_nonce(const unsigned char* bytes) {
  std::copy_n(bytes, kNonce, nonce.begin());
  state = State::kNonce;
  content = 0;
  aad_size = 0;
  if (encrypts) has_tag = false;
}

bool Cipher::add_aad(const unsigned char* bytes, std::size_t size) {
  if (state != State::kNonce || size > kMostAad - aad_size) return false;
  std::copy_n(bytes, size, aad.begin() + aad_size);
  aad_size = static_cast<std::uint8_t>(aad_size + size);
  return true;
}

bool Cipher::update(const unsigned char* in, std::size_t size, unsigned char* out) {
  if (state == State::kNoNonce || size > kMostContent - content) return false;
  const gcm_key_data* const expanded = key.expanded();
  if (expanded == nullptr) return false;
  if (state == State::kNonce) begin(*expanded);
  content += static_cast<std::uint32_t>(size);
  (encrypts ? key.aes().encrypt : key.aes().decrypt)(expanded, &record, out, in, size);
  return true;
}

bool Cipher::finish() {
  const State reached = std::exchange(state, State::kNoNonce);
  if (reached == State::kNoNonce || !(encrypts || has_tag)) return false;
  const gcm_key_data* const expanded = key.expanded();
  if (expanded == nullptr) return false;
  if (reached == State::kNonce) begin(*expanded);
  state = State::kNoNonce;
  if (encrypts) {
    key.aes().end_encrypt(expanded, &record, tag.data(), kTag);
    return has_tag = true;
  }
  has_tag = false;
  std::array<unsigned char, kTag> expected;
  key.aes().end_decrypt(expanded, &record, expected.data(), kTag);
  const bool right = CRYPTO_memcmp(expected.data(), tag.data(), kTag) == 0;
  OPENSSL_cleanse(expected.data(), kTag);
  return right;
}

// seq_num, type, version and length (RFC 5246 §6.2.3.3); the length becomes the content's.
bool Cipher::set_tls12_header(const unsigned char* bytes, std::size_t size) {
  if (size != kTls12Header || !tls12_nonce) return false;
  const std::size_t expansion = kExplicit + (encrypts ? 0 : kTag);
  const std::size_t length = static_cast<std::size_t>(bytes[size - 2] << 8 | bytes[size - 1]);
  if (length < expansion) return false;
  std::copy_n(bytes, size, aad.begin());
  aad[size - 2] = static_cast<unsigned char>((length - expansion) >> 8);
  aad[size - 1] = static_cast<unsigned char>(length - expansion);
  return tls12_record = true;
}

// The explicit part begins anywhere and counts, as OpenSSL does it: no two records have the same (RFC 5288 §3).
bool Cipher::set_tls12_fixed(const unsigned char* bytes, std::size_t size) {
  if (size != kFixed) return false;
  std::copy_n(bytes, size, nonce.begin());
  if (encrypts && RAND_bytes(nonce.data() + kFixed, static_cast<int>(kExplicit)) != 1) return false;
  tls12_left = ~std::uint64_t{0};
  return tls12_nonce = true;
}

// In place: explicit part of the nonce, content, tag.
bool Cipher::whole_tls12_record(unsigned char* bytes, std::size_t size, std::size_t* out_size) {
  *out_size = 0;
  tls12_record = false;
  state = State::kNoNonce;
  if (size < kExplicit + kTag || tls12_left == 0) return false;
  unsigned char* const body = bytes + kExplicit;
  const std::size_t length = size - kExplicit - kTag;
  if (encrypts) {
    --tls12_left;
    std::copy_n(nonce.data() + kFixed, kExplicit, bytes);
  } else {
    std::copy_n(bytes, kExplicit, nonce.data() + kFixed);
    std::copy_n(body + length, kTag, tag.data());
    has_tag = true;
  }
  state = State::kNonce;
  content = 0;
  aad_size = kTls12Header;
  const bool done = update(body, length, body) && finish();
  if (encrypts) {
    for (std::size_t at = kNonce; at-- > kFixed && ++nonce[at] == 0;) {
    }
    if (done) std::copy_n(tag.data(), kTag, body + length);
  } else if (!done) {
    OPENSSL_cleanse(body, length);
  }
  if (!done) return false;
  *out_size = encrypts ? size : length;
  return true;
}

Cipher& cipher_of(void* context) { return *static_cast<Cipher*>(context); }

template <const AesGcm* (*aes)()>
void* make(void*) {
  return new (std::nothrow) Cipher(*aes());
}

void unmake(void* context) {
  if (context == nullptr) return;
  Cipher* const made = &cipher_of(context);
  OPENSSL_cleanse(&made->record, sizeof made->record);
  delete made;
}

void* copy(void* context) { return new (std::nothrow) Cipher(cipher_of(context)); }

int set(void* context, const OSSL_PARAM* parameters) {
  Cipher& cipher = cipher_of(context);
  for (const OSSL_PARAM* at = parameters; at != nullptr && at->key != nullptr; ++at) {
    const std::string_view name = at->key;
    const auto* const bytes = static_cast<const unsigned char*>(at->data);
    bool taken = true;
    if (name == OSSL_CIPHER_PARAM_AEAD_TAG) {
      taken = !cipher.encrypts && bytes != nullptr && at->data_size == kTag;
      if (taken) std::copy_n(bytes, kTag, cipher.tag.begin());
      cipher.has_tag = taken;
    } else if (name == OSSL_CIPHER_PARAM_AEAD_TLS1_AAD) {
      taken = bytes != nullptr && cipher.set_tls12_header(bytes, at->data_size);
    } else if (name == OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED) {
      taken = bytes != nullptr && cipher.set_tls12_fixed(bytes, at->data_size);
    } else if (name == OSSL_CIPHER_PARAM_AEAD_IVLEN || name == OSSL_CIPHER_PARAM_KEYLEN) {
      std::size_t size = 0;
      taken = OSSL_PARAM_get_size_t(at, &size) == 1 &&
              size == (name == OSSL_CIPHER_PARAM_KEYLEN ? cipher.key.aes().key_size : kNonce);
    } else {
      taken = name != OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV;
    }
    if (!taken) return 0;
  }
  return 1;
}

int get(void* context, OSSL_PARAM* parameters) {
  const Cipher& cipher = cipher_of(context);
  for (OSSL_PARAM* at = parameters; at != nullptr && at->key != nullptr; ++at) {
    const std::string_view name = at->key;
    int given = 1;
    if (name == OSSL_CIPHER_PARAM_IVLEN) {
      given = OSSL_PARAM_set_size_t(at, kNonce);
    } else if (name == OSSL_CIPHER_PARAM_AEAD_TAG) {
      given = cipher.encrypts && cipher.has_tag && at->data_size == kTag
                  ? OSSL_PARAM_set_octet_string(at, cipher.tag.data(), kTag)
                  : 0;
    } else if (name == OSSL_CIPHER_PARAM_KEYLEN) {
      given = OSSL_PARAM_set_size_t(at, cipher.key.aes().key_size);
    } else if (name == OSSL_CIPHER_PARAM_AEAD_TAGLEN || name == OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD) {
      given = OSSL_PARAM_set_size_t(at, kTag);
    } else if (name == OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN) {
      given = 0;
    }
    if (given != 1) return 0;
  }
  return 1;
}

template <bool encrypts>
int start(void* context, const unsigned char* key, std::size_t key_size, const unsigned char* nonce,
          std::size_t nonce_size, const OSSL_PARAM* parameters) {
  Cipher& cipher = cipher_of(context);
  if (cipher.encrypts != encrypts) cipher.turn(encrypts);
  if (nonce != nullptr) {
    if (nonce_size != kNonce) return 0;
    cipher.take_nonce(nonce);
  }
  if (key != nullptr) {
    if (key_size != cipher.key.aes().key_size) return 0;
    cipher.key.set(key);
    cipher.tls12_nonce = cipher.tls12_record = false;
  }
  return set(context, parameters);
}

int update(void* context, unsigned char* out, std::size_t* out_size, std::size_t room, const unsigned char* in,
           std::size_t size) {
  Cipher& cipher = cipher_of(context);
  *out_size = 0;
  if (cipher.tls12_record)
    return in == nullptr || out != in || room < size ? 0 : cipher.whole_tls12_record(out, size, out_size);
  if (size == 0) return 1;
  if (in == nullptr || (out != nullptr && room < size)) return 0;
  if (!(out == nullptr ? cipher.add_aad(in, size) : cipher.update(in, size, out))) {
    cipher.state = Cipher::State::kNoNonce;
    return 0;
  }
  *out_size = size;
  return 1;
}

int finish(void* context, unsigned char*, std::size_t* out_size, std::size_t) {
  *out_size = 0;
  return cipher_of(context).finish() ? 1 : 0;
}

// EVP_Cipher(): TLS 1.2's way, a whole record; without input the end of one.
int whole(void* context, unsigned char* out, std::size_t* out_size, std::size_t room, const unsigned char* in,
          std::size_t size) {
  return in == nullptr ? finish(context, out, out_size, room) : update(context, out, out_size, room, in, size);
}

// What does not concern one record (mode, sizes, flags) the default provider's cipher says.
template <const AesGcm* (*aes)()>
const OSSL_DISPATCH* functions_beside(const OSSL_DISPATCH* usual) {
  static std::vector<OSSL_DISPATCH> functions{entry(OSSL_FUNC_CIPHER_NEWCTX, &make<aes>),
                                              entry(OSSL_FUNC_CIPHER_FREECTX, &unmake),
                                              entry(OSSL_FUNC_CIPHER_DUPCTX, &copy),
                                              entry(OSSL_FUNC_CIPHER_ENCRYPT_INIT, &start<true>),
                                              entry(OSSL_FUNC_CIPHER_DECRYPT_INIT, &start<false>),
                                              entry(OSSL_FUNC_CIPHER_UPDATE, &update),
                                              entry(OSSL_FUNC_CIPHER_FINAL, &finish),
                                              entry(OSSL_FUNC_CIPHER_CIPHER, &whole),
                                              entry(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, &get),
                                              entry(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, &set)};
  for (; usual->function_id != 0; ++usual) {
    const int id = usual->function_id;
    if (id == OSSL_FUNC_CIPHER_GET_PARAMS || id == OSSL_FUNC_CIPHER_GETTABLE_PARAMS) functions.push_back(*usual);
  }
  functions.push_back({0, nullptr});
  return functions.data();
}

}  // namespace

void show_lean_record_ciphers(std::vector<OSSL_ALGORITHM>& ciphers) {
  if (is_switched_off(kLeanRecordsLever) || aes128_gcm() == nullptr || aes256_gcm() == nullptr) return;
  for (OSSL_ALGORITHM& shown : ciphers) {
    const std::string_view name = first_name(shown);
    if (name == "AES-128-GCM") shown.implementation = functions_beside<&aes128_gcm>(shown.implementation);
    if (name == "AES-256-GCM") shown.implementation = functions_beside<&aes256_gcm>(shown.implementation);
  }
}

#else

void show_lean_record_ciphers(std::vector<OSSL_ALGORITHM>&) {}

#endif  // __x86_64__

}  // namespace portcullis::crypto::internal
