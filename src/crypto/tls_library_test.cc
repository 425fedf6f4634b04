#include "crypto/tls_library.h"

#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <openssl/objects.h>

namespace portcullis::crypto {
namespace {

using Names = std::set<std::tuple<std::string, int, std::string>>;

// What OpenSSL's table has of one type: name, whether it is an alias, and what it stands for.
Names table(int type) {
  OPENSSL_init_crypto(OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, nullptr);
  Names out;
  const auto add = [](const OBJ_NAME* name, void* names) {
    static_cast<Names*>(names)->emplace(
        name->name, name->alias,
        name->alias != 0 ? std::string(name->data) : std::to_string(reinterpret_cast<std::uintptr_t>(name->data)));
  };
  OBJ_NAME_do_all(type, add, &out);
  return out;
}

std::size_t names_known(OSSL_LIB_CTX* library) {
  const Owned<EVP_MD, EVP_MD_free> digest(EVP_MD_fetch(library, "SHA2-256", nullptr));
  std::size_t known = 0;
  for (const auto& [name, alias, data] : table(OBJ_NAME_TYPE_CIPHER_METH)) {
    const Owned<EVP_CIPHER, EVP_CIPHER_free> cipher(EVP_CIPHER_fetch(library, name.c_str(), nullptr));
    if (cipher != nullptr) ++known;
  }
  return known;
}

// The first test of this program that touches the library, where tests run one by one: each in a process of its own.
TEST(TlsLibrary, LeavesOpenSslsTablesOfNamesAsTheyWere) {
  const Names ciphers = table(OBJ_NAME_TYPE_CIPHER_METH), digests = table(OBJ_NAME_TYPE_MD_METH);
  EXPECT_GT(ciphers.size(), 100U);
  EXPECT_FALSE(tls_library_state().empty());
  EXPECT_EQ(table(OBJ_NAME_TYPE_CIPHER_METH), ciphers);
  EXPECT_EQ(table(OBJ_NAME_TYPE_MD_METH), digests);
  EXPECT_NE(EVP_get_cipherbyname("aes-256-cbc"), nullptr);
  EXPECT_NE(EVP_get_cipherbyname("AES256"), nullptr) << "an alias";
  EXPECT_NE(EVP_get_cipherbyname("id-aes128-GCM"), nullptr);
  EXPECT_NE(EVP_get_digestbyname("RSA-SHA256"), nullptr);
}

TEST(TlsLibrary, KnowsTheCiphersOfItsSuitesAlone) {
  if (tls_library() == nullptr) GTEST_SKIP() << tls_library_state();
  EXPECT_LT(names_known(tls_library()), names_known(nullptr));
  for (const char* name : {"id-aes128-GCM", "AES-256-GCM", "AES-128-CBC", "ChaCha20-Poly1305"}) {
    const Owned<EVP_CIPHER, EVP_CIPHER_free> cipher(EVP_CIPHER_fetch(tls_library(), name, nullptr));
    EXPECT_NE(cipher, nullptr) << name;
  }
}

}  // namespace
}  // namespace portcullis::crypto
