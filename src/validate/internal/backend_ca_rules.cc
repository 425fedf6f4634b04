// The CAs that backends are verified with: trustedRootCertificates, and the v1 form authenticationCertificates.
#include <algorithm>

#include "base/strings.h"
#include "validate/internal/rules.h"
#include "x509/pem.h"

namespace portcullis::validate {

using model::BackendCertificate;
using model::Findings;

namespace {

// One certificate in DER, or any number of them as PEM.
void check_data(const BackendCertificate& certificate, const std::string& kind, Findings& findings) {
  const std::string& bytes = certificate.data.bytes;
  const std::string& at = certificate.data_pointer;
  const std::string name = "The certificate '" + certificate.name + "' ";
  if (!x509::looks_like_pem(bytes)) {
    const auto read = x509::Certificate::from_der(bytes);
    if (!read)
      findings.error(kind + "InvalidData", at,
                     name + "is no certificate; give the base64 of one in DER or PEM: " + read.error().message + ".");
    return;
  }
  if (x509::mentions_private_key(bytes))
    return findings.error(kind + "MustNotHavePrivateKey", at,
                          name + "holds a private key; remove it: only the CA's certificate belongs here.");
  const auto read = x509::read_pem(bytes);
  if (!read) return findings.error(kind + "InvalidData", at, name + "cannot be read: " + read.error().message + ".");
  if (read->certificates.empty())
    findings.error(kind + "InvalidData", at, name + "holds no PEM block of a certificate.");
}

bool is_used(const model::Gateway& gateway, const BackendCertificate& certificate) {
  const auto uses = [&](const auto& settings) {
    const auto& refs = settings.trusted_root_certificates;
    return std::any_of(refs.begin(), refs.end(),
                       [&](const model::Ref& ref) { return equals_ignore_case(ref.name, certificate.name); });
  };
  return std::any_of(gateway.backend_http_settings.begin(), gateway.backend_http_settings.end(), uses) ||
         std::any_of(gateway.backend_settings.begin(), gateway.backend_settings.end(), uses);
}

void check_elsewhere(const Subject& subject, const BackendCertificate& certificate, Findings& findings) {
  if (subject.host.secret_path(certificate.name, certificate.key_vault_secret_id) != nullptr) return;
  constexpr std::string_view kCode = "ApplicationGatewayKeyVaultSecretException";
  std::string message = "The Key Vault secret " + printable(certificate.key_vault_secret_id, 200) +
                        " of the trusted root certificate '" + certificate.name +
                        "' cannot be read from here; name its file in the host file's 'secrets'.";
  if (is_used(subject.gateway, certificate))
    findings.error(kCode, certificate.pointer, std::move(message));
  else
    findings.warning(kCode, certificate.pointer, std::move(message));
}

void check_one(const Subject& subject, const BackendCertificate& certificate, const std::string& kind,
               Findings& findings) {
  if (!certificate.data.bytes.empty())
    check_data(certificate, kind, findings);
  else if (!certificate.key_vault_secret_id.empty())
    check_elsewhere(subject, certificate, findings);
  else
    findings.error(kind + "MustSpecifyData", certificate.pointer,
                   "The certificate '" + certificate.name + "' has no 'data'; give the base64 of a DER or PEM file.");
}

}  // namespace

void check_backend_cas(const Subject& subject, Findings& findings) {
  for (const auto& certificate : subject.gateway.trusted_root_certificates)
    check_one(subject, certificate, "TrustedRootCertificate", findings);
  for (const auto& certificate : subject.gateway.authentication_certificates)
    check_one(subject, certificate, "AuthenticationCertificate", findings);
}

}  // namespace portcullis::validate
