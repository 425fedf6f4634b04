#include <algorithm>

#include "base/strings.h"
#include "validate/internal/rules.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::validate {

using model::EffectiveClientAuth;
using model::Findings;
using model::Gateway;
using model::SslPolicy;
using model::SslProfile;

namespace {

bool is_retired(std::string_view policy_name) { return policy_name.find("2022") == std::string_view::npos; }

void check_policy(const SslPolicy& policy, Findings& findings) {
  const bool has_custom_parts =
      policy.min_protocol_version || !policy.cipher_suites.empty() || !policy.disabled_ssl_protocols.empty();
  if (policy.policy_type != model::SslPolicyType::kPredefined) {
    findings.error("NotSupportedYet", policy.pointer,
                   "Custom TLS policies are not built yet; use policyType Predefined with AppGwSslPolicy20220101 or "
                   "AppGwSslPolicy20220101S.");
    return;
  }
  if (has_custom_parts)
    findings.error("SslPolicyPredefinedHasCustomParts", policy.pointer,
                   "A Predefined policy takes policyName only; remove minProtocolVersion, cipherSuites and "
                   "disabledSslProtocols.");
  if (policy.policy_name.empty())
    findings.error("SslPolicyNameMissing", policy.pointer,
                   "A Predefined policy needs policyName: AppGwSslPolicy20220101 or AppGwSslPolicy20220101S.");
  else if (is_retired(policy.policy_name))
    findings.error("SslPolicyRetired", policy.pointer,
                   policy.policy_name +
                       " was retired on 2025-08-31; use AppGwSslPolicy20220101 or "
                       "AppGwSslPolicy20220101S.");
}

bool is_used(const Gateway& gateway, const SslProfile& profile) {
  return std::any_of(gateway.http_listeners.begin(), gateway.http_listeners.end(), [&](const auto& listener) {
    return listener.ssl_profile && equals_ignore_case(listener.ssl_profile->name, profile.name);
  });
}

// An absent SKU is taken as Standard_v2.
bool sku_allows_client_auth(const model::Sku& sku) {
  return sku.name.empty() || sku.name == "Standard_v2" || sku.name == "WAF_v2";
}

void check_strict(const Gateway& gateway, const SslProfile& profile, Findings& findings) {
  const auto auth = model::effective_client_auth_configuration(profile);
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
  if (auth.verify_client_revocation == model::ClientRevocation::kOcsp)
    findings.error("RevocationNotEnforcedYet", auth.pointer,
                   "verifyClientRevocation OCSP is not enforced by this build yet, and a revoked client must not pass "
                   "unseen; set it to None to accept that.");
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

}  // namespace

void check_ssl_policies(const Gateway& gateway, Findings& findings) {
  if (gateway.ssl_policy) check_policy(*gateway.ssl_policy, findings);
  for (const SslProfile& profile : gateway.ssl_profiles)
    if (profile.ssl_policy) check_policy(*profile.ssl_policy, findings);
}

void check_certificates(const Gateway& gateway, const model::HostConfig& host, Findings& findings) {
  constexpr std::size_t kMaxServerCertificate = 16'384;
  for (const auto& certificate : gateway.ssl_certificates) {
    if (certificate.data && certificate.data->bytes.size() > kMaxServerCertificate)
      findings.warning("SslCertificateLargerThanAzureTakes", certificate.pointer,
                       "The certificate '" + certificate.name + "' is larger than the 16 KB that Azure takes.");
    if (certificate.data || host.secret_path(certificate.name, certificate.key_vault_secret_id) != nullptr) continue;
    const bool used =
        std::any_of(gateway.http_listeners.begin(), gateway.http_listeners.end(), [&](const auto& listener) {
          return listener.ssl_certificate && equals_ignore_case(listener.ssl_certificate->name, certificate.name);
        });
    std::string message = "The certificate '" + certificate.name +
                          "' has no 'data', and the host file's 'secrets' names no file for it; add one of the two.";
    if (used)
      findings.error("SslCertificateHasNoKey", certificate.pointer, std::move(message));
    else
      findings.warning("SslCertificateHasNoKey", certificate.pointer, std::move(message));
  }
  for (const auto& ca : gateway.trusted_client_certificates) {
    const std::string pointer = ca.data_pointer.empty() ? ca.pointer + "/properties/data" : ca.data_pointer;
    auto file = x509::parse_trusted_ca_file(ca.data.bytes);
    if (!file) {
      findings.error(file.error().code, pointer,
                     "Trusted client certificate '" + ca.name + "': " + file.error().message);
      continue;
    }
    for (const auto& warning : file->warnings)
      findings.warning(warning.code, pointer, "Trusted client certificate '" + ca.name + "': " + warning.message);
  }
}

void check_ssl_profiles(const Gateway& gateway, Findings& findings) {
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
