// Server certificates (azure-semantics §3.5, §9.2) and the CAs of backends.
#include "cli/test_error_codes.h"

namespace portcullis::cli {

#define SERVER_DATA " /properties/sslCertificates/0/properties/data"
#define ROOT " /properties/trustedRootCertificates/0"

constexpr ErrorCase kCertificateCases[] = {
    {"password", R"("password":"pass")", R"("password":"wrong")",
     "error ApplicationGatewaySslCertificatePasswordIncorrect" SERVER_DATA,
     "Data or Password for certificate applicationGateways/gw/sslCertificates/srv is invalid: "},
    {"password_missing", R"(,"password":"pass")", "",
     "error ApplicationGatewaySslCertificatePasswordIncorrect" SERVER_DATA,
     "Data or Password for certificate applicationGateways/gw/sslCertificates/srv is invalid: "},
    {"certificate_data", R"("data":"$PFX")", R"("data":"****")",
     "error ApplicationGatewaySslCertificateInvalidData" SERVER_DATA,
     "Data or Password for certificate applicationGateways/gw/sslCertificates/srv is invalid: "},
    {"certificate_too_large", R"("data":"$PFX","password":"pass")", R"("data":"$HUGEPEM")",
     "error SslCertificateTooLarge" SERVER_DATA, "at most 16 KB"},
    {"certificate_not_pkcs12", R"("data":"$PFX")", R"("data":"AAECAwQ=")", "error key_pair.malformed" SERVER_DATA,
     "Data or Password for certificate applicationGateways/gw/sslCertificates/srv is invalid: "},
    {"key_vault", R"("data":"$PFX","password":"pass")", R"("keyVaultSecretId":"https://kv/secrets/web")",
     "error ApplicationGatewayKeyVaultSecretException /properties/sslCertificates/0",
     "The Key Vault secret https://kv/secrets/web of the certificate 'srv' cannot be read from here; name its file "
     "in "
     "the host file's 'secrets'."},
    {"key_vault_unused", R"("sslCertificates":[)",
     R"("sslCertificates":[{"name":"idle","properties":{"keyVaultSecretId":"https://kv/secrets/web"}},)",
     "warning ApplicationGatewayKeyVaultSecretException /properties/sslCertificates/0", "'secrets'"},
    {"no_key", R"("data":"$PFX","password":"pass")", "", "error SslCertificateHasNoKey /properties/sslCertificates/0",
     "the host file's 'secrets' names no file for it"},
    {"two_sources", R"("data":"$PFX")", R"("data":"$PFX","keyVaultSecretId":"file:///etc/web.pfx")",
     "error SslCertificateSourceAmbiguous /properties/sslCertificates/0/properties/keyVaultSecretId", "keep one"},
    {"root_empty", R"("probes":[)", R"("trustedRootCertificates":[{"name":"r","properties":{}}],"probes":[)",
     "error TrustedRootCertificateMustSpecifyData" ROOT, "has no 'data'"},
    {"root_invalid", R"("probes":[)",
     R"("trustedRootCertificates":[{"name":"r","properties":{"data":"AAECAw=="}}],"probes":[)",
     "error TrustedRootCertificateInvalidData" ROOT "/properties/data", "is no certificate"},
    {"root_key", R"("probes":[)", R"("trustedRootCertificates":[{"name":"r","properties":{"data":"$KEY"}}],"probes":[)",
     "error TrustedRootCertificateMustNotHavePrivateKey" ROOT "/properties/data", "remove it"},
    {"root_in_vault", R"("probe":{"id":"x/probes/probe"}}}],
"probes":[)",
     R"("trustedRootCertificates":[{"id":"x/trustedRootCertificates/r"}]}}],
"trustedRootCertificates":[{"name":"r","properties":{"keyVaultSecretId":"https://kv/secrets/r"}}],"probes":[)",
     "error ApplicationGatewayKeyVaultSecretException" ROOT, "'secrets'"},
    {"authentication_certificate", R"("probes":[)",
     R"("authenticationCertificates":[{"name":"r","properties":{"data":"-----BEGIN X-----\n"}}],"probes":[)",
     "error AuthenticationCertificateInvalidData /properties/authenticationCertificates/0/properties/data",
     "cannot be read"},
};

ErrorCases certificate_cases() { return {std::begin(kCertificateCases), std::end(kCertificateCases)}; }

}  // namespace portcullis::cli
