// A trusted client CA file out of what people have: PEM with whatever lies in it, DER, PFX (PKCS#12) or P7B (PKCS#7).
// Leaves and keys stay behind, doubles and CAs of other roots too; what is left is in order, the CA nearest to the leaf
// first and the root last. Pure; bounded like the readers that it calls; control thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "x509/certificate.h"

namespace portcullis::x509 {

// Everything in a file that is a certificate, in file order, of at most 1 MiB and 256 certificates. Keys are not looked
// at (a PFX is opened as a whole). `password` is for a PFX only. Errors: those of read_pem and load_pfx,
// `ca_extract.unknown_format`, `ca_extract.malformed_pkcs7`, `ca_extract.too_many_certificates`.
Result<CertificateList> read_certificates(std::string_view bytes, std::string_view password = {});

struct ExtractedCas {
  CertificateList certificates;  // the chain: intermediates, root last
  std::string pem;               // them, as `trustedClientCertificates[].data` takes it
  std::size_t leaves = 0;        // certificates left behind because they are no CA
  CertificateList unlinked;      // CAs left behind because they were not issued under the root
};

// Errors: kNoCaCertificate, kOnlyOneRoot (naming the roots, or the issuer that is missing), kInvalidData.
Result<ExtractedCas> extract_cas(const CertificateList& certificates);

}  // namespace portcullis::x509
