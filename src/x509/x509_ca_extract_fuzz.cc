// Any bytes as an input of `portcullis trust extract` (PEM, DER, P7B; PFX has a target of its own): refused, or a chain
// that is a trusted client CA file or too large to be one.
#include <cstdlib>

#include "x509/ca_extract.h"
#include "x509/trusted_ca_file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  const auto certificates = x509::read_certificates({reinterpret_cast<const char*>(data), size});
  if (!certificates) return 0;
  const auto extracted = x509::extract_cas(*certificates);
  if (!extracted) return 0;
  const auto file = x509::parse_trusted_ca_file(extracted->pem, WallTime{std::chrono::seconds(1'800'000'000)});
  if (!file && file.error().code != x509::kCaFileTooLarge) std::abort();
  if (file && file->root != extracted->certificates.back()) std::abort();
  return 0;
}
