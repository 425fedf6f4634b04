#include "crypto/internal/lean_mac.h"

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/strings.h"
#include "crypto/owned.h"
#include "crypto/test_library.h"
#include "crypto/tls_library.h"

namespace portcullis::crypto {
namespace {

using MacContext = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;

MacContext new_context(OSSL_LIB_CTX* library) {
  const Owned<EVP_MAC, EVP_MAC_free> algorithm(EVP_MAC_fetch(library, "HMAC", nullptr));
  return MacContext(EVP_MAC_CTX_new(algorithm.get()));
}

bool set_digest(const MacContext& context, std::string digest) {
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                   OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(context.get(), parameters) == 1;
}

bool set_key(const MacContext& context, std::string key) {
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
                                   OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(context.get(), parameters) == 1;
}

bool start(const MacContext& context, std::string_view key) {
  return EVP_MAC_init(context.get(), bytes_of(key), key.size(), nullptr) == 1;
}

bool add(const MacContext& context, std::string_view bytes) {
  return EVP_MAC_update(context.get(), bytes_of(bytes), bytes.size()) == 1;
}

std::optional<std::string> finish(const MacContext& context, std::size_t room = EVP_MAX_MD_SIZE) {
  std::string out(room, '\0');
  std::size_t size = 0;
  if (EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, room) != 1) return std::nullopt;
  out.resize(size);
  return out;
}

// Of a message in these pieces.
std::optional<std::string> mac(OSSL_LIB_CTX* library, const char* digest, std::string_view key,
                               const std::vector<std::string>& pieces) {
  const MacContext context = new_context(library);
  if (!set_digest(context, digest) || !start(context, key)) return std::nullopt;
  for (const std::string& piece : pieces) {
    if (!add(context, piece)) return std::nullopt;
  }
  return finish(context);
}

class LeanMac : public testing::Test {
 protected:
  void SetUp() override {
    if (tls_library() == nullptr) GTEST_SKIP() << tls_library_state();
    if (internal::lean_mac() == nullptr) GTEST_SKIP() << "switched off";
  }
  // A context of ours with a key.
  static MacContext keyed(const char* digest = "SHA256", std::string_view key = "key") {
    MacContext context = new_context(tls_library());
    EXPECT_TRUE(set_digest(context, digest) && start(context, key));
    return context;
  }
  static std::optional<std::string> usual(std::string_view message, const char* digest = "SHA256") {
    return mac(nullptr, digest, "key", {std::string(message)});
  }
};

TEST_F(LeanMac, StandsInTheContextOfTlsAlone) {
  const auto description = [](OSSL_LIB_CTX* library) {
    const Owned<EVP_MAC, EVP_MAC_free> algorithm(EVP_MAC_fetch(library, "HMAC", nullptr));
    const char* text = EVP_MAC_get0_description(algorithm.get());
    return std::string(text == nullptr ? "" : text);
  };
  EXPECT_EQ(description(tls_library()), "HMAC, with SHA-256 and SHA-384 without a search");
  EXPECT_NE(description(nullptr), description(tls_library()));
}

TEST_F(LeanMac, AnswersAsRfc4231Does) {
  const std::string key(20, '\x0b'), long_key(131, '\xaa');
  const std::string first = "Hi There", sixth = "Test Using Larger Than Block-Size Key - Hash Key First";
  OSSL_LIB_CTX* const library = tls_library();
  EXPECT_EQ(hex_lower(*mac(library, "SHA256", key, {first})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_lower(*mac(library, "SHA384", key, {first})),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(hex_lower(*mac(library, "SHA256", long_key, {sixth})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex_lower(*mac(library, "SHA384", long_key, {sixth})),
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
}

TEST_F(LeanMac, AnswersAsOpenSslDoesWhateverKeyMessageAndHashFunction) {
  std::mt19937 random(1);
  const auto text = [&](std::size_t most) {
    std::string out(random() % (most + 1), '\0');
    for (char& byte : out) byte = static_cast<char>(random());
    return out;
  };
  for (int i = 0; i < 600; ++i) {
    const char* const digests[] = {"SHA256", "SHA2-256", "SHA384", "SHA2-384", "SHA1", "SHA512"};
    const char* const digest = digests[random() % std::size(digests)];
    const std::string key = "k" + text(300);
    std::vector<std::string> pieces(random() % 4);
    for (std::string& piece : pieces) piece = text(400);
    const auto expected = mac(nullptr, digest, key, pieces);
    ASSERT_TRUE(expected);
    ASSERT_EQ(mac(tls_library(), digest, key, pieces), expected) << i << " " << digest;
  }
}

// As libssl's ticket callback is to set it (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
TEST_F(LeanMac, TakesItsKeyAsAParameter) {
  const MacContext context = new_context(tls_library());
  ASSERT_TRUE(set_digest(context, "SHA256") && set_key(context, "key") && add(context, "message"));
  EXPECT_EQ(finish(context), usual("message"));
}

TEST_F(LeanMac, BeginsAnewUnderTheSameKey) {
  const MacContext context = keyed();
  ASSERT_TRUE(add(context, "something else") && EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1);
  ASSERT_TRUE(add(context, "message"));
  EXPECT_EQ(finish(context), usual("message"));
  ASSERT_TRUE(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1 && add(context, "another"));
  EXPECT_EQ(finish(context), usual("another"));
}

TEST_F(LeanMac, IsCopiedInTheMiddleOfAMessage) {
  for (const char* digest : {"SHA256", "SHA384", "SHA1"}) {
    const MacContext context = keyed(digest);
    ASSERT_TRUE(add(context, "mess"));
    const MacContext copy(EVP_MAC_CTX_dup(context.get()));
    ASSERT_NE(copy, nullptr);
    ASSERT_TRUE(add(context, "age") && add(copy, "iah"));
    EXPECT_EQ(finish(context), usual("message", digest)) << digest;
    EXPECT_EQ(finish(copy), usual("messiah", digest)) << digest;
  }
}

TEST_F(LeanMac, TellsItsSizes) {
  for (const char* digest : {"SHA256", "SHA384", "SHA1"}) {
    const MacContext ours = keyed(digest), theirs = new_context(nullptr);
    ASSERT_TRUE(set_digest(theirs, digest) && start(theirs, "key"));
    EXPECT_EQ(EVP_MAC_CTX_get_mac_size(ours.get()), EVP_MAC_CTX_get_mac_size(theirs.get())) << digest;
    EXPECT_EQ(EVP_MAC_CTX_get_block_size(ours.get()), EVP_MAC_CTX_get_block_size(theirs.get())) << digest;
    EXPECT_FALSE(finish(ours, EVP_MAC_CTX_get_mac_size(ours.get()) - 1)) << digest;
  }
  const ErrorQueueGuard errors;
  EXPECT_EQ(EVP_MAC_CTX_get_mac_size(new_context(tls_library()).get()), 0U);
}

TEST_F(LeanMac, AnotherHashFunctionWantsAnotherKey) {
  const MacContext context = keyed("SHA256");
  ASSERT_TRUE(set_digest(context, "SHA384"));
  EXPECT_FALSE(add(context, "message"));
  ASSERT_TRUE(start(context, "key") && add(context, "message"));
  EXPECT_EQ(finish(context), usual("message", "SHA384"));
}

TEST_F(LeanMac, RefusesWhatItCannotDo) {
  const ErrorQueueGuard errors;
  const MacContext bare = new_context(tls_library());
  EXPECT_FALSE(start(bare, "key")) << "no hash function";
  EXPECT_FALSE(set_key(bare, "key")) << "no hash function";
  EXPECT_FALSE(add(bare, "message"));
  ASSERT_TRUE(set_digest(bare, "SHA256"));
  EXPECT_FALSE(add(bare, "message")) << "no key";
  EXPECT_NE(EVP_MAC_init(bare.get(), nullptr, 0, nullptr), 1) << "no key";
  EXPECT_FALSE(set_digest(new_context(tls_library()), "no such function"));
  const MacContext used = keyed();
  EXPECT_FALSE(set_digest(used, "SHA1")) << "its key is in use";
  ASSERT_TRUE(add(used, "message"));
  EXPECT_EQ(finish(used), usual("message"));
}

TEST_F(LeanMac, TheSelfTestSeesAnotherMac) {
  EXPECT_TRUE(internal::authenticates_alike(tls_library()));
  const EmptyLibrary empty;
  EXPECT_FALSE(internal::authenticates_alike(empty.get()));
}

}  // namespace
}  // namespace portcullis::crypto
