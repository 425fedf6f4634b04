// Any bytes as an uploaded trusted client CA file: refused or read, never a crash, and what is read can be verified
// against.
#include <cstdlib>

#include "x509/identity.h"
#include "x509/trust_anchors.h"
#include "x509/trusted_ca_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const WallTime now{std::chrono::seconds(1'800'000'000)};
  // Most mutations break the base64: the bytes are tried as one DER certificate's body, too.
  const auto certificate = x509::Certificate::from_der(bytes);
  if (certificate) {
    const x509::Identity identity = x509::describe(*certificate);
    for (const std::string* value : {&identity.subject, &identity.issuer, &identity.serial, &identity.start_date,
                                     &identity.end_date, &identity.escaped_pem}) {
      for (const char c : *value) {
        if (c < 0x20 || c == 0x7f) std::abort();
      }
    }
  }
  const auto file = x509::parse_trusted_ca_file(bytes, now);
  if (!file) return 0;
  const auto anchors = x509::TrustAnchors::build({*file});
  if (!anchors) std::abort();
  for (const bool issuer_dn : {false, true}) {
    (void)(*anchors)->verify_client_chain(file->certificates, now, {.verify_issuer_dn = issuer_dn});
  }
  return 0;
}
