// Any certificate, asked who tells of its revocation: no crash, and no URL that could break out of a request line.
#include <algorithm>
#include <cstdlib>

#include "revocation/cert_id.h"
#include "revocation/crl_points.h"
#include "revocation/ocsp_request.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  const auto certificate = x509::Certificate::from_der({reinterpret_cast<const char*>(data), size});
  if (!certificate) return 0;
  const auto is_unfit = [](const std::string& url) {
    return std::any_of(url.begin(), url.end(), [](char byte) {
      return static_cast<unsigned char>(byte) <= 0x20 || static_cast<unsigned char>(byte) >= 0x7f;
    });
  };
  const auto responder = revocation::responder_url(*certificate);
  if (responder && (responder->size() > revocation::kMaxResponderUrl || is_unfit(*responder))) std::abort();
  const revocation::CrlPoints points = revocation::crl_points(*certificate);
  if (std::any_of(points.urls.begin(), points.urls.end(), is_unfit)) std::abort();
  const revocation::CertId id(*certificate, *certificate);
  if (id.der().empty()) std::abort();
  return 0;
}
