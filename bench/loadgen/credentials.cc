#include "credentials.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace portcullis::bench {
namespace {

BioPtr open(const std::string& path) {
  BioPtr bio(BIO_new_file(path.c_str(), "r"));
  if (bio == nullptr) die("cannot read " + path);
  return bio;
}

void extend(X509* leaf, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, leaf, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  if (extension == nullptr || X509_add_ext(leaf, extension, -1) != 1) die(std::string("extension ") + value);
  X509_EXTENSION_free(extension);
}

X509Ptr issue_leaf(X509* issuer, EVP_PKEY* issuer_key, EVP_PKEY* key, unsigned number) {
  X509Ptr leaf(X509_new());
  X509_set_version(leaf.get(), X509_VERSION_3);
  // 127 random bits (RFC 5280 §4.1.2.2: positive, at most 20 octets).
  std::unique_ptr<BIGNUM, Freed<BN_free>> serial(BN_new());
  if (BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1) die("no random bytes");
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(leaf.get()));
  X509_gmtime_adj(X509_getm_notBefore(leaf.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(leaf.get()), 86'400);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer));
  X509_NAME* subject = X509_get_subject_name(leaf.get());
  const std::string name = fmt::format("client-{:04}", number);
  const auto add = [subject](const char* field, const char* value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
  };
  add("C", "DE");
  add("O", "Portcullis bench");
  add("CN", name.c_str());
  X509_set_pubkey(leaf.get(), key);
  extend(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  extend(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature");
  extend(leaf.get(), issuer, NID_ext_key_usage, "clientAuth");
  extend(leaf.get(), issuer, NID_subject_key_identifier, "hash");
  extend(leaf.get(), issuer, NID_authority_key_identifier, "keyid");
  if (X509_sign(leaf.get(), issuer_key, EVP_sha256()) == 0) die("cannot sign a client certificate");
  return leaf;
}

}  // namespace

void die(const std::string& what) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  fmt::print(stderr, "bench-loadgen: {}{}{}\n", what, reason == nullptr ? "" : ": ", reason == nullptr ? "" : reason);
  std::exit(2);
}

Credentials Credentials::issue(const std::string& prefix, const std::string& keys, unsigned count) {
  Credentials made;
  made.issuer_.reset(PEM_read_bio_X509(open(prefix + ".crt").get(), nullptr, nullptr, nullptr));
  const KeyPtr issuer_key(PEM_read_bio_PrivateKey(open(prefix + ".key").get(), nullptr, nullptr, nullptr));
  if (made.issuer_ == nullptr || issuer_key == nullptr) die("no certificate and key in " + prefix + ".crt and .key");
  if (!keys.empty()) {
    const BioPtr file = open(keys);
    while (EVP_PKEY* key = PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr)) made.keys_.emplace_back(key);
    ERR_clear_error();
    if (made.keys_.empty()) die("no private key in " + keys);
  }
  for (unsigned i = 0; i < count; ++i) {
    if (keys.empty()) made.keys_.emplace_back(EVP_EC_gen("P-256"));
    EVP_PKEY* key = made.keys_[i % made.keys_.size()].get();
    made.leaves_.push_back({issue_leaf(made.issuer_.get(), issuer_key.get(), key, i), key});
  }
  return made;
}

void Credentials::use(SSL* ssl, std::size_t index) const {
  const Leaf& leaf = leaves_[index];
  STACK_OF(X509)* chain = sk_X509_new_null();
  sk_X509_push(chain, issuer_.get());
  // Takes references of its own.
  if (SSL_use_cert_and_key(ssl, leaf.certificate.get(), leaf.key, chain, 1) != 1)
    die("cannot use a client certificate");
  sk_X509_free(chain);
}

}  // namespace portcullis::bench
