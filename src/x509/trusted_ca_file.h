// One uploaded trusted client CA file (ARM trustedClientCertificates[].data): exactly one root and any number of
// intermediates in any order; leaves ignored, keys refused. Parsed on the control thread; immutable afterwards. A file
// that breaks a rule is refused whole, with Azure's code (azure-semantics §9.1), in the order empty → private key →
// parse → CA present → one root → size.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "x509/certificate.h"

namespace portcullis::x509 {

inline constexpr std::string_view kMustSpecifyData = "ApplicationGatewayTrustedClientCertificateMustSpecifyData";
inline constexpr std::string_view kMustNotHavePrivateKey =
    "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey";
inline constexpr std::string_view kInvalidData = "ApplicationGatewayTrustedClientCertificateInvalidData";
inline constexpr std::string_view kNoCaCertificate =
    "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate";
inline constexpr std::string_view kOnlyOneRoot = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate";
// Ours: Azure documents the limit, not its code.
inline constexpr std::string_view kCaFileTooLarge = "trusted_client_certificate.too_large";

// Bytes of decoded text (PEM or DER), azure-semantics §9.3.
inline constexpr std::size_t kMaxTrustedCaFileBytes = 25 * 1024;

struct TrustedCaWarning {
  std::string_view code;  // trusted_client_certificate.der / .several_chains / .expired_ca / .duplicate / .unlinked
  std::string message;
};

struct TrustedCaFile {
  CertificateList certificates;       // every CA certificate once, in file order, the root among them
  Certificate root;                   // the one self-signed CA
  CertificateList intermediates;      // the other CA certificates, in file order
  Certificate issuer_dn_source;       // the CA whose subject the issuer-DN rule expects as the leaf's issuer (§1.5)
  std::string client_cert_issuer_dn;  // its subject as Azure shows it: .NET style, `CN=MSIT CA Z2, O=Contoso, S=WA`
  std::string validated_cert_data;    // every CA certificate as one-line PEM, no separators (arm-api §4.1)
  std::vector<TrustedCaWarning> warnings;
  std::size_t decoded_bytes = 0;  // of kMaxTrustedCaFileBytes
  std::size_t ignored = 0;        // certificates that are no CA
};

// `bytes`: PEM text, DER (one certificate; with a warning), or base64 of either, as `data` may hold. `now` is for the
// warning about expired CAs only.
Result<TrustedCaFile> parse_trusted_ca_file(std::string_view bytes, WallTime now = SystemClock().wall());

}  // namespace portcullis::x509
