#include "x509/with_key.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "crypto/tls_library.h"
#include "x509/internal/owned.h"
#include "x509/test_pki.h"
#include "x509/trust_anchors.h"

namespace portcullis::x509 {
namespace {

using internal::ErrorQueueGuard;
using internal::OwnedKey;
using internal::OwnedX509;

OwnedX509 parse(std::string_view der, OSSL_LIB_CTX* context) {
  const ErrorQueueGuard errors;
  X509* parsed = X509_new_ex(context, nullptr);
  const unsigned char* cursor = internal::bytes_of(der);
  if (d2i_X509(&parsed, &cursor, static_cast<long>(der.size())) == nullptr) parsed = nullptr;
  return OwnedX509(parsed);
}

// As TLS reads what a client presents.
std::optional<Certificate> keyless(std::string_view der) {
  OwnedX509 parsed = parse(der, crypto::tls_library());
  if (parsed == nullptr) return std::nullopt;
  return Certificate::from_native(parsed.release(), false);
}

// What checks of a path ask a key.
struct Facts {
  bool there = false;
  int id = 0, security_bits = 0, bits = 0, explicit_curve = -1;
  std::string group;
  bool operator==(const Facts&) const = default;
};

Facts facts(const Certificate& certificate) {
  const ErrorQueueGuard errors;
  Facts out;
  EVP_PKEY* key = X509_get0_pubkey(certificate.native());
  if (key == nullptr) return out;
  out.there = true;
  out.id = EVP_PKEY_get_base_id(key);
  out.security_bits = EVP_PKEY_get_security_bits(key);
  out.bits = EVP_PKEY_get_bits(key);
  EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &out.explicit_curve);
  char group[64] = {};
  if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1) out.group = group;
  return out;
}

// Reads `der` both ways; true where they agree in everything.
bool alike(std::string_view der) {
  const ErrorQueueGuard errors;
  const OwnedX509 usual = parse(der, nullptr);
  const auto bare = keyless(der);
  if ((usual != nullptr) != bare.has_value()) return false;
  if (!bare) return true;
  const Certificate expected = Certificate::from_native(usual.get(), true);
  const Certificate found = with_key(*bare);
  if (facts(found) != facts(expected) || found.der() != expected.der()) return false;
  EVP_PKEY* const key = X509_get0_pubkey(expected.native());
  return key == nullptr || EVP_PKEY_eq(key, X509_get0_pubkey(found.native())) == 1;
}

OwnedKey rsa_pss_key() {
  const internal::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  CHECK(EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048) == 1);
  CHECK(EVP_PKEY_generate(context.get(), &key) == 1);
  return OwnedKey(key);
}

// P-256 with its curve spelt out in the key.
OwnedKey explicit_curve_key() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  CHECK(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit") == 1);
  return OwnedKey(key);
}

// A certificate of each kind of key that a client may come with, and of some that it should not.
std::vector<Certificate> samples() {
  TestPki pki;
  const Issued root = pki.root("Root");
  std::vector<Certificate> out{root.certificate};
  for (const TestKey kind : {TestKey::kP256, TestKey::kP384, TestKey::kRsa1024, TestKey::kRsa2048, TestKey::kEd25519}) {
    out.push_back(pki.leaf("leaf", root, {.key = kind, .eku = "clientAuth"}).certificate);
  }
  for (const char* curve : {"P-224", "P-521", "secp256k1", "brainpoolP256r1", "prime192v1"}) {
    const OwnedKey key(EVP_EC_gen(curve));
    CHECK(key != nullptr);
    out.push_back(pki.leaf(curve, root, {.public_key = key.get()}).certificate);
  }
  const OwnedKey ed448(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
  const OwnedKey pss = rsa_pss_key();
  const OwnedKey spelt_out = explicit_curve_key();
  for (const OwnedKey* key : {&ed448, &pss, &spelt_out}) {
    out.push_back(pki.leaf("odd", root, {.public_key = key->get()}).certificate);
  }
  return out;
}

// Every certificate of the PKITS cases, in DER; empty where they are absent.
std::set<std::string> pkits() {
  const char* given = std::getenv("PORTCULLIS_SHARED");
  const auto beside = std::filesystem::path(__FILE__).parent_path() / "../../../shared";
  const auto shared = given != nullptr ? std::filesystem::path(given) : beside;
  std::ifstream file(shared / "data/pkits/cases.json");
  std::stringstream all;
  all << file.rdbuf();
  std::string text = all.str();
  for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at)) text.replace(at, 2, "\n");
  std::set<std::string> found;
  for (std::size_t at = text.find("-----BEGIN CERTIFICATE"); at != std::string::npos;
       at = text.find("-----BEGIN CERTIFICATE", at + 1)) {
    const std::string block = text.substr(at, text.find("-----END", at) - at) + "-----END CERTIFICATE-----\n";
    const internal::OwnedBio one(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    CHECK(PEM_read_bio(one.get(), &name, &header, &bytes, &size) == 1);
    found.emplace(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
  }
  return found;
}

TEST(WithKey, AreOnUnlessSwitchedOffOrNewer) {
  const char* wish = std::getenv("PORTCULLIS_LEAN_KEYS");
  if (wish != nullptr) {
    EXPECT_EQ(crypto::tls_library_state(), "switched off");
    EXPECT_EQ(crypto::tls_library(), nullptr);
  } else if (OpenSSL_version_num() < 0x30200000L) {
    EXPECT_EQ(crypto::tls_library_state(), "on");
    EXPECT_NE(crypto::tls_library(), nullptr);
  }
}

TEST(WithKey, AreNotDecodedBeforeSomebodyAsks) {
  if (crypto::tls_library() == nullptr) GTEST_SKIP() << crypto::tls_library_state();
  const ErrorQueueGuard errors;
  TestPki pki;
  const auto bare = keyless(pki.root("Root").certificate.der());
  ASSERT_TRUE(bare);
  EXPECT_EQ(X509_get0_pubkey(bare->native()), nullptr);
  EXPECT_NE(X509_get0_pubkey(with_key(*bare).native()), nullptr);
  // What has its key is not read again.
  const Certificate whole = with_key(*bare);
  EXPECT_EQ(with_key(whole).native(), whole.native());
}

TEST(WithKey, EveryKindIsDecodedAsOpenSslDoes) {
  for (const Certificate& sample : samples()) {
    EXPECT_TRUE(facts(sample).there);
    EXPECT_TRUE(alike(sample.der())) << facts(sample).group << facts(sample).id;
  }
}

TEST(WithKey, EveryPkitsCertificateIsDecodedAsOpenSslDoes) {
  const auto corpus = pkits();
  if (corpus.empty()) GTEST_SKIP() << "../shared/data/pkits is absent";
  EXPECT_GT(corpus.size(), 200U);
  for (const std::string& der : corpus) EXPECT_TRUE(alike(der));
}

// One byte of the key's encoding wrong, at every place and in three ways: what cannot be read stays unread, and what
// can be read is the same key.
TEST(WithKey, MalformedKeysAreTakenAsOpenSslTakesThem) {
  for (const Certificate& sample : samples()) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sample.native()), &encoded);
    ASSERT_GT(size, 0);
    const std::string spki(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(size));
    OPENSSL_free(encoded);
    const std::string der = sample.der();
    const std::size_t at = der.find(spki);
    ASSERT_NE(at, std::string::npos);
    for (std::size_t i = 0; i < spki.size(); ++i) {
      // The head of the encoding wholly, of the long number behind it a part.
      if (i > 96 && i % 16 != 0) continue;
      for (const int change : {0x01, 0x80, 0xff}) {
        std::string wrong = der;
        wrong[at + i] = static_cast<char>(wrong[at + i] ^ change);
        ASSERT_TRUE(alike(wrong)) << facts(sample).group << " byte " << i << " ^ " << change;
      }
    }
  }
}

TEST(WithKey, PathsAreJudgedAlike) {
  const WallTime now = kTestNotBefore + std::chrono::hours(24 * 365 * 7);
  TestPki pki;
  for (const TestKey above : {TestKey::kP256, TestKey::kRsa2048, TestKey::kRsa1024, TestKey::kEd25519}) {
    const Issued root = pki.root("Root", {.key = above});
    const Issued ca = pki.intermediate("CA", root, {.key = above});
    auto file = parse_trusted_ca_file(root.pem(), now);
    ASSERT_TRUE(file);
    const std::vector<TrustedCaFile> files{*file};
    const auto anchors = TrustAnchors::build(files);
    ASSERT_TRUE(anchors);
    for (const TestKey below :
         {TestKey::kP256, TestKey::kP384, TestKey::kRsa1024, TestKey::kRsa2048, TestKey::kEd25519}) {
      const Issued leaf = pki.leaf("client", ca, {.key = below, .eku = "clientAuth"});
      const OwnedKey odd = explicit_curve_key();
      const Issued spelt_out = pki.leaf("odd", ca, {.eku = "clientAuth", .public_key = odd.get()});
      for (const Issued* one : {&leaf, &spelt_out}) {
        const CertificateList usual{one->certificate, ca.certificate};
        const CertificateList lean{with_key(*keyless(one->certificate.der())),
                                   with_key(*keyless(ca.certificate.der()))};
        const PathVerdict expected = (*anchors)->verify_client_chain(usual, now, {});
        const PathVerdict found = (*anchors)->verify_client_chain(lean, now, {});
        EXPECT_EQ(found.ok, expected.ok);
        EXPECT_EQ(found.reason_code, expected.reason_code);
        EXPECT_EQ(found.error, expected.error);
        EXPECT_EQ(found.errors.size(), expected.errors.size());
      }
    }
  }
}

TEST(WithKey, AreDecodedByManyThreadsAtOnce) {
  const auto kinds = samples();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        for (const Certificate& sample : kinds) wrong += alike(sample.der()) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace portcullis::x509
