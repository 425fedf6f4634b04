// A throw-away PKI for tests: roots, intermediates and leaves made in memory with chosen keys, dates and extensions.
// Used by the tests of every room that meets certificates; never by the program. Not thread-safe. A mistake in a test's
// own request aborts with its place.
//
//   TestPki pki;
//   auto root = pki.root("Root");
//   auto ca = pki.intermediate("Issuing CA", root);
//   auto client = pki.leaf("client", ca, {.eku = "clientAuth"});
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/clock.h"
#include "x509/certificate.h"
#include "x509/key_pair.h"

namespace portcullis::x509 {

// Certificates are valid from 2020 to 2060 unless a test says otherwise, whichever clock it runs under.
inline constexpr WallTime kTestNotBefore{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}};
inline constexpr WallTime kTestNotAfter{std::chrono::sys_days{std::chrono::year{2060} / 1 / 1}};

enum class TestKey { kP256, kP384, kP521, kRsa1024, kRsa2048, kRsaPss, kEd25519, kEd448 };

struct CertSpec {
  TestKey key = TestKey::kP256;
  WallTime not_before = kTestNotBefore;
  WallTime not_after = kTestNotAfter;
  std::string eku;                // OpenSSL's names with commas: "clientAuth", "serverAuth,clientAuth"; "" = none
  std::string san;                // OpenSSL's syntax: "DNS:localhost,IP:127.0.0.1"; "" = none
  std::string organization;       // O= in front of the CN
  int path_length = -1;           // CAs only; -1 = unlimited
  bool ca = false;                // set by root() and intermediate()
  bool basic_constraints = true;  // false: the extension is left out altogether
  bool key_ids = true;            // subject and authority key identifiers
  std::string digest = "SHA256";  // of the signature that the issuer makes
  std::vector<std::pair<std::string, std::string>> extensions;  // further ones: {"nameConstraints", "critical,..."}
  X509_NAME* subject = nullptr;    // used instead of organization and the common name when set; stays the caller's
  EVP_PKEY* public_key = nullptr;  // used instead of a new key when set; stays the caller's
};

// The same certificate with one bit of its signature turned.
inline Certificate forged(const Certificate& certificate) {
  std::string der = certificate.der();
  der.back() = static_cast<char>(der.back() ^ 1);
  auto read = Certificate::from_der(der);
  CHECK(read.has_value());
  return *read;
}

// What a TestPki issues: a certificate, its key, and the chain above it.
struct Issued {
  Certificate certificate;
  PrivateKey key;
  CertificateList issuers;  // nearest first, root last; empty for a root

  std::string pem() const { return certificate.pem(); }

  std::string key_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key.native(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  // The leaf and every issuer but the root: what a well-behaved client or server sends.
  CertificateList presented() const {
    CertificateList list{certificate};
    for (const Certificate& issuer : issuers) {
      if (!issuer.is_self_signed()) list.push_back(issuer);
    }
    return list;
  }

  std::string chain_pem() const {
    std::string text;
    for (const Certificate& one : presented()) text += one.pem();
    return text;
  }

  // PKCS#12 of key, certificate and issuers. `cipher` NIDs as PKCS12_create_ex takes them; 0 = OpenSSL's modern
  // default.
  std::string pfx(const std::string& password, int key_cipher = 0, int cert_cipher = 0,
                  OSSL_LIB_CTX* library = nullptr) const {
    STACK_OF(X509)* others = sk_X509_new_null();
    for (const Certificate& issuer : issuers) sk_X509_push(others, issuer.native());
    PKCS12* pkcs12 = PKCS12_create_ex(password.c_str(), "test", key.native(), certificate.native(), others, key_cipher,
                                      cert_cipher, 0, 0, 0, library, nullptr);
    sk_X509_free(others);
    CHECK(pkcs12 != nullptr);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS12(pkcs12, &der);
    CHECK(size > 0);
    std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    PKCS12_free(pkcs12);
    return bytes;
  }
};

class TestPki {
 public:
  // A self-signed CA.
  Issued root(const std::string& name, CertSpec spec = {}) {
    spec.ca = true;
    return issue(name, nullptr, spec);
  }
  Issued intermediate(const std::string& name, const Issued& issuer, CertSpec spec = {}) {
    spec.ca = true;
    return issue(name, &issuer, spec);
  }
  Issued leaf(const std::string& name, const Issued& issuer, const CertSpec& spec = {.eku = "clientAuth"}) {
    return issue(name, &issuer, spec);
  }
  Issued self_signed_leaf(const std::string& name, const CertSpec& spec = {.eku = "clientAuth"}) {
    return issue(name, nullptr, spec);
  }
  // A server's certificate for localhost, 127.0.0.1 and ::1.
  Issued server(const Issued& issuer, const std::string& name = "localhost") {
    return issue(name, &issuer, {.eku = "serverAuth", .san = "DNS:" + name + ",IP:127.0.0.1,IP:::1"});
  }

  // A new key of that kind.
  static EVP_PKEY* make_key(TestKey kind) {
    EVP_PKEY* key = nullptr;
    switch (kind) {
      case TestKey::kP256:
        key = EVP_EC_gen("P-256");
        break;
      case TestKey::kP384:
        key = EVP_EC_gen("P-384");
        break;
      case TestKey::kP521:
        key = EVP_EC_gen("P-521");
        break;
      case TestKey::kRsa1024:
        key = EVP_RSA_gen(1024U);
        break;
      case TestKey::kRsa2048:
        key = EVP_RSA_gen(2048U);
        break;
      case TestKey::kRsaPss: {
        EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
        CHECK(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_generate(context, &key) == 1);
        EVP_PKEY_CTX_free(context);
        break;
      }
      case TestKey::kEd25519:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
        break;
      case TestKey::kEd448:
        key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
        break;
    }
    CHECK(key != nullptr);
    return key;
  }

 private:
  Issued issue(const std::string& name, const Issued* issuer, const CertSpec& spec) {
    EVP_PKEY* key = spec.public_key;
    if (key != nullptr) {
      EVP_PKEY_up_ref(key);
    } else {
      key = make_key(spec.key);
    }
    X509* cert = X509_new();
    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    // Unique over the process and beyond, like a CA's.
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 0x4000000000000000ULL + (next_serial() << 8));
    set_time(X509_getm_notBefore(cert), spec.not_before);
    set_time(X509_getm_notAfter(cert), spec.not_after);
    set_names(cert, name, issuer, spec);
    CHECK(X509_set_pubkey(cert, key) == 1);
    add_extensions(cert, issuer, spec);

    EVP_PKEY* signer = issuer == nullptr ? key : issuer->key.native();
    const EVP_MD* digest =
        EVP_PKEY_get_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_get_digestbyname(spec.digest.c_str());
    CHECK(X509_sign(cert, signer, digest) > 0);

    CertificateList issuers;
    if (issuer != nullptr) {
      issuers.push_back(issuer->certificate);
      issuers.insert(issuers.end(), issuer->issuers.begin(), issuer->issuers.end());
    }
    // Parsed again from its bytes, as one that came over the wire.
    auto certificate = Certificate::from_der(Certificate::from_native(cert, false).der());
    CHECK(certificate.has_value());
    return {std::move(*certificate), PrivateKey::adopt(key), std::move(issuers)};
  }

  static std::uint64_t next_serial() {
    static std::uint64_t serial = 0;
    return ++serial;
  }

  static void set_time(ASN1_TIME* field, WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    CHECK(ASN1_TIME_adj(field, static_cast<time_t>(seconds), 0, 0) != nullptr);
  }

  static void set_names(X509* cert, const std::string& name, const Issued* issuer, const CertSpec& spec) {
    if (spec.subject != nullptr) {
      CHECK(X509_set_subject_name(cert, spec.subject) == 1);
    } else {
      X509_NAME* subject = X509_get_subject_name(cert);
      if (!spec.organization.empty()) add_rdn(subject, "O", spec.organization);
      add_rdn(subject, "CN", name);
    }
    const X509* parent = issuer == nullptr ? cert : issuer->certificate.native();
    CHECK(X509_set_issuer_name(cert, X509_get_subject_name(parent)) == 1);
  }

  static void add_rdn(X509_NAME* subject, const char* type, const std::string& value) {
    CHECK(X509_NAME_add_entry_by_txt(subject, type, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0) == 1);
  }

  static void add_extensions(X509* cert, const Issued* issuer, const CertSpec& spec) {
    std::vector<std::pair<std::string, std::string>> list;
    if (spec.basic_constraints) {
      std::string value = spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
      if (spec.path_length >= 0) value += ",pathlen:" + std::to_string(spec.path_length);
      list.emplace_back("basicConstraints", value);
    }
    if (spec.ca) list.emplace_back("keyUsage", "critical,keyCertSign,cRLSign");
    if (!spec.eku.empty()) list.emplace_back("extendedKeyUsage", spec.eku);
    if (!spec.san.empty()) list.emplace_back("subjectAltName", spec.san);
    if (spec.key_ids) {
      list.emplace_back("subjectKeyIdentifier", "hash");
      list.emplace_back("authorityKeyIdentifier", "keyid");
    }
    list.insert(list.end(), spec.extensions.begin(), spec.extensions.end());

    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer == nullptr ? cert : issuer->certificate.native(), cert, nullptr, nullptr, 0);
    for (const auto& [key, value] : list) {
      X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &context, key.c_str(), value.c_str());
      // An issuer without a subject key identifier has none to point at.
      if (extension == nullptr && key == "authorityKeyIdentifier") continue;
      CHECK(extension != nullptr);
      CHECK(X509_add_ext(cert, extension, -1) == 1);
      X509_EXTENSION_free(extension);
    }
  }
};

}  // namespace portcullis::x509
