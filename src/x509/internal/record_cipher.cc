#include "x509/internal/record_cipher.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/lever.h"
#include "x509/internal/owned.h"

#if defined(__x86_64__)
// The header wants to be told that its structures shall be aligned as its code needs them.
#define LINUX
#include <intel-ipsec-mb.h>
#undef LINUX
#endif

namespace portcullis::x509::internal {

namespace {

constexpr std::size_t kNonce = 12, kTag = 16;
constexpr std::size_t kFixed = 4, kExplicit = 8;  // TLS 1.2: the nonce's parts (RFC 5288 §3)
constexpr std::size_t kTls12Header = EVP_AEAD_TLS1_AAD_LEN;
constexpr std::size_t kMostAad = 16, kMostKey = 32;
// A record's content with its type, padding and expansion: RFC 8446 §5.2, RFC 5246 §6.2.3.
constexpr std::size_t kMostContent = (1 << 14) + 2048;

#if defined(__x86_64__)

// The library's functions for one size of key.
struct Aes {
  std::size_t key_size = 0;
  aes_gcm_pre_t expand = nullptr;
  aes_gcm_init_t begin = nullptr;
  aes_gcm_enc_dec_update_t encrypt = nullptr, decrypt = nullptr;
  aes_gcm_enc_dec_finalize_t end_encrypt = nullptr, end_decrypt = nullptr;
};

struct Library {
  bool usable = false;
  Aes aes128, aes256;

  Library() {
    IMB_MGR* const all = alloc_mb_mgr(0);  // for as long as the process lives
    if (all == nullptr) return;
    init_mb_mgr_auto(all, nullptr);
    constexpr std::uint64_t kNeeded =
        IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2 | IMB_FEATURE_SELF_TEST_PASS;
    usable = imb_get_errno(all) == 0 && (all->features & kNeeded) == kNeeded;
    aes128 = {16,
              all->gcm128_pre,
              all->gcm128_init,
              all->gcm128_enc_update,
              all->gcm128_dec_update,
              all->gcm128_enc_finalize,
              all->gcm128_dec_finalize};
    aes256 = {32,
              all->gcm256_pre,
              all->gcm256_init,
              all->gcm256_enc_update,
              all->gcm256_dec_update,
              all->gcm256_enc_finalize,
              all->gcm256_dec_finalize};
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

// One direction of one connection. A nonce serves for one record: what comes after its end or a failure is refused
// until the next.
struct Cipher {
  enum class State : std::uint8_t { kNoNonce, kNonce, kContent };

  gcm_context_data record;
  const Aes* aes = nullptr;
  std::uint64_t serial = 0;  // of its key; 0: none
  std::array<unsigned char, kMostKey> key;
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
  void take_key(const unsigned char* bytes);
  void take_nonce(const unsigned char* bytes);
  void begin(const gcm_key_data& expanded);
};

// The expanded keys of what a thread sealed and opened last. One is 1 KB and made in 0.1 µs; a connection at rest keeps
// only what it is made from.
class ExpandedKeys {
 public:
  ExpandedKeys() = default;
  ExpandedKeys(const ExpandedKeys&) = delete;
  ExpandedKeys& operator=(const ExpandedKeys&) = delete;
  ~ExpandedKeys() { OPENSSL_cleanse(slots_.data(), sizeof slots_); }

  // Valid until the next call.
  const gcm_key_data& of(const Cipher& cipher) {
    Slot& slot = slot_of(cipher);
    if (slot.serial != cipher.serial) {
      cipher.aes->expand(cipher.key.data(), &slot.key);
      slot.serial = cipher.serial;
    }
    return slot.key;
  }
  void forget(const Cipher& cipher) {
    Slot& slot = slot_of(cipher);
    if (cipher.serial != 0 && slot.serial == cipher.serial) OPENSSL_cleanse(&slot, sizeof slot);
  }

 private:
  struct Slot {
    gcm_key_data key;
    std::uint64_t serial = 0;  // of the cipher's key; 0: empty
  };
  Slot& slot_of(const Cipher& cipher) { return slots_[cipher.serial % slots_.size()]; }

  std::array<Slot, 128> slots_;
};

thread_local bool thread_ends = false;

// Null where the thread ends and its own are gone: what is freed as late as that has nothing there any more.
ExpandedKeys* expanded_keys() {
  struct Owner {
    std::unique_ptr<ExpandedKeys> keys = std::make_unique<ExpandedKeys>();
    ~Owner() { thread_ends = true; }
  };
  if (thread_ends) return nullptr;
  thread_local const Owner owner;
  return owner.keys.get();
}

void forget_expanded(const Cipher& cipher) {
  if (ExpandedKeys* const keys = expanded_keys(); keys != nullptr) keys->forget(cipher);
}

void Cipher::take_key(const unsigned char* bytes) {
  static std::atomic<std::uint64_t> keys{0};
  forget_expanded(*this);
  std::copy_n(bytes, aes->key_size, key.begin());
  serial = ++keys;
  tls12_nonce = false;
}

void Cipher::begin(const gcm_key_data& expanded) {
  aes->begin(&expanded, &record, nonce.data(), aad.data(), aad_size);
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
  ExpandedKeys* const keys = expanded_keys();
  if (keys == nullptr || serial == 0 || state == State::kNoNonce || size > kMostContent - content) return false;
  const gcm_key_data& expanded = keys->of(*this);
  if (state == State::kNonce) begin(expanded);
  content += static_cast<std::uint32_t>(size);
  (encrypts ? aes->encrypt : aes->decrypt)(&expanded, &record, out, in, size);
  return true;
}

bool Cipher::finish() {
  const State reached = std::exchange(state, State::kNoNonce);
  ExpandedKeys* const keys = expanded_keys();
  if (keys == nullptr || serial == 0 || reached == State::kNoNonce || !(encrypts || has_tag)) return false;
  const gcm_key_data& expanded = keys->of(*this);
  if (reached == State::kNonce) begin(expanded);
  state = State::kNoNonce;
  if (encrypts) {
    aes->end_encrypt(&expanded, &record, tag.data(), kTag);
    return has_tag = true;
  }
  has_tag = false;
  std::array<unsigned char, kTag> expected;
  aes->end_decrypt(&expanded, &record, expected.data(), kTag);
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

template <const Aes Library::*aes>
void* make(void*) {
  auto* const made = new (std::nothrow) Cipher;
  if (made != nullptr) made->aes = &(library().*aes);
  return made;
}

void unmake(void* context) {
  if (context == nullptr) return;
  Cipher* const made = &cipher_of(context);
  forget_expanded(*made);
  OPENSSL_cleanse(made, sizeof *made);
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
              size == (name == OSSL_CIPHER_PARAM_KEYLEN ? cipher.aes->key_size : kNonce);
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
      given = OSSL_PARAM_set_size_t(at, cipher.aes->key_size);
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
  cipher.encrypts = encrypts;
  if (nonce != nullptr) {
    if (nonce_size != kNonce) return 0;
    cipher.take_nonce(nonce);
  }
  if (key != nullptr) {
    if (key_size != cipher.aes->key_size) return 0;
    cipher.take_key(key);
  }
  return set(context, parameters);
}

int update(void* context, unsigned char* out, std::size_t* out_size, std::size_t room, const unsigned char* in,
           std::size_t size) {
  Cipher& cipher = cipher_of(context);
  *out_size = 0;
  if (cipher.tls12_record) return out != in || room < size ? 0 : cipher.whole_tls12_record(out, size, out_size);
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

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

// What does not concern one record (mode, sizes, flags) the default provider's cipher says.
template <const Aes Library::*aes>
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

#endif  // __x86_64__

}  // namespace

#if defined(__x86_64__)

void show_lean_record_ciphers(std::vector<OSSL_ALGORITHM>& ciphers) {
  if (is_switched_off(kLeanRecordsLever) || !library().usable) return;
  for (OSSL_ALGORITHM& shown : ciphers) {
    const std::string_view names = shown.algorithm_names == nullptr ? "" : shown.algorithm_names;
    const std::string_view name = names.substr(0, names.find(':'));
    if (name == "AES-128-GCM") shown.implementation = functions_beside<&Library::aes128>(shown.implementation);
    if (name == "AES-256-GCM") shown.implementation = functions_beside<&Library::aes256>(shown.implementation);
  }
}

#else

void show_lean_record_ciphers(std::vector<OSSL_ALGORITHM>&) {}

#endif

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
           EVP_CipherFinal_ex(context.get(), bytes + size, &rest) == 1 &&
           static_cast<std::size_t>(size + rest) == content;
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
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_TLS1_AAD, kTls12Header, header.data()) == kTag &&
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

}  // namespace portcullis::x509::internal
