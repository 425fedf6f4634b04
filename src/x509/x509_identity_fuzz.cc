// Any bytes as one DER certificate: what becomes of its names, serial and dates in headers, logs and explanations is
// one line of printable ASCII, and the check of names never reads past a value (invariant I5).
#include <cstdlib>

#include <openssl/x509.h>

#include "x509/facts.h"
#include "x509/identity.h"
#include "x509/internal/dotnet_name.h"
#include "x509/internal/name_check.h"

namespace {

void check_line(const std::string& value) {
  for (const char c : value) {
    if (c < 0x20 || c >= 0x7f) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  const auto certificate = x509::Certificate::from_der({reinterpret_cast<const char*>(data), size});
  if (!certificate) return 0;
  const x509::Identity identity = x509::describe(*certificate);
  for (const std::string* value : {&identity.subject, &identity.issuer, &identity.serial, &identity.start_date,
                                   &identity.end_date, &identity.escaped_pem, &identity.fingerprint})
    check_line(*value);
  const x509::CertificateFacts facts = x509::facts_of(*certificate);
  check_line(facts.key);
  check_line(facts.signature);
  for (const std::string& name : facts.critical) check_line(name);
  if (facts.purposes) {
    for (const std::string& name : *facts.purposes) check_line(name);
  }
  for (const char c : x509::internal::dotnet_name(X509_get_subject_name(certificate->native()))) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  }
  (void)x509::internal::names_are_clean(*certificate);
  (void)certificate->rsa_key_bytes();
  return 0;
}
