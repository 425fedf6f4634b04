#include "x509/facts.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/strings.h"
#include "x509/internal/owned.h"

namespace portcullis::x509 {
namespace {

using internal::Owned;

// OpenSSL's short name, or the digits of an OID that it does not know.
std::string name_of(const ASN1_OBJECT* object) {
  const int nid = OBJ_obj2nid(object);
  if (nid != NID_undef) return printable(OBJ_nid2sn(nid));
  char digits[128];
  const int size = OBJ_obj2txt(digits, sizeof digits, object, 1);
  return size > 0 ? printable(digits) : "unknown";
}

std::string key_of(const X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return std::string(kUnreadableKey);
  const char* type = EVP_PKEY_get0_type_name(key);
  std::string text = type == nullptr ? "unknown" : printable(type);
  char group[64];
  std::size_t size = 0;
  if (text == "EC" && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1) {
    const char* nist = EC_curve_nid2nist(OBJ_sn2nid(group));
    return text + " " + printable(nist != nullptr ? nist : group);
  }
  // Of Ed25519 and its kin the name says it all.
  if (text.starts_with("ED") || text.starts_with("X")) return text;
  return text + " " + std::to_string(EVP_PKEY_get_bits(key));
}

std::optional<std::vector<std::string>> purposes_of(const X509* certificate) {
  int critical = -1;
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> usage(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, nullptr)));
  if (critical == -1) return std::nullopt;
  std::vector<std::string> names;
  for (int i = 0; usage != nullptr && i < sk_ASN1_OBJECT_num(usage.get()); ++i) {
    names.push_back(name_of(sk_ASN1_OBJECT_value(usage.get(), i)));
  }
  return names;
}

}  // namespace

CertificateFacts facts_of(const Certificate& certificate) {
  internal::ErrorQueueGuard errors;
  X509* native = certificate.native();
  CertificateFacts facts;
  facts.key = key_of(native);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, X509_get0_tbs_sigalg(native));
  facts.signature = name_of(algorithm);
  facts.ca = certificate.is_ca();
  if (const long length = X509_get_pathlen(native); facts.ca && length >= 0) facts.path_length = length;
  facts.purposes = purposes_of(native);
  facts.name_constraints = X509_get_ext_by_NID(native, NID_name_constraints, -1) >= 0;
  for (int i = 0; i < X509_get_ext_count(native); ++i) {
    X509_EXTENSION* extension = X509_get_ext(native, i);
    if (X509_EXTENSION_get_critical(extension) == 1)
      facts.critical.push_back(name_of(X509_EXTENSION_get_object(extension)));
  }
  return facts;
}

}  // namespace portcullis::x509
