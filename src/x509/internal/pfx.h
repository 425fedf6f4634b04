// Opens a PKCS#12 file (RFC 7292) by hand instead of with PKCS12_parse: every key derivation is bounded before it is
// run, all keys and certificates come out, and the bags of old Windows files (RC2) open through the legacy provider.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "x509/certificate.h"
#include "x509/key_pair.h"

namespace portcullis::x509::internal {

struct PfxContents {
  std::vector<PrivateKey> keys;
  CertificateList certificates;  // in file order
};

// Whether the bytes are a PKCS#12 file at all.
bool is_pfx(std::string_view bytes);

// Errors as load_pfx.
Result<PfxContents> open_pfx(std::string_view bytes, std::string_view password);

}  // namespace portcullis::x509::internal
