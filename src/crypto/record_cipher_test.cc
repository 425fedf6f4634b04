#include "crypto/internal/record_cipher.h"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/strings.h"
#include "crypto/owned.h"
#include "crypto/tls_library.h"

namespace portcullis::crypto {
namespace {

using Bytes = std::basic_string<unsigned char>;

constexpr int kTag = 16;

// One direction, asked as EVP asks.
class Direction {
 public:
  Direction(OSSL_LIB_CTX* library, const Bytes& key, bool seals) : seals_(seals) {
    const char* const name = key.size() == 16 ? "AES-128-GCM" : "AES-256-GCM";
    const Owned<EVP_CIPHER, EVP_CIPHER_free> cipher(EVP_CIPHER_fetch(library, name, nullptr));
    EXPECT_EQ(EVP_CipherInit_ex2(context_.get(), cipher.get(), key.data(), nullptr, seals ? 1 : 0, nullptr), 1);
  }
  bool nonce(const Bytes& nonce) {
    return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1;
  }
  bool rekey(const Bytes& key) {
    return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, key.data(), nullptr, -1) == 1;
  }
  bool turn(bool seals) {
    seals_ = seals;
    return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nullptr, seals ? 1 : 0) == 1;
  }
  bool aad(const Bytes& bytes) {
    int size = 0;
    return EVP_CipherUpdate(context_.get(), nullptr, &size, bytes.data(), static_cast<int>(bytes.size())) == 1;
  }
  bool content(Bytes& bytes, std::size_t from, std::size_t count) {
    int size = 0;
    unsigned char* const at = bytes.data() + from;
    return EVP_CipherUpdate(context_.get(), at, &size, at, static_cast<int>(count)) == 1 &&
           size == static_cast<int>(count);
  }
  bool end() {
    int size = 0;
    unsigned char none[16];
    return EVP_CipherFinal_ex(context_.get(), none, &size) == 1 && size == 0;
  }
  bool control(int what, Bytes& bytes) {
    return EVP_CIPHER_CTX_ctrl(context_.get(), what, static_cast<int>(bytes.size()), bytes.data()) > 0;
  }
  bool parameter(const char* name, std::size_t value) {
    const OSSL_PARAM asked[] = {OSSL_PARAM_construct_size_t(name, &value), OSSL_PARAM_construct_end()};
    return EVP_CIPHER_CTX_set_params(context_.get(), asked) == 1;
  }

  // A whole record of TLS 1.3: the content with its tag behind it, or the content; empty where it is refused.
  Bytes record(const Bytes& iv, const Bytes& header, Bytes bytes) {
    Bytes tag(kTag, '\0');
    if (!seals_) {
      tag = bytes.substr(bytes.size() - kTag);
      bytes.resize(bytes.size() - kTag);
    }
    bool done = nonce(iv) && (seals_ || control(EVP_CTRL_AEAD_SET_TAG, tag)) && aad(header) &&
                content(bytes, 0, bytes.size()) && end();
    if (seals_) done = done && control(EVP_CTRL_AEAD_GET_TAG, tag);
    if (!done) return {};
    return seals_ ? bytes + tag : bytes;
  }
  // One of TLS 1.2, from its explicit nonce to its tag; empty where it is refused.
  Bytes tls12(const Bytes& header, Bytes& bytes) {
    Bytes copy = header;
    if (EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_TLS1_AAD, 13, copy.data()) != kTag) return {};
    const int size = EVP_Cipher(context_.get(), bytes.data(), bytes.data(), static_cast<unsigned int>(bytes.size()));
    return size > 0 ? bytes : Bytes();
  }
  Direction copied() const {
    Direction made;
    made.seals_ = seals_;
    EXPECT_EQ(EVP_CIPHER_CTX_copy(made.context_.get(), context_.get()), 1);
    return made;
  }

 private:
  Direction() = default;
  Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context_{EVP_CIPHER_CTX_new()};
  bool seals_ = true;
};

Bytes tls12_header(std::size_t content, bool seals) {
  Bytes header(13, 'h');
  const std::size_t length = 8 + content + (seals ? 0 : kTag);
  header[11] = static_cast<unsigned char>(length >> 8);
  header[12] = static_cast<unsigned char>(length);
  return header;
}

class RecordCipher : public testing::Test {
 protected:
  void SetUp() override {
    if (tls_library_state() != "on") GTEST_SKIP() << "lean keys: " << tls_library_state();
    // OpenSSL's own takes a nonce of any length.
    if (Direction(lean, key, true).parameter(OSSL_CIPHER_PARAM_AEAD_IVLEN, 16))
      GTEST_SKIP() << "switched off, or this CPU is too old";
  }
  Bytes random(std::size_t size) {
    Bytes out(size, '\0');
    for (unsigned char& byte : out) byte = static_cast<unsigned char>(generator());
    return out;
  }
  std::size_t below(std::size_t limit) { return generator() % limit; }

  const ErrorQueueGuard errors;
  OSSL_LIB_CTX* const lean = tls_library();
  std::mt19937 generator{20261129};
  const Bytes key = Bytes(16, 'k'), nonce = Bytes(12, 'n'), header = Bytes(5, 'h');
};

TEST_F(RecordCipher, PassesItsSelfTest) { EXPECT_TRUE(internal::seals_alike(lean)); }

TEST_F(RecordCipher, SealsAsNistDoes) {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 3.
  const auto bytes = [](std::string_view hex) {
    Bytes out;
    for (std::size_t at = 0; at < hex.size(); at += 2)
      out.push_back(static_cast<unsigned char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
    return out;
  };
  Direction seal(lean, bytes("feffe9928665731c6d6a8f9467308308"), true);
  Bytes content = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba637b391aafd255");
  Bytes tag(kTag, '\0');
  ASSERT_TRUE(seal.nonce(bytes("cafebabefacedbaddecaf888")) && seal.content(content, 0, content.size()) && seal.end());
  ASSERT_TRUE(seal.control(EVP_CTRL_AEAD_GET_TAG, tag));
  EXPECT_EQ(content, bytes("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac8"
                           "4aa051ba30b396a0aac973d58e091473f5985"));
  EXPECT_EQ(tag, bytes("4d5c2af327cd64a62cf35abd2ba6fab4"));
}

TEST_F(RecordCipher, SealsAndOpensWhatOpenSslDoes) {
  for (int i = 0; i < 2'000; ++i) {
    const Bytes secret = random(below(2) == 0 ? 16 : 32), iv = random(12), head = random(1 + below(16));
    const Bytes content = random(1 + (below(10) == 0 ? below(16'384) : below(600)));
    const Bytes expected = Direction(nullptr, secret, true).record(iv, head, content);
    ASSERT_EQ(expected.size(), content.size() + kTag);
    ASSERT_EQ(Direction(lean, secret, true).record(iv, head, content), expected);
    ASSERT_EQ(Direction(lean, secret, false).record(iv, head, expected), content);
    Bytes forged = expected;
    forged[below(forged.size())] ^= static_cast<unsigned char>(1 << below(8));
    ASSERT_TRUE(Direction(lean, secret, false).record(iv, head, forged).empty());
    Bytes other = head;
    other[below(other.size())] ^= 1;
    ASSERT_TRUE(Direction(lean, secret, false).record(iv, other, expected).empty());
  }
}

TEST_F(RecordCipher, TakesARecordInPieces) {
  for (int i = 0; i < 300; ++i) {
    const Bytes content = random(1 + below(2'000));
    const Bytes whole = Direction(nullptr, key, true).record(nonce, header, content);
    Direction seal(lean, key, true);
    Bytes pieces = content, tag(kTag, '\0');
    ASSERT_TRUE(seal.nonce(nonce) && seal.aad(header.substr(0, 2)) && seal.aad(header.substr(2)));
    for (std::size_t at = 0; at < pieces.size();) {
      const std::size_t count = std::min(pieces.size() - at, 1 + below(100));
      ASSERT_TRUE(seal.content(pieces, at, count));
      at += count;
    }
    ASSERT_TRUE(seal.end() && seal.control(EVP_CTRL_AEAD_GET_TAG, tag));
    ASSERT_EQ(pieces + tag, whole);
  }
}

TEST_F(RecordCipher, HasTagsForRecordsWithoutContent) {
  Bytes tag(kTag, '\0'), expected(kTag, '\0');
  for (const auto& [library, out] :
       {std::pair{lean, &tag}, std::pair{static_cast<OSSL_LIB_CTX*>(nullptr), &expected}}) {
    Direction seal(library, key, true);
    ASSERT_TRUE(seal.nonce(nonce) && seal.aad(header) && seal.end() && seal.control(EVP_CTRL_AEAD_GET_TAG, *out));
  }
  EXPECT_EQ(tag, expected);
}

TEST_F(RecordCipher, SpeaksTls12WithOpenSsl) {
  for (int i = 0; i < 400; ++i) {
    const Bytes secret = random(below(2) == 0 ? 16 : 32), content = random(1 + below(i % 20 == 0 ? 16'384 : 300));
    for (const auto& [from, to] : {std::pair<OSSL_LIB_CTX*, OSSL_LIB_CTX*>{lean, nullptr}, {nullptr, lean}}) {
      Direction seal(from, secret, true), open(to, secret, false);
      Bytes fixed(4, 'f');
      ASSERT_TRUE(seal.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed) && open.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed));
      Bytes bytes = Bytes(8, '\0') + content + Bytes(kTag, '\0');
      ASSERT_FALSE(seal.tls12(tls12_header(content.size(), true), bytes).empty());
      Bytes forged = bytes;
      ASSERT_FALSE(open.tls12(tls12_header(content.size(), false), bytes).empty());
      ASSERT_EQ(bytes.substr(8, content.size()), content);
      forged[below(forged.size())] ^= 1;
      ASSERT_TRUE(open.tls12(tls12_header(content.size(), false), forged).empty());
      ASSERT_EQ(forged.substr(8, content.size()), Bytes(content.size(), '\0')) << "what is forged is not left readable";
    }
  }
}

TEST_F(RecordCipher, NeverUsesAnExplicitNonceOfTls12Twice) {
  Direction seal(lean, key, true);
  Bytes fixed(4, 'f');
  ASSERT_TRUE(seal.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed));
  std::set<Bytes> seen;
  for (int i = 0; i < 70'000; ++i) {
    Bytes bytes(8 + 1 + kTag, '\0');
    ASSERT_FALSE(seal.tls12(tls12_header(1, true), bytes).empty());
    ASSERT_TRUE(seen.insert(bytes.substr(0, 8)).second);
  }
}

TEST_F(RecordCipher, RefusesWhatTlsDoesNotAsk) {
  Bytes one(1, 'c'), tag(kTag, 't'), short_tag(12, 't'), fixed(4, 'f');
  Direction seal(lean, key, true);
  EXPECT_FALSE(seal.parameter(OSSL_CIPHER_PARAM_AEAD_IVLEN, 8));
  EXPECT_TRUE(seal.parameter(OSSL_CIPHER_PARAM_AEAD_IVLEN, 12));
  EXPECT_FALSE(seal.content(one, 0, 1)) << "without a nonce";
  EXPECT_FALSE(seal.control(EVP_CTRL_AEAD_SET_TAG, tag)) << "where it is made";
  EXPECT_FALSE(seal.control(EVP_CTRL_AEAD_GET_TAG, tag)) << "before it is made";
  EXPECT_FALSE(Direction(lean, key, true).control(EVP_CTRL_GCM_IV_GEN, tag));
  EXPECT_TRUE(seal.nonce(nonce));
  EXPECT_FALSE(seal.aad(Bytes(17, 'h')));
  EXPECT_TRUE(seal.nonce(nonce) && seal.content(one, 0, 1));
  EXPECT_FALSE(seal.aad(header)) << "behind content";
  EXPECT_FALSE(seal.end()) << "after an error";
  EXPECT_TRUE(seal.nonce(nonce) && seal.content(one, 0, 1) && seal.end());
  EXPECT_FALSE(seal.control(EVP_CTRL_AEAD_GET_TAG, short_tag));
  EXPECT_TRUE(seal.control(EVP_CTRL_AEAD_GET_TAG, tag));
  EXPECT_FALSE(seal.content(one, 0, 1)) << "a second record under one nonce";
  EXPECT_FALSE(seal.end());
  Bytes long_content(18'500, 'c');
  EXPECT_TRUE(seal.nonce(nonce));
  EXPECT_FALSE(seal.content(long_content, 0, long_content.size())) << "longer than any record";

  Direction open(lean, key, false);
  EXPECT_TRUE(open.nonce(nonce) && open.content(one, 0, 1));
  EXPECT_FALSE(open.end()) << "without a tag to compare with";
  EXPECT_FALSE(open.control(EVP_CTRL_AEAD_SET_TAG, short_tag));
  EXPECT_FALSE(open.control(EVP_CTRL_AEAD_GET_TAG, tag));

  Bytes header12 = tls12_header(1, true), record(8 + 1 + kTag, '\0'), nothing(8 + kTag - 1, '\0');
  EXPECT_TRUE(Direction(lean, key, true).tls12(header12, record).empty()) << "without a fixed nonce";
  Direction seal12(lean, key, true);
  EXPECT_TRUE(seal12.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed));
  EXPECT_TRUE(seal12.tls12(header12, nothing).empty());
  EXPECT_TRUE(seal12.control(EVP_CTRL_AEAD_TLS1_AAD, header12));
  EXPECT_FALSE(seal12.end()) << "a header alone";
  EXPECT_TRUE(seal12.rekey(Bytes(16, 'o')) && seal12.nonce(nonce) && seal12.content(one, 0, 1) && seal12.end())
      << "a header of the old key's is forgotten";
  EXPECT_TRUE(seal12.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed));
  EXPECT_FALSE(seal12.tls12(header12, record).empty());
  header12[11] = header12[12] = 0;
  EXPECT_TRUE(seal12.tls12(header12, record).empty()) << "a length without an explicit nonce";
}

TEST_F(RecordCipher, ManyConnectionsTakeTurns) {
  struct Connection {
    std::unique_ptr<Direction> seal;
    Bytes secret, content, sealed;
  };
  // More than a thread keeps expanded keys of, each in the middle of its record when others have theirs.
  std::vector<Connection> all(300);
  for (Connection& one : all) {
    one.secret = random(below(2) == 0 ? 16 : 32);
    one.sealed = one.content = random(200);
    one.seal = std::make_unique<Direction>(lean, one.secret, true);
    ASSERT_TRUE(one.seal->nonce(nonce) && one.seal->aad(header));
  }
  for (std::size_t at = 0; at < 200; at += 50) {
    for (Connection& one : all) ASSERT_TRUE(one.seal->content(one.sealed, at, 50));
  }
  for (Connection& one : all) {
    Bytes tag(kTag, '\0');
    ASSERT_TRUE(one.seal->end() && one.seal->control(EVP_CTRL_AEAD_GET_TAG, tag));
    ASSERT_EQ(one.sealed + tag, Direction(nullptr, one.secret, true).record(nonce, header, one.content));
  }
}

TEST_F(RecordCipher, GoesOnInACopy) {
  Direction seal(lean, key, true);
  Bytes content(300, 'c'), first = content, second = content, tag(kTag, '\0'), same(kTag, '\0');
  ASSERT_TRUE(seal.nonce(nonce) && seal.aad(header) && seal.content(first, 0, 100));
  Direction copy = seal.copied();
  ASSERT_TRUE(seal.content(first, 100, 200) && seal.end() && seal.control(EVP_CTRL_AEAD_GET_TAG, tag));
  ASSERT_TRUE(copy.content(second, 100, 200) && copy.end() && copy.control(EVP_CTRL_AEAD_GET_TAG, same));
  EXPECT_EQ(tag, same);
  EXPECT_EQ(first.substr(100), second.substr(100));
}

TEST_F(RecordCipher, TakesANewKey) {
  const Bytes content(100, 'c'), other(16, 'o');
  Direction seal(lean, key, true);
  EXPECT_EQ(seal.record(nonce, header, content), Direction(nullptr, key, true).record(nonce, header, content));
  ASSERT_TRUE(seal.rekey(other));
  EXPECT_EQ(seal.record(nonce, header, content), Direction(nullptr, other, true).record(nonce, header, content));
}

TEST_F(RecordCipher, TakesNothingOverFromTheOtherDirection) {
  Direction one(lean, key, true);
  const Bytes sealed = one.record(nonce, header, Bytes(10, 'c'));
  Bytes content = sealed.substr(0, 10), fixed(4, 'f'), record(8 + 1 + kTag, '\0');
  ASSERT_TRUE(one.control(EVP_CTRL_GCM_SET_IV_FIXED, fixed) && one.turn(false));
  ASSERT_TRUE(one.nonce(nonce) && one.aad(header) && one.content(content, 0, 10));
  EXPECT_FALSE(one.end()) << "the tag that was made is not the one to compare with";
  EXPECT_TRUE(one.tls12(tls12_header(1, false), record).empty());
  EXPECT_EQ(one.record(nonce, header, sealed), Bytes(10, 'c'));
}

TEST_F(RecordCipher, MovesBetweenThreads) {
  const Bytes content(100, 'c');
  const Bytes expected = Direction(nullptr, key, true).record(nonce, header, content);
  auto seal = std::make_unique<Direction>(lean, key, true);
  for (int i = 0; i < 8; ++i) {
    std::thread([&] { EXPECT_EQ(seal->record(nonce, header, content), expected); }).join();
  }
  std::thread([&] { seal.reset(); }).join();
}

TEST(RecordCipherAtTheEnd, IsFreedAfterItsThreadHasEnded) {
  std::thread([] {
    // Made before the thread's expanded keys, hence freed after them.
    thread_local std::unique_ptr<Direction> late;
    if (tls_library() == nullptr) return;
    late = std::make_unique<Direction>(tls_library(), Bytes(16, 'k'), true);
    EXPECT_FALSE(late->record(Bytes(12, 'n'), Bytes(5, 'h'), Bytes(10, 'c')).empty());
  }).join();
}

}  // namespace
}  // namespace portcullis::crypto
