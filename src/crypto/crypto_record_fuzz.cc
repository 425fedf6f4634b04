// Any bytes as a record that a client sends, in TLS 1.2 and 1.3: the cipher of the context of TLS takes and refuses
// what OpenSSL's own does, leaves the same content, and seals what OpenSSL's own opens.
#include <cstdlib>
#include <string>

#include <openssl/evp.h>

#include "crypto/internal/record_cipher.h"
#include "crypto/tls_library.h"

namespace {

using namespace portcullis::crypto;
using Bytes = std::basic_string<unsigned char>;
using internal::kTag;

void must(bool right) {
  if (!right) std::abort();
}

// One direction with a key of the fuzzer's choice of size.
class Direction {
 public:
  Direction(OSSL_LIB_CTX* library, bool long_key, bool seals) : seals_(seals ? 1 : 0) {
    const Owned<EVP_CIPHER, EVP_CIPHER_free> cipher(
        EVP_CIPHER_fetch(library, long_key ? "AES-256-GCM" : "AES-128-GCM", nullptr));
    must(EVP_CipherInit_ex2(context_.get(), cipher.get(), kFixedBytes, nullptr, seals_, nullptr) == 1);
  }

  // `bytes`: content and room for the tag, or its tag. Whether it went through.
  bool tls13(const Bytes& header, Bytes& bytes) {
    const int content = static_cast<int>(bytes.size() - kTag);
    unsigned char* const tag = bytes.data() + content;
    int size = 0;
    bool done = EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, kFixedBytes, seals_) == 1;
    if (seals_ == 0) done = done && EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag) == 1;
    done =
        done && EVP_CipherUpdate(context_.get(), nullptr, &size, header.data(), static_cast<int>(header.size())) == 1;
    done = done && EVP_CipherUpdate(context_.get(), bytes.data(), &size, bytes.data(), content) == 1;
    done = done && EVP_CipherFinal_ex(context_.get(), tag, &size) == 1;
    if (seals_ != 0) done = done && EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTag, tag) == 1;
    return done;
  }

  // What EVP_Cipher() says, -1 where the header is refused.
  int tls12(Bytes header, Bytes& bytes) {
    unsigned char fixed[internal::kFixed] = {1, 2, 3, 4};
    must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_IV_FIXED, sizeof fixed, fixed) == 1);
    if (EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_TLS1_AAD, static_cast<int>(header.size()), header.data()) <=
        0)
      return -1;
    return EVP_Cipher(context_.get(), bytes.data(), bytes.data(), static_cast<unsigned>(bytes.size()));
  }

 private:
  static constexpr unsigned char kFixedBytes[] = "keys and nonces of thirty-two bytes";
  const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context_{EVP_CIPHER_CTX_new()};
  const int seals_;
};

void check_tls13(bool long_key, const Bytes& header, const Bytes& bytes) {
  if (bytes.size() <= kTag || bytes.size() > (1 << 14)) return;
  Bytes ours = bytes, usual = bytes;
  const bool taken = Direction(tls_library(), long_key, false).tls13(header, ours);
  must(taken == Direction(nullptr, long_key, false).tls13(header, usual) && ours == usual);
  must(Direction(tls_library(), long_key, true).tls13(header, ours = bytes));
  must(Direction(nullptr, long_key, true).tls13(header, usual = bytes) && ours == usual);
  must(Direction(tls_library(), long_key, false).tls13(header, ours));
  must(ours.compare(0, bytes.size() - kTag, bytes, 0, bytes.size() - kTag) == 0);
}

void check_tls12(bool long_key, const Bytes& header, const Bytes& bytes) {
  if (bytes.empty() || bytes.size() > (1 << 14)) return;
  Bytes ours = bytes, usual = bytes;
  const int taken = Direction(tls_library(), long_key, false).tls12(header, ours);
  must(taken == Direction(nullptr, long_key, false).tls12(header, usual) && ours == usual);
  // The explicit part of a sealed record's nonce is random: OpenSSL opens it.
  ours = bytes;
  if (Direction(tls_library(), long_key, true).tls12(header, ours) <= 0) return;
  must(ours.size() == bytes.size());
  Bytes opening = header;
  const std::size_t length = static_cast<std::size_t>(header[11] << 8 | header[12]) + kTag;
  if (length > 0xffff) return;
  opening[11] = static_cast<unsigned char>(length >> 8);
  opening[12] = static_cast<unsigned char>(length);
  must(Direction(nullptr, long_key, false).tls12(opening, ours) > 0);
  const std::size_t content = bytes.size() - internal::kExplicit - kTag;
  must(ours.compare(internal::kExplicit, content, bytes, internal::kExplicit, content) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (tls_library() == nullptr) return 0;
  const ErrorQueueGuard errors;
  const Bytes all(data, size);
  if (all.size() <= 1 + internal::kTls12Header) return 0;
  const bool long_key = (all[0] & 1) != 0;
  if ((all[0] & 2) != 0) {
    check_tls12(long_key, all.substr(1, internal::kTls12Header), all.substr(1 + internal::kTls12Header));
  } else {
    check_tls13(long_key, all.substr(1, 5), all.substr(6));
  }
  return 0;
}
