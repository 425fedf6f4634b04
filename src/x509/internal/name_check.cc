#include "x509/internal/name_check.h"

#include <openssl/x509v3.h>

#include "x509/internal/owned.h"

namespace portcullis::x509::internal {
namespace {

bool is_clean_text(const unsigned char* text, int size) {
  for (int i = 0; i < size; ++i) {
    if (text[i] < 0x20 || text[i] == 0x7f) return false;
  }
  return true;
}

// Through UTF-8, since a BMPString's own bytes hold zeros by nature.
bool is_clean_value(const ASN1_STRING* value) {
  switch (ASN1_STRING_type(value)) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_UNIVERSALSTRING:
    case V_ASN1_BMPSTRING:
      break;
    default:
      return true;  // x500UniqueIdentifier and the like: bits, shown as hex
  }
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return false;
  const bool clean = is_clean_text(utf8, size);
  OPENSSL_free(utf8);
  return clean;
}

bool is_clean_name(const X509_NAME* name) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    if (!is_clean_value(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)))) return false;
  }
  return true;
}

bool is_clean_general_name(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_EMAIL:
    case GEN_DNS:
    case GEN_URI:
      return is_clean_text(ASN1_STRING_get0_data(name->d.ia5), ASN1_STRING_length(name->d.ia5));
    case GEN_DIRNAME:
      return is_clean_name(name->d.directoryName);
    default:
      return true;
  }
}

}  // namespace

bool names_are_clean(const Certificate& certificate) {
  ErrorQueueGuard errors;
  const X509* native = certificate.native();
  if (!is_clean_name(X509_get_subject_name(native)) || !is_clean_name(X509_get_issuer_name(native))) return false;
  int critical = -1;
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(native, NID_subject_alt_name, &critical, nullptr)));
  if (names == nullptr) return critical == -1;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (!is_clean_general_name(sk_GENERAL_NAME_value(names.get(), i))) return false;
  }
  return true;
}

}  // namespace portcullis::x509::internal
