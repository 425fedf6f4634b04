#include "x509/key_pair.h"

#include <gtest/gtest.h>
#include <openssl/pkcs7.h>
#include <openssl/provider.h>

#include "base/base64.h"
#include "x509/internal/owned.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

struct Family {
  TestPki pki;
  Issued root = pki.root("Root");
  Issued upper = pki.intermediate("Upper", root);
  Issued lower = pki.intermediate("Lower", upper);
  Issued server = pki.server(lower);
};

void expect_sorted(const ServerKeyPair& pair, const Family& family) {
  EXPECT_TRUE(pair.leaf == family.server.certificate);
  ASSERT_EQ(pair.chain.size(), 2U);
  EXPECT_TRUE(pair.chain[0] == family.lower.certificate);
  EXPECT_TRUE(pair.chain[1] == family.upper.certificate);
  ASSERT_EQ(pair.issuers.size(), 3U);
  EXPECT_TRUE(pair.issuers[2] == family.root.certificate);
  EXPECT_EQ(X509_check_private_key(pair.leaf.native(), pair.key.native()), 1);
}

TEST(LoadPfx, ModernFileComesOutSorted) {
  Family family;
  for (const std::string password : {"secret", "", "p\xC3\xA4ss"}) {
    const auto pair = load_pfx(family.server.pfx(password), password);
    ASSERT_TRUE(pair) << pair.error().message;
    expect_sorted(*pair, family);
  }
}

TEST(LoadPfx, Rc2AndTripleDesOfOldWindowsOpen) {
  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  OSSL_PROVIDER* legacy = OSSL_PROVIDER_load(library, "legacy");
  OSSL_PROVIDER* standard = OSSL_PROVIDER_load(library, "default");
  ASSERT_NE(legacy, nullptr);
  ASSERT_NE(standard, nullptr);
  Family family;
  const std::string pfx =
      family.server.pfx("secret", NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC, library);
  const auto pair = load_pfx(pfx, "secret");
  ASSERT_TRUE(pair) << pair.error().message;
  expect_sorted(*pair, family);
  // The key works in the default library, where connections sign with it.
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char signature[256];
  std::size_t size = sizeof signature;
  EXPECT_EQ(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, pair->key.native()), 1);
  EXPECT_EQ(EVP_DigestSign(context, signature, &size, signature, 0), 1);
  EVP_MD_CTX_free(context);
  const auto refused = load_pfx(pfx, "Secret");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, kPasswordIncorrect);
  OSSL_PROVIDER_unload(legacy);
  OSSL_PROVIDER_unload(standard);
  OSSL_LIB_CTX_free(library);
}

TEST(LoadPfx, WrongPasswordHasAzuresCodeAndIsNotRepeated) {
  Family family;
  const std::string pfx = family.server.pfx("correct-horse");
  for (const std::string password : {"hunter2", "", "correct-horse ", "Correct-horse"}) {
    const auto pair = load_pfx(pfx, password);
    ASSERT_FALSE(pair);
    EXPECT_EQ(pair.error().code, "ApplicationGatewaySslCertificatePasswordIncorrect");
    EXPECT_EQ(pair.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(LoadPfx, DamagedFilesAreRefused) {
  Family family;
  const std::string pfx = family.server.pfx("secret");
  EXPECT_EQ(load_pfx("", "secret").error().code, "key_pair.malformed");
  EXPECT_EQ(load_pfx(pfx.substr(0, pfx.size() / 2), "secret").error().code, "key_pair.malformed");
  EXPECT_EQ(load_pfx(pfx + "x", "secret").error().code, "key_pair.malformed");
  EXPECT_EQ(load_pfx(std::string((1U << 20) + 1, '0'), "secret").error().code, "key_pair.too_large");
  // Any flipped byte is caught by the MAC or by the parser.
  for (std::size_t at = 60; at < pfx.size(); at += 97) {
    std::string bent = pfx;
    bent[at] = static_cast<char>(bent[at] ^ 0x20);
    EXPECT_FALSE(load_pfx(bent, "secret")) << at;
  }
}

std::string pfx_with_rounds(const Issued& server, int bag_rounds, int mac_rounds) {
  PKCS12* pkcs12 = PKCS12_create("secret", "test", server.key.native(), server.certificate.native(), nullptr, 0, 0,
                                 bag_rounds, 1, 0);
  if (mac_rounds > 1) {
    // As a hostile file would: the count is changed and the MAC not computed again.
    const ASN1_INTEGER* count = nullptr;
    PKCS12_set_mac(pkcs12, "secret", -1, nullptr, 0, 2, nullptr);
    PKCS12_get0_mac(nullptr, nullptr, nullptr, &count, pkcs12);
    ASN1_INTEGER_set(const_cast<ASN1_INTEGER*>(count), mac_rounds);
  }
  unsigned char* der = nullptr;
  const int size = i2d_PKCS12(pkcs12, &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  PKCS12_free(pkcs12);
  return bytes;
}

TEST(LoadPfx, RunawayKeyDerivationIsNotRun) {
  Family family;
  ASSERT_TRUE(load_pfx(pfx_with_rounds(family.server, 1000, 1), "secret"));
  EXPECT_EQ(load_pfx(pfx_with_rounds(family.server, 1000, 2'000'000'000), "secret").error().code,
            "key_pair.too_costly");
}

TEST(LoadPfx, WithoutKeyOrCertificateIsRefused) {
  Family family;
  const auto make = [](EVP_PKEY* key, X509* certificate) {
    PKCS12* pkcs12 = PKCS12_create("secret", "test", key, certificate, nullptr, 0, 0, 0, 0, 0);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS12(pkcs12, &der);
    std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    PKCS12_free(pkcs12);
    return bytes;
  };
  EXPECT_EQ(load_pfx(make(nullptr, family.server.certificate.native()), "secret").error().code, "key_pair.no_key");
  EXPECT_EQ(load_pfx(make(family.server.key.native(), nullptr), "secret").error().code, "key_pair.no_certificate");
}

TEST(LoadPemBundle, AnyOrderIsSorted) {
  Family family;
  for (const std::string& text :
       {family.server.pem() + family.lower.pem() + family.upper.pem() + family.root.pem() + family.server.key_pem(),
        family.root.pem() + family.upper.pem() + family.server.key_pem() + family.lower.pem() + family.server.pem()}) {
    const auto pair = load_pem_bundle(text);
    ASSERT_TRUE(pair) << pair.error().message;
    expect_sorted(*pair, family);
  }
}

TEST(LoadPemBundle, UnrelatedCertificatesAreLeftOut) {
  Family family;
  const Issued stranger = family.pki.root("Stranger");
  const auto pair =
      load_pem_bundle(family.server.key_pem() + stranger.pem() + family.server.pem() + family.lower.pem());
  ASSERT_TRUE(pair);
  ASSERT_EQ(pair->chain.size(), 1U);
  EXPECT_TRUE(pair->chain[0] == family.lower.certificate);
}

TEST(LoadPemBundle, BrokenPairsAreRefused) {
  Family family;
  const Issued other = family.pki.server(family.lower);
  struct Case {
    std::string text;
    std::string_view code;
  };
  for (const Case& c :
       {Case{family.server.pem(), "key_pair.no_key"}, Case{family.server.key_pem(), "key_pair.no_certificate"},
        Case{family.server.pem() + other.key_pem(), "key_pair.key_mismatch"},
        Case{family.server.pem() + family.server.key_pem() + other.key_pem(), "key_pair.several_keys"},
        Case{family.server.pem() + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
             "key_pair.malformed"},
        Case{family.server.pem() + "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
             "key_pair.unsupported"}}) {
    const auto pair = load_pem_bundle(c.text);
    ASSERT_FALSE(pair) << c.code;
    EXPECT_EQ(pair.error().code, c.code);
  }
}

std::string encrypted_key_pem(const Issued& issued, bool traditional) {
  const internal::OwnedBio bio(BIO_new(BIO_s_mem()));
  const auto* secret = reinterpret_cast<const unsigned char*>("secret");
  const int done = traditional ? PEM_write_bio_PrivateKey_traditional(bio.get(), issued.key.native(), EVP_aes_128_cbc(),
                                                                      secret, 6, nullptr, nullptr)
                               : PEM_write_bio_PKCS8PrivateKey(bio.get(), issued.key.native(), EVP_aes_256_cbc(),
                                                               "secret", 6, nullptr, nullptr);
  EXPECT_EQ(done, 1);
  return internal::contents(bio.get());
}

TEST(LoadPemBundle, EncryptedKeysNeedTheirPassword) {
  Family family;
  for (const bool traditional : {false, true}) {
    const std::string text = family.server.pem() + encrypted_key_pem(family.server, traditional);
    EXPECT_TRUE(load_pem_bundle(text, "secret"));
    for (const std::string password : {"", "wrong"}) {
      const auto pair = load_pem_bundle(text, password);
      ASSERT_FALSE(pair);
      EXPECT_EQ(pair.error().code, kPasswordIncorrect);
    }
  }
}

TEST(LoadKeyPair, FormIsSniffed) {
  Family family;
  EXPECT_TRUE(load_key_pair(family.server.pfx("secret"), "secret"));
  EXPECT_TRUE(load_key_pair(family.server.pem() + family.server.key_pem(), ""));
  EXPECT_TRUE(load_key_pair(base64_encode(family.server.pfx("secret")) + "\n", "secret"));
  EXPECT_TRUE(load_key_pair(base64_encode(family.server.pem() + family.server.key_pem()), ""));
  for (const char* nothing : {"", "AAAA", "not base64!"}) {
    const auto pair = load_key_pair(nothing, "");
    ASSERT_FALSE(pair) << nothing;
    EXPECT_EQ(pair.error().code, "key_pair.malformed") << nothing;
  }
}

TEST(ServerKeyPair, SelfSignedLeafSendsNoChain) {
  TestPki pki;
  const Issued self = pki.self_signed_leaf("localhost", {.eku = "serverAuth"});
  const auto pair = load_pem_bundle(self.pem() + self.key_pem());
  ASSERT_TRUE(pair);
  EXPECT_TRUE(pair->chain.empty());
}

TEST(ServerKeyPair, PublicCertDataIsAPkcs7OfTheChainAndNoKey) {
  Family family;
  const auto pair = load_pfx(family.server.pfx("secret"), "secret");
  ASSERT_TRUE(pair);
  const std::string data = pair->public_cert_data();
  EXPECT_TRUE(data.starts_with("MII")) << data;
  const auto der = base64_decode(data);
  ASSERT_TRUE(der);
  const unsigned char* cursor = internal::bytes_of(*der);
  const internal::Owned<PKCS7, PKCS7_free> bundle(d2i_PKCS7(nullptr, &cursor, static_cast<long>(der->size())));
  ASSERT_NE(bundle, nullptr);
  ASSERT_TRUE(PKCS7_type_is_signed(bundle.get()));
  ASSERT_EQ(sk_X509_num(bundle->d.sign->cert), 4);
  EXPECT_EQ(X509_cmp(sk_X509_value(bundle->d.sign->cert, 0), family.server.certificate.native()), 0);
}

}  // namespace
}  // namespace portcullis::x509
