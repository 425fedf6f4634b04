#include "x509/throwaway_pki.h"

#include <optional>
#include <utility>
#include <vector>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "x509/certificate.h"
#include "x509/internal/owned.h"
#include "x509/pem.h"

namespace portcullis::x509 {
namespace {

using internal::OwnedBio;
using internal::OwnedKey;
using internal::OwnedX509;
using Extensions = std::vector<std::pair<const char*, const char*>>;

struct Issued {
  OwnedX509 certificate;
  OwnedKey key;
};

struct Request {
  const char* name;
  Extensions extensions;
  WallTime not_before;
  WallTime not_after;
};

bool set_serial(X509* certificate) {
  unsigned char bytes[8];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  std::uint64_t serial = 0;
  for (const unsigned char byte : bytes) serial = serial << 8 | byte;
  // Positive, and never zero (RFC 5280 §4.1.2.2).
  serial = serial >> 1 | 1;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1;
}

bool set_time(ASN1_TIME* field, WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return ASN1_TIME_adj(field, static_cast<time_t>(seconds), 0, 0) != nullptr;
}

bool set_names(X509* certificate, const char* name, const X509* parent) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto add = [subject](const char* type, const char* value) {
    return X509_NAME_add_entry_by_txt(subject, type, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value), -1,
                                      -1, 0) == 1;
  };
  return add("O", "Portcullis throw-away") && add("CN", name) &&
         X509_set_issuer_name(certificate, X509_get_subject_name(parent)) == 1;
}

bool add_extensions(X509* certificate, X509* parent, const Extensions& extensions) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, parent, certificate, nullptr, nullptr, 0);
  for (const auto& [name, value] : extensions) {
    const internal::Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf(nullptr, &context, name, value));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return false;
  }
  return true;
}

// `issuer` null: self-signed.
std::optional<Issued> issue(const Request& request, const Issued* issuer) {
  Issued made{OwnedX509(X509_new()), OwnedKey(EVP_EC_gen("P-256"))};
  X509* certificate = made.certificate.get();
  if (certificate == nullptr || !made.key) return std::nullopt;
  X509* parent = issuer == nullptr ? certificate : issuer->certificate.get();
  EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();
  const bool ok = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
                  set_time(X509_getm_notBefore(certificate), request.not_before) &&
                  set_time(X509_getm_notAfter(certificate), request.not_after) &&
                  set_names(certificate, request.name, parent) && X509_set_pubkey(certificate, made.key.get()) == 1 &&
                  add_extensions(certificate, parent, request.extensions) &&
                  X509_sign(certificate, signer, EVP_sha256()) > 0;
  if (!ok) return std::nullopt;
  return made;
}

std::string pem_of(const Issued& issued) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), issued.certificate.get()) != 1) return {};
  return internal::contents(bio.get());
}

ThrowawayIdentity identity_of(const Issued& issued, const std::string& ca_pem) {
  const OwnedBio bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), issued.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  return {pem_of(issued) + ca_pem, internal::contents(bio.get())};
}

Extensions leaf_extensions(const char* usage) {
  return {{"basicConstraints", "critical,CA:FALSE"},
          {"keyUsage", "critical,digitalSignature"},
          {"extendedKeyUsage", usage},
          {"subjectKeyIdentifier", "hash"},
          {"authorityKeyIdentifier", "keyid"}};
}

}  // namespace

Result<ThrowawayPki> make_throwaway_pki(WallTime now) {
  const internal::ErrorQueueGuard guard;
  const WallTime from = now - std::chrono::hours(1);
  const WallTime until = now + kThrowawayLifetime;
  const auto failed = [] { return fail("throwaway_pki.failed", "OpenSSL could not make the throw-away PKI"); };

  Extensions ca{{"basicConstraints", "critical,CA:TRUE"},
                {"keyUsage", "critical,keyCertSign,cRLSign"},
                {"subjectKeyIdentifier", "hash"}};
  const auto root = issue({"Throw-away root", ca, from, until}, nullptr);
  if (!root) return failed();
  ca.emplace_back("authorityKeyIdentifier", "keyid");
  const auto issuing = issue({"Throw-away issuing CA", ca, from, until}, &*root);
  if (!issuing) return failed();

  Extensions for_server = leaf_extensions("serverAuth");
  for_server.emplace_back("subjectAltName", "DNS:localhost,IP:127.0.0.1,IP:::1");
  const auto server = issue({"localhost", for_server, from, until}, &*issuing);
  const auto client = issue({"device-1", leaf_extensions("clientAuth"), from, until}, &*issuing);
  const auto old_client = issue(
      {"device-0", leaf_extensions("clientAuth"), now - kThrowawayLifetime, now - std::chrono::days(1)}, &*issuing);
  if (!server || !client || !old_client) return failed();

  const std::string ca_pem = pem_of(*issuing);
  ThrowawayPki pki;
  pki.root_pem = pem_of(*root);
  pki.client_ca_pem = ca_pem + pki.root_pem;
  pki.server = identity_of(*server, ca_pem);
  pki.client = identity_of(*client, ca_pem);
  pki.old_client = identity_of(*old_client, ca_pem);
  for (const ThrowawayIdentity* one : {&pki.server, &pki.client, &pki.old_client}) {
    if (one->key_pem.empty() || one->chain_pem.empty()) return failed();
  }
  return pki;
}

WallTime first_not_after(std::string_view pem) {
  const auto bundle = read_pem(pem);
  return bundle && !bundle->certificates.empty() ? bundle->certificates.front().not_after() : WallTime::min();
}

}  // namespace portcullis::x509
