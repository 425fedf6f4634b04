#include "crypto/internal/key_exchange.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/internal/agreement.h"
#include "crypto/tls_library.h"

namespace portcullis::crypto {
namespace {

using internal::agreed;
using internal::blank;
using internal::generated;
using internal::open_part;
using internal::peer;
using Bytes = internal::KeyBytes;
using OwnedContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

// 2^255 - 19 + more, in 32 bytes, the lowest first.
Bytes prime_and(unsigned char more) {
  Bytes out(32, '\xff');
  out.front() = static_cast<unsigned char>(0xed + more);
  out.back() = 0x7f;
  return out;
}
Bytes small(unsigned char number) {
  Bytes out(32, '\0');
  out.front() = number;
  return out;
}

class KeyExchange : public testing::Test {
 protected:
  void SetUp() override {
    if (tls_library_state() != "on") GTEST_SKIP() << "lean keys: " << tls_library_state();
    if (internal::lean_key_exchange() == nullptr) GTEST_SKIP() << "switched off";
  }
  const ErrorQueueGuard errors;
  OSSL_LIB_CTX* const lean = tls_library();
};

TEST_F(KeyExchange, PassesItsSelfTest) { EXPECT_TRUE(internal::agrees_alike(lean)); }

TEST_F(KeyExchange, AgreesWithOpenSsl) {
  Bytes last;
  for (int i = 0; i < 500; ++i) {
    const OwnedKey own = generated(lean), other = generated(nullptr);
    Bytes theirs = open_part(other.get());
    const Bytes ours = open_part(own.get());
    ASSERT_EQ(ours.size(), 32U);
    ASSERT_NE(ours, last);
    last = ours;
    const Bytes secret = agreed(lean, own.get(), theirs);
    ASSERT_EQ(secret.size(), 32U);
    ASSERT_EQ(agreed(nullptr, other.get(), ours), secret);
    theirs.back() ^= 0x80;  // RFC 7748 §5: masked
    ASSERT_EQ(agreed(lean, own.get(), theirs), secret);
  }
}

TEST_F(KeyExchange, TakesNumbersThatAreNotReducedAsOpenSslDoes) {
  const OwnedKey own = generated(lean), usual = generated(nullptr);
  for (unsigned char more = 2; more <= 18; ++more) {
    const Bytes secret = agreed(lean, own.get(), small(more));
    EXPECT_EQ(secret.empty(), agreed(nullptr, usual.get(), small(more)).empty());
    EXPECT_EQ(agreed(lean, own.get(), prime_and(more)), secret) << int{more};
    EXPECT_EQ(agreed(nullptr, usual.get(), prime_and(more)), agreed(nullptr, usual.get(), small(more)));
  }
}

// The points of small order, and what else stands for them (https://cr.yp.to/ecdh.html, "Which points are weak?").
TEST_F(KeyExchange, RefusesPointsOfSmallOrder) {
  const Bytes eight_a = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
  const Bytes eight_b = {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
                         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
                         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57};
  Bytes below = prime_and(0);
  --below.front();
  const OwnedKey own = generated(lean), usual = generated(nullptr);
  for (Bytes point : {small(0), small(1), eight_a, eight_b, below, prime_and(0), prime_and(1)}) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(agreed(lean, own.get(), point).empty());
      EXPECT_TRUE(agreed(nullptr, usual.get(), point).empty());
      point.back() |= 0x80;
    }
  }
}

TEST_F(KeyExchange, RefusesWhatIsNoKey) {
  const OwnedKey own = generated(lean), half = peer(lean, open_part(generated(lean).get())), none = blank(lean);
  for (const std::size_t size : {0, 1, 31, 33, 64}) EXPECT_EQ(peer(lean, Bytes(size, '\1')), nullptr) << size;
  EXPECT_TRUE(agreed(lean, own.get(), none.get()).empty()) << "a peer without a key";
  EXPECT_TRUE(agreed(lean, half.get(), own.get()).empty()) << "the secret is not ours";
  EXPECT_EQ(generated(lean, "X448"), nullptr);
  EXPECT_NE(generated(lean, "x25519"), nullptr);
  const OwnedContext alone(EVP_PKEY_CTX_new_from_pkey(lean, own.get(), nullptr));
  Bytes secret(32, '\0');
  std::size_t size = secret.size();
  EXPECT_EQ(EVP_PKEY_derive_init(alone.get()), 1);
  EXPECT_NE(EVP_PKEY_derive(alone.get(), secret.data(), &size), 1) << "with nobody";
  EXPECT_EQ(EVP_PKEY_derive_set_peer(alone.get(), half.get()), 1);
  size = 31;
  EXPECT_NE(EVP_PKEY_derive(alone.get(), secret.data(), &size), 1) << "without room";
}

TEST_F(KeyExchange, ASecretThatIsOverwrittenByAPeersKeyIsGone) {
  const OwnedKey own = generated(lean), other = generated(lean);
  const Bytes bytes = open_part(other.get());
  ASSERT_EQ(EVP_PKEY_set1_encoded_public_key(own.get(), bytes.data(), bytes.size()), 1);
  EXPECT_TRUE(agreed(lean, own.get(), other.get()).empty());
  EXPECT_EQ(EVP_PKEY_eq(own.get(), other.get()), 1);
}

// As libssl fills in a client's key in TLS 1.2.
TEST_F(KeyExchange, PassesItsParametersOn) {
  const OwnedKey own = generated(lean), other = generated(nullptr), copy(EVP_PKEY_new());
  ASSERT_EQ(EVP_PKEY_copy_parameters(copy.get(), own.get()), 1);
  EXPECT_EQ(open_part(copy.get()).size(), 0U) << "not the key with them";
  const Bytes theirs = open_part(other.get());
  ASSERT_EQ(EVP_PKEY_set1_encoded_public_key(copy.get(), theirs.data(), theirs.size()), 1);
  EXPECT_EQ(agreed(lean, own.get(), copy.get()), agreed(nullptr, other.get(), open_part(own.get())));
}

TEST_F(KeyExchange, SaysWhatOpenSslSaysOfIt) {
  const OwnedKey own = generated(lean), usual = generated(nullptr);
  EXPECT_EQ(EVP_PKEY_get_bits(own.get()), EVP_PKEY_get_bits(usual.get()));
  EXPECT_EQ(EVP_PKEY_get_security_bits(own.get()), EVP_PKEY_get_security_bits(usual.get()));
  EXPECT_EQ(EVP_PKEY_get_size(own.get()), EVP_PKEY_get_size(usual.get()));
  EXPECT_EQ(EVP_PKEY_get_id(own.get()), EVP_PKEY_get_id(usual.get()));
  EXPECT_EQ(EVP_PKEY_is_a(own.get(), "X25519"), 1);
}

TEST_F(KeyExchange, OutlivesWhomItWasTakenFrom) {
  OwnedKey own = generated(lean), other = generated(lean);
  const Bytes expected = agreed(lean, own.get(), other.get());
  const OwnedContext context(EVP_PKEY_CTX_new_from_pkey(lean, own.get(), nullptr));
  ASSERT_EQ(EVP_PKEY_derive_init(context.get()), 1);
  ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), other.get()), 1);
  own.reset();
  other.reset();
  Bytes secret(32, '\0');
  std::size_t size = secret.size();
  ASSERT_EQ(EVP_PKEY_derive(context.get(), secret.data(), &size), 1);
  EXPECT_EQ(secret, expected);
}

TEST_F(KeyExchange, ManyThreadsAgreeAtOnce) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 50; ++i) {
        const OwnedKey one = generated(lean), other = generated(lean);
        EXPECT_EQ(agreed(lean, one.get(), other.get()), agreed(lean, other.get(), open_part(one.get())));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace portcullis::crypto
