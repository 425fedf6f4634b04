#include "crypto/internal/key_schedule.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/strings.h"
#include "crypto/owned.h"
#include "crypto/test_library.h"
#include "crypto/tls_library.h"

namespace portcullis::crypto {
namespace {

// What a derivation is asked for; an absent part is not given at all.
struct Asked {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const char* digest = "SHA2-256";
  std::size_t size = 32;
  std::optional<std::string> key, salt, label, data;
};

// The bytes derived, or nothing where it is refused.
std::optional<std::string> derive(OSSL_LIB_CTX* library, Asked asked) {
  const ErrorQueueGuard errors;
  const Owned<EVP_KDF, EVP_KDF_free> algorithm(EVP_KDF_fetch(library, OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
  const Owned<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(algorithm.get()));
  EXPECT_NE(context, nullptr);
  std::string prefix = "tls13 ";
  std::vector<OSSL_PARAM> parameters{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &asked.mode)};
  const auto add = [&](const char* name, std::string& bytes) {
    parameters.push_back(OSSL_PARAM_construct_octet_string(name, bytes.data(), bytes.size()));
  };
  if (asked.digest != nullptr) {
    parameters.push_back(OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(asked.digest), 0));
  }
  add(OSSL_KDF_PARAM_PREFIX, prefix);
  if (asked.key) add(OSSL_KDF_PARAM_KEY, *asked.key);
  if (asked.salt) add(OSSL_KDF_PARAM_SALT, *asked.salt);
  if (asked.label) add(OSSL_KDF_PARAM_LABEL, *asked.label);
  if (asked.data) add(OSSL_KDF_PARAM_DATA, *asked.data);
  parameters.push_back(OSSL_PARAM_construct_end());
  std::string out(asked.size, '\0');
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_KDF_derive(context.get(), bytes, out.size(), parameters.data()) != 1) return std::nullopt;
  return out;
}

class KeySchedule : public testing::Test {
 protected:
  void SetUp() override {
    if (tls_library() == nullptr) GTEST_SKIP() << tls_library_state();
    if (internal::lean_key_schedule() == nullptr) GTEST_SKIP() << "switched off";
  }
  // Both refuse, or both derive the same.
  static void expect_alike(const Asked& asked) { EXPECT_EQ(derive(tls_library(), asked), derive(nullptr, asked)); }
};

TEST_F(KeySchedule, StandsInTheContextOfTlsAlone) {
  const auto description = [](OSSL_LIB_CTX* library) {
    const Owned<EVP_KDF, EVP_KDF_free> algorithm(EVP_KDF_fetch(library, OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
    const char* text = EVP_KDF_get0_description(algorithm.get());
    return std::string(text == nullptr ? "" : text);
  };
  EXPECT_EQ(description(tls_library()), "TLS 1.3's key schedule for SHA-256 and SHA-384");
  EXPECT_NE(description(nullptr), description(tls_library()));
}

// RFC 8448 §3: the early secret without a PSK, what it derives, and the handshake secret under the shared secret.
TEST_F(KeySchedule, GivesWhatRfc8448Shows) {
  const auto early = derive(tls_library(), {.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .label = "derived"});
  EXPECT_EQ(hex_lower(early.value_or("")), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  std::string shared;
  for (const int byte :
       {0x8b, 0xd4, 0x05, 0x4f, 0xb5, 0x5b, 0x9d, 0x63, 0xfd, 0xfb, 0xac, 0xf9, 0xf0, 0x4b, 0x9f, 0x0d,
        0x35, 0xe6, 0xd6, 0x3f, 0x53, 0x75, 0x63, 0xef, 0xd4, 0x62, 0x72, 0x90, 0x0f, 0x89, 0x49, 0x2d}) {
    shared += static_cast<char>(byte);
  }
  const auto handshake =
      derive(tls_library(), {.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .key = shared, .salt = early, .label = "derived"});
  EXPECT_EQ(hex_lower(handshake.value_or("")), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
}

TEST_F(KeySchedule, DerivesAsOpenSslDoesWhateverIsAsked) {
  std::mt19937 random(8446);
  const auto bytes = [&](std::size_t limit) {
    std::string out(random() % limit, '\0');
    for (char& byte : out) byte = static_cast<char>(random());
    return out;
  };
  const auto perhaps = [&](std::size_t limit) -> std::optional<std::string> {
    if (random() % 4 == 0) return std::nullopt;
    return bytes(limit) + "x";  // OpenSSL tells an empty part from an absent one here and there; libssl gives none
  };
  for (int round = 0; round < 3000; ++round) {
    Asked asked;
    const bool big = random() % 2 == 0;
    asked.digest = big ? "SHA2-384" : "SHA2-256";
    asked.mode = random() % 2 == 0 ? EVP_KDF_HKDF_MODE_EXTRACT_ONLY : EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    asked.size = random() % 3 == 0 ? 1 + random() % 600 : (big ? 48 : 32);
    asked.key = perhaps(200);
    asked.salt = perhaps(200);
    asked.label = bytes(30) + "l";
    asked.data = perhaps(63);
    expect_alike(asked);
  }
}

TEST_F(KeySchedule, RefusesWhatTls13DoesNotHave) {
  const Asked good{.key = std::string(32, 'k'), .label = "key", .data = std::string(32, 'd')};
  ASSERT_TRUE(derive(tls_library(), good));
  const auto refused = [&](auto change) {
    Asked asked = good;
    change(asked);
    return !derive(tls_library(), asked).has_value() && !derive(nullptr, asked).has_value();
  };
  EXPECT_TRUE(refused([](Asked& asked) { asked.digest = nullptr; }));
  EXPECT_TRUE(refused([](Asked& asked) { asked.digest = "no such digest"; }));
  EXPECT_TRUE(refused([](Asked& asked) { asked.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND; }));
  EXPECT_TRUE(refused([](Asked& asked) { asked.key.reset(); }));
  EXPECT_TRUE(refused([](Asked& asked) { asked.label = std::string(250, 'l'); }));
  EXPECT_TRUE(refused([](Asked& asked) { asked.size = 255 * 32 + 1; }));
  EXPECT_TRUE(refused([](Asked& asked) {
    asked.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    asked.size = 31;
  }));
  // Not of TLS 1.3, whatever OpenSSL's own would do.
  Asked other = good;
  other.digest = "SHA2-512";
  EXPECT_FALSE(derive(tls_library(), other));
}

TEST_F(KeySchedule, TheSelfTestSeesAnotherDerivation) {
  EXPECT_TRUE(internal::derives_alike(tls_library()));
  const EmptyLibrary empty;
  EXPECT_FALSE(internal::derives_alike(empty.get()));
}

}  // namespace
}  // namespace portcullis::crypto
