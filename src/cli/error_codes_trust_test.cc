// Trusted client CA files (azure-semantics §9.1, §9.3) and the profiles that use them (§1.1, §9.3).
#include "cli/test_error_codes.h"

namespace portcullis::cli {

#define CA_DATA " /properties/trustedClientCertificates/0/properties/data"

constexpr ErrorCase kTrustFileCases[] = {
    {"ca_empty", R"("data":"$CA")", R"("data":"")",
     "error ApplicationGatewayTrustedClientCertificateMustSpecifyData" CA_DATA,
     "Trusted client certificate 'ca': the trusted client certificate has no data"},
    {"ca_absent", R"({"name":"ca","properties":{"data":"$CA"}})", R"({"name":"ca","properties":{}})",
     "error ApplicationGatewayTrustedClientCertificateMustSpecifyData" CA_DATA,
     "Trusted client certificate 'ca': the trusted client certificate has no data"},
    {"ca_key", R"("data":"$CA")", R"("data":"$KEY")",
     "error ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey" CA_DATA, "private key"},
    {"ca_invalid", R"("data":"$CA")", R"("data":"aGVsbG8=")",
     "error ApplicationGatewayTrustedClientCertificateInvalidData" CA_DATA, "neither PEM"},
    {"ca_empty_block", R"("data":"$CA")", R"("data":"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")",
     "error ApplicationGatewayTrustedClientCertificateInvalidData" CA_DATA, "certificate"},
    {"ca_leaf_only", R"("data":"$CA")", R"("data":"$LEAF")",
     "error ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate" CA_DATA, "CA:TRUE"},
    {"ca_two_roots", R"("data":"$CA")", R"("data":"$TWOROOTS")",
     "error ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate" CA_DATA,
     "the file holds 2 root CA certificates: upload one file a root"},
    {"ca_no_root", R"("data":"$CA")", R"("data":"$INTERMEDIATE")",
     "error ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate" CA_DATA,
     "the file holds no root (self-signed) CA certificate: add the root of the chain"},
    {"ca_too_large", R"("data":"$CA")", R"("data":"$BIG")", "error trusted_client_certificate.too_large" CA_DATA,
     "split it"},
    {"ca_expired", R"("data":"$CA")", R"("data":"$EXPIRED")", "warning trusted_client_certificate.expired_ca" CA_DATA,
     "CN=Expired Root has expired"},
    {"ca_der", R"("data":"$CA")", R"("data":"$DER")", "warning trusted_client_certificate.der" CA_DATA,
     "Azure takes PEM text only"},
    {"ca_several_chains", R"({"data":"$CA"}}],
"sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[{"id":"x/trustedClientCertificates/ca"}],"clientAuthConfiguration":{)",
     R"({"data":"$TWOCHAINS"}}],
"sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[{"id":"x/trustedClientCertificates/ca"}],"clientAuthConfiguration":{"verifyClientCertIssuerDN":true,)",
     "warning trusted_client_certificate.several_chains" CA_DATA, "upload one chain a file"},
    {"ca_twice", R"({"name":"ca","properties":{"data":"$CA"}})",
     R"({"name":"ca","properties":{"data":"$CA"}},{"name":"ca2","properties":{"data":"$CA"}})",
     "warning DuplicateTrustedClientCertificate /properties/trustedClientCertificates/1/properties/data",
     "The trusted client certificates 'ca' and 'ca2' hold the same certificates."},
    {"strict_without_ca", R"({"id":"x/trustedClientCertificates/ca"})", "",
     "error SslProfileNeedsTrustedClientCertificate /properties/sslProfiles/0", "nobody could pass"},
    {"unused_strict_without_ca", R"("sslProfiles":[)",
     R"("sslProfiles":[{"name":"idle","properties":{"clientAuthConfiguration":{"verifyClientCertIssuerDN":true}}},)",
     "warning SslProfileNeedsTrustedClientCertificate /properties/sslProfiles/0", "no listener uses it yet"},
    {"passthrough_with_ca", R"("verifyClientAuthMode":"Strict")", R"("verifyClientAuthMode":"Passthrough")",
     "warning PassthroughDoesNotVerify /properties/sslProfiles/0", "by trustedClientCertificates."},
    {"passthrough_with_ocsp", R"("verifyClientAuthMode":"Strict")",
     R"("verifyClientAuthMode":"Passthrough","verifyClientRevocation":"OCSP","verifyClientCertIssuerDN":true)",
     "warning PassthroughDoesNotVerify /properties/sslProfiles/0",
     "by trustedClientCertificates verifyClientCertIssuerDN verifyClientRevocation."},
    {"basic_sku", R"("sku":{"name":"WAF_v2","tier":"WAF_v2"})", R"("sku":{"name":"Basic"})",
     "error ClientAuthNotAvailableForSku /properties/sslProfiles/0", "Standard_v2 or WAF_v2"},
    {"same_ca_twice", R"([{"id":"x/trustedClientCertificates/ca"}])",
     R"([{"id":"x/trustedClientCertificates/ca"},{"id":"x/trustedClientCertificates/CA"}])",
     "warning DuplicateReference /properties/sslProfiles/0/properties/trustedClientCertificates/1/id",
     "stands in this list twice"},
};

ErrorCases trust_file_cases() { return {std::begin(kTrustFileCases), std::end(kTrustFileCases)}; }

}  // namespace portcullis::cli
