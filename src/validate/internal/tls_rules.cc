#include <algorithm>
#include <map>

#include "base/strings.h"
#include "validate/internal/rules.h"
#include "x509/key_pair.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::validate {

using model::EffectiveClientAuth;
using model::Findings;
using model::Gateway;
using model::SslProfile;

namespace {

bool is_used(const Gateway& gateway, const SslProfile& profile) {
  const auto uses = [&](const auto& listener) {
    return listener.ssl_profile && equals_ignore_case(listener.ssl_profile->name, profile.name);
  };
  return std::any_of(gateway.http_listeners.begin(), gateway.http_listeners.end(), uses) ||
         std::any_of(gateway.listeners.begin(), gateway.listeners.end(), uses);
}

// An absent SKU is taken as Standard_v2; one of v1 is refused as a whole, by check_sku.
bool sku_allows_client_auth(const model::Sku& sku) { return !sku.name.starts_with("Basic"); }

void check_strict(const Gateway& gateway, const SslProfile& profile, Findings& findings) {
  if (profile.trusted_client_certificates.empty()) {
    constexpr std::string_view kCode = "SslProfileNeedsTrustedClientCertificate";
    if (is_used(gateway, profile))
      findings.error(kCode, profile.pointer,
                     "The strict SSL profile '" + profile.name +
                         "' has no trusted client certificate, so nobody could pass; add one to "
                         "trustedClientCertificates.");
    else
      findings.warning(
          kCode, profile.pointer,
          "The strict SSL profile '" + profile.name + "' has no trusted client certificate; no listener uses it yet.");
  }
}

void check_passthrough(const SslProfile& profile, Findings& findings) {
  const auto auth = model::effective_client_auth_configuration(profile);
  std::string ignored;
  if (!profile.trusted_client_certificates.empty()) ignored += " trustedClientCertificates";
  if (auth.verify_client_cert_issuer_dn) ignored += " verifyClientCertIssuerDN";
  if (auth.verify_client_revocation == model::ClientRevocation::kOcsp) ignored += " verifyClientRevocation";
  if (!ignored.empty())
    findings.warning(
        "PassthroughDoesNotVerify", profile.pointer,
        "The profile '" + profile.name + "' is Passthrough: no client is refused, whatever is said by" + ignored + ".");
}

void check_opens(const model::SslCertificate& certificate, const std::string& id, const std::string& pointer,
                 Findings& findings) {
  const auto pair = x509::load_key_pair(certificate.data->bytes, certificate.password);
  if (!pair)
    findings.error(pair.error().code, pointer,
                   "Data or Password for certificate " + id + " is invalid: " + pair.error().message + ".");
}

void check_key_elsewhere(const Subject& subject, const model::SslCertificate& certificate, Findings& findings) {
  if (subject.host.secret_path(certificate.name, certificate.key_vault_secret_id) != nullptr || certificate.hsm) return;
  const auto uses = [&](const auto& listener) {
    return listener.ssl_certificate && equals_ignore_case(listener.ssl_certificate->name, certificate.name);
  };
  const Gateway& gateway = subject.gateway;
  const bool used = std::any_of(gateway.http_listeners.begin(), gateway.http_listeners.end(), uses) ||
                    std::any_of(gateway.listeners.begin(), gateway.listeners.end(), uses);
  const bool vault = !certificate.key_vault_secret_id.empty();
  const std::string_view code = vault ? "ApplicationGatewayKeyVaultSecretException" : "SslCertificateHasNoKey";
  std::string message =
      vault ? "The Key Vault secret " + printable(certificate.key_vault_secret_id, 200) + " of the certificate '" +
                  certificate.name + "' cannot be read from here; name its file in the host file's 'secrets'."
            : "The certificate '" + certificate.name +
                  "' has no 'data', and the host file's 'secrets' names no file for it; add one of the two.";
  if (used)
    findings.error(code, certificate.pointer, std::move(message));
  else
    findings.warning(code, certificate.pointer, std::move(message));
}

// Whether a profile trusts the file and asks for its issuer, or trusts it and does not (azure-semantics §9.3).
bool trusted_with_dn_rule(const Gateway& gateway, std::string_view name, bool dn_rule) {
  return std::any_of(gateway.ssl_profiles.begin(), gateway.ssl_profiles.end(), [&](const SslProfile& profile) {
    const auto& refs = profile.trusted_client_certificates;
    return model::effective_client_auth_configuration(profile).verify_client_cert_issuer_dn == dn_rule &&
           std::any_of(refs.begin(), refs.end(), [&](const auto& ref) { return equals_ignore_case(ref.name, name); });
  });
}

}  // namespace

void check_server_certificates(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  constexpr std::size_t kMaxServerCertificate = 16'384;
  for (const auto& certificate : gateway.ssl_certificates) {
    const std::string& pointer = certificate.data_pointer.empty() ? certificate.pointer : certificate.data_pointer;
    const std::string id = resource_id(gateway, "sslCertificates", certificate.name);
    if (certificate.data && certificate.data->bytes.size() > kMaxServerCertificate)
      findings.error("SslCertificateTooLarge", pointer,
                     "The certificate '" + certificate.name + "' has " +
                         std::to_string(certificate.data->bytes.size()) +
                         " bytes, and at most 16 KB (16384) are allowed; leave out what is not its own chain.");
    else if (certificate.data_undecoded)
      findings.error("ApplicationGatewaySslCertificateInvalidData", pointer,
                     "Data or Password for certificate " + id +
                         " is invalid: 'data' is the base64 of a PFX or PEM file, or '@file'.");
    else if (certificate.data && !subject.options.serving)
      check_opens(certificate, id, pointer, findings);
    else if (!certificate.data)
      check_key_elsewhere(subject, certificate, findings);
  }
}

void check_client_ca_files(const Subject& subject, Findings& findings) {
  constexpr std::string_view kSeveralChains = "trusted_client_certificate.several_chains";
  std::map<std::string, const model::TrustedClientCertificate*> seen;
  for (const auto& ca : subject.gateway.trusted_client_certificates) {
    const std::string pointer = ca.data_pointer.empty() ? ca.pointer + "/properties/data" : ca.data_pointer;
    auto file = x509::parse_trusted_ca_file(ca.data.bytes);
    if (!file) {
      findings.error(file.error().code, pointer,
                     "Trusted client certificate '" + ca.name + "': " + file.error().message);
      continue;
    }
    for (const auto& warning : file->warnings)
      // Several chains only matter to who asks which of them issued the client's certificate.
      if (warning.code != kSeveralChains || trusted_with_dn_rule(subject.gateway, ca.name, true))
        findings.warning(warning.code, pointer, "Trusted client certificate '" + ca.name + "': " + warning.message);
    const auto [first, fresh] = seen.emplace(file->validated_cert_data, &ca);
    if (!fresh)
      findings.warning("DuplicateTrustedClientCertificate", pointer,
                       "The trusted client certificates '" + first->second->name + "' and '" + ca.name +
                           "' hold the same certificates.");
    if (subject.options.is_public_root && subject.options.is_public_root(file->root) &&
        trusted_with_dn_rule(subject.gateway, ca.name, false))
      findings.warning("PublicRootWithoutIssuerRule", pointer,
                       "The root of '" + ca.name +
                           "' is a public CA: whoever buys a certificate there can authenticate; set "
                           "verifyClientCertIssuerDN in the profiles that use it.");
  }
}

void check_ssl_profiles(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  for (const SslProfile& profile : gateway.ssl_profiles) {
    const EffectiveClientAuth mode = model::effective_client_auth(profile);
    if (mode == EffectiveClientAuth::kStrict) check_strict(gateway, profile, findings);
    if (mode == EffectiveClientAuth::kPassthrough) check_passthrough(profile, findings);
    if (mode != EffectiveClientAuth::kNone && !sku_allows_client_auth(gateway.sku))
      findings.error(
          "ClientAuthNotAvailableForSku", profile.pointer,
          "Client authentication needs the SKU Standard_v2 or WAF_v2, and this gateway's is " + gateway.sku.name + ".");
    for (std::size_t i = 0; i < profile.trusted_client_certificates.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (equals_ignore_case(profile.trusted_client_certificates[i].name,
                               profile.trusted_client_certificates[j].name))
          findings.warning("DuplicateReference", profile.trusted_client_certificates[i].pointer,
                           "'" + profile.trusted_client_certificates[i].name + "' stands in this list twice.");
  }
}

}  // namespace portcullis::validate
