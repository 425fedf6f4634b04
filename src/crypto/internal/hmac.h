// HMAC (RFC 2104) with SHA-256 and SHA-384, the hash functions of TLS 1.3's suites, over OpenSSL's own. A file that
// includes this defines OPENSSL_SUPPRESS_DEPRECATED first: OpenSSL 3.0 deprecates its plain hash functions in favour of
// those that search for their parts by name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace portcullis::crypto::internal {

using Bytes = std::basic_string_view<unsigned char>;

struct Sha256 {
  using Context = SHA256_CTX;
  static constexpr std::size_t kSize = SHA256_DIGEST_LENGTH, kBlock = SHA256_CBLOCK;
  static bool start(Context& context) { return SHA256_Init(&context) == 1; }
  static bool add(Context& context, Bytes bytes) { return SHA256_Update(&context, bytes.data(), bytes.size()) == 1; }
  static bool finish(Context& context, unsigned char* out) { return SHA256_Final(out, &context) == 1; }
};

struct Sha384 {
  using Context = SHA512_CTX;
  static constexpr std::size_t kSize = SHA384_DIGEST_LENGTH, kBlock = SHA512_CBLOCK;
  static bool start(Context& context) { return SHA384_Init(&context) == 1; }
  static bool add(Context& context, Bytes bytes) { return SHA384_Update(&context, bytes.data(), bytes.size()) == 1; }
  static bool finish(Context& context, unsigned char* out) { return SHA384_Final(out, &context) == 1; }
};

// The hash function of this name, as libssl calls it.
inline bool is_sha256(std::string_view name) { return name == "SHA2-256" || name == "SHA256"; }
inline bool is_sha384(std::string_view name) { return name == "SHA2-384" || name == "SHA384"; }

// Memory for secrets, wiped when it goes.
template <std::size_t size>
struct Secret {
  std::array<unsigned char, size> bytes{};
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes.data(), size); }
  Bytes view() const { return {bytes.data(), size}; }
};

template <typename Hash>
bool digest(Bytes bytes, unsigned char* out) {
  typename Hash::Context context;
  const bool done = Hash::start(context) && Hash::add(context, bytes) && Hash::finish(context, out);
  OPENSSL_cleanse(&context, sizeof context);
  return done;
}

// The key is wiped when it goes.
template <typename Hash>
class Hmac {
 public:
  Hmac() = default;
  Hmac(const Hmac&) = default;
  Hmac& operator=(const Hmac&) = default;
  ~Hmac() {
    OPENSSL_cleanse(&hash_, sizeof hash_);
    OPENSSL_cleanse(pad_.data(), pad_.size());
  }

  bool start(Bytes key) {
    pad_.fill(0);
    if (key.size() > Hash::kBlock) {
      if (!digest<Hash>(key, pad_.data())) return false;
    } else {
      std::copy(key.begin(), key.end(), pad_.begin());
    }
    flip(0x5c);
    return restart();
  }
  // Another message under the same key.
  bool restart() {
    flip(0x5c ^ 0x36);
    const bool started = Hash::start(hash_) && Hash::add(hash_, {pad_.data(), Hash::kBlock});
    flip(0x36 ^ 0x5c);
    return started;
  }
  bool add(Bytes bytes) { return Hash::add(hash_, bytes); }
  // Hash::kSize bytes. Nothing can be added any more.
  bool finish(unsigned char* out) {
    Secret<Hash::kSize> inner;
    return Hash::finish(hash_, inner.bytes.data()) && Hash::start(hash_) &&
           Hash::add(hash_, {pad_.data(), Hash::kBlock}) && Hash::add(hash_, inner.view()) && Hash::finish(hash_, out);
  }

 private:
  void flip(unsigned char bits) {
    for (unsigned char& byte : pad_) byte ^= bits;
  }

  typename Hash::Context hash_;
  std::array<unsigned char, Hash::kBlock> pad_;  // the key's outer one
};

}  // namespace portcullis::crypto::internal
