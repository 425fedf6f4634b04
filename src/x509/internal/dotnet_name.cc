#include "x509/internal/dotnet_name.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/strings.h"
#include "x509/internal/owned.h"

namespace portcullis::x509::internal {
namespace {

// The keys that Windows' CertNameToStr spells; every other type is `OID.1.2.3`.
std::string attribute_key(const ASN1_OBJECT* type) {
  switch (OBJ_obj2nid(type)) {
    case NID_commonName:
      return "CN";
    case NID_countryName:
      return "C";
    case NID_localityName:
      return "L";
    case NID_stateOrProvinceName:
      return "S";
    case NID_streetAddress:
      return "STREET";
    case NID_organizationName:
      return "O";
    case NID_organizationalUnitName:
      return "OU";
    case NID_title:
      return "T";
    case NID_givenName:
      return "G";
    case NID_initials:
      return "I";
    case NID_surname:
      return "SN";
    case NID_serialNumber:
      return "SERIALNUMBER";
    case NID_domainComponent:
      return "DC";
    case NID_pkcs9_emailAddress:
      return "E";
    default:
      break;
  }
  char oid[128];
  const int size = OBJ_obj2txt(oid, sizeof oid, type, 1);
  return size > 0 ? "OID." + std::string(oid) : "OID";
}

std::string attribute_value(const ASN1_STRING* value) {
  ErrorQueueGuard errors;
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) {
    return "#" + hex_upper({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                            static_cast<std::size_t>(ASN1_STRING_length(value))});
  }
  std::string text;
  for (int i = 0; i < size; ++i) {
    const char c = static_cast<char>(utf8[i]);
    if (utf8[i] < 0x20 || utf8[i] == 0x7f) {
      text += "\\x" + hex_lower({&c, 1});
    } else {
      text += c;
    }
  }
  OPENSSL_free(utf8);
  const bool padded = text.empty() || text.front() == ' ' || text.back() == ' ';
  if (!padded && text.find_first_of(",+=\"\n<>#;") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string dotnet_name(const X509_NAME* name) {
  std::string text;
  int last_set = -1;
  for (int i = X509_NAME_entry_count(name) - 1; i >= 0; --i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (last_set != -1) text += set == last_set ? " + " : ", ";
    last_set = set;
    text += attribute_key(X509_NAME_ENTRY_get_object(entry)) + "=" + attribute_value(X509_NAME_ENTRY_get_data(entry));
  }
  return text;
}

}  // namespace portcullis::x509::internal
