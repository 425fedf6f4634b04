#include "arm/internal/cipher_suite_names.h"
#include "arm/internal/gateway_tables.h"
#include "base/base64.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

constexpr std::string_view kReadOnly = "Read-only.";
constexpr std::string_view kReverse = "Read-only: who references this.";
constexpr std::string_view kFileScheme = "file://";

const Names<TlsVersion> kTlsVersions = {{"TLSv1_0", TlsVersion::kTls10},
                                        {"TLSv1_1", TlsVersion::kTls11},
                                        {"TLSv1_2", TlsVersion::kTls12},
                                        {"TLSv1_3", TlsVersion::kTls13}};

bool is_file_url(std::string_view id) { return starts_with_ignore_case(id, kFileScheme); }

void refuse_second_source(Context& context, const Node& node, const std::string& pointer) {
  context.error_at(node, "SslCertificateSourceAmbiguous", pointer,
                   "Both 'data' and a file:/// 'keyVaultSecretId' are given; keep one.");
}

void read_server_certificate_data(Context& context, const Node& node, const std::string& pointer,
                                  SslCertificate& certificate) {
  const auto value = context.text_of(node, pointer);
  if (!value || value->empty()) return;
  if (certificate.data) return refuse_second_source(context, node, pointer);
  certificate.data_pointer = pointer;
  certificate.data = context.blob_of(*value, pointer);
  if (!certificate.data) return;
  // Judged by validate/: Azure's own examples hold "****" here.
  certificate.data_undecoded = certificate.data->origin.empty() && certificate.data->bytes == *value &&
                               value->find("-----BEGIN") == std::string::npos;
}

// What is left of the private half: what a reload of this machine's own copy needs, and nobody else.
std::optional<Node> write_server_certificate_data(const Writing& writing, const SslCertificate& certificate,
                                                  std::string_view, bool) {
  if (!writing.options.with_secrets || !certificate.data || is_file_url(certificate.key_vault_secret_id))
    return std::nullopt;
  return json_text(certificate.data_undecoded ? certificate.data->bytes : base64_encode(certificate.data->bytes));
}

Field<SslCertificate> password() {
  Field<SslCertificate> field = text<SslCertificate>(&SslCertificate::password);
  field.write = [write = field.write](const Writing& writing, const SslCertificate& certificate, std::string_view name,
                                      bool forced) -> std::optional<Node> {
    if (!writing.options.with_secrets) return std::nullopt;
    return write(writing, certificate, name, forced);
  };
  return field;
}

void read_key_vault_secret_id(Context& context, const Node& node, const std::string& pointer,
                              SslCertificate& certificate) {
  const auto value = context.text_of(node, pointer);
  if (!value) return;
  certificate.key_vault_secret_id = *value;
  if (!is_file_url(*value)) return;
  const std::string path = value->substr(kFileScheme.size());
  if (!path.starts_with('/'))
    return context.error_at(node, "InvalidJson", pointer,
                            "A file URL names an absolute path: file:///path/to/bundle.pem.");
  if (certificate.data) return refuse_second_source(context, node, pointer);
  certificate.data = context.read_file(path, pointer);
}

Field<SslCertificate> key_vault_secret_id() {
  Field<SslCertificate> field = text<SslCertificate>(&SslCertificate::key_vault_secret_id);
  field.read = read_key_vault_secret_id;
  return field;
}

// `data` of a public certificate: T has data, original_data and data_pointer.
template <class T>
Field<T> public_data() {
  return {[](Context& context, const Node& node, const std::string& pointer, T& certificate) {
            certificate.data_pointer = pointer;
            const auto value = context.text_of(node, pointer);
            if (!value) return;
            auto blob = context.blob_of(*value, pointer);
            if (!blob) return;
            certificate.original_data = blob->origin.empty() ? *value : base64_encode(blob->bytes);
            certificate.data = std::move(*blob);
          },
          [](const Writing&, const T& certificate, std::string_view, bool forced) -> std::optional<Node> {
            if (!forced && certificate.original_data.empty()) return std::nullopt;
            return json_text(certificate.original_data);
          },
          {.kind = ValueKind::kText}};
}

Field<TrustedClientCertificate> client_ca_fact(std::string ClientCaFacts::*member) {
  return computed<TrustedClientCertificate>(
      [member](const Writing& writing, const TrustedClientCertificate& certificate) -> std::optional<Node> {
        const auto& facts = writing.options.certificates.trusted_client;
        const auto found = facts.find(certificate.name);
        if (found == facts.end()) return std::nullopt;
        return json_text(found->second.*member);
      });
}

Field<SslCertificate> public_cert_data() {
  return computed<SslCertificate>([](const Writing& writing, const SslCertificate& certificate) -> std::optional<Node> {
    const auto& facts = writing.options.certificates.public_cert_data;
    const auto found = facts.find(certificate.name);
    if (found == facts.end()) return std::nullopt;
    return json_text(found->second);
  });
}

const Table<ManagedHsm>& hsm_table() {
  using H = ManagedHsm;
  static const Table<H> table{
      "ApplicationGatewayManagedHsm",
      {{"keyId", text<H>(&H::key_id), ""}, {"publicCertData", text<H>(&H::public_cert_data), ""}}};
  return table;
}

const Table<ClientAuthConfiguration>& client_auth_table() {
  using C = ClientAuthConfiguration;
  static const Table<C> table{
      "ApplicationGatewayClientAuthConfiguration",
      {{"verifyClientCertIssuerDN", boolean<C>(&C::verify_client_cert_issuer_dn),
        "The client's certificate must come from the CA nearest the leaf in the uploaded file."},
       {"verifyClientRevocation",
        enumerator<C>(&C::verify_client_revocation,
                      Names<ClientRevocation>{{"None", ClientRevocation::kNone}, {"OCSP", ClientRevocation::kOcsp}}),
        "Ask the responder that the certificate names."},
       {"verifyClientAuthMode",
        enumerator<C>(
            &C::verify_client_auth_mode,
            Names<ClientAuthMode>{{"Strict", ClientAuthMode::kStrict}, {"Passthrough", ClientAuthMode::kPassthrough}}),
        "Strict: no valid certificate, no service (400). Passthrough: what is presented goes to the backend "
        "unjudged."}}};
  return table;
}

const Table<FirewallDisabledRuleGroup>& disabled_rule_group_table() {
  using F = FirewallDisabledRuleGroup;
  static const Table<F> table{"ApplicationGatewayFirewallDisabledRuleGroup",
                              {{"ruleGroupName", text<F>(&F::rule_group_name), "", kRequired | kAlways},
                               {"rules", numbers<F>(&F::rules, 1'000'000'000), ""}}};
  return table;
}

const Table<FirewallExclusion>& exclusion_table() {
  using F = FirewallExclusion;
  static const Table<F> table{"ApplicationGatewayFirewallExclusion",
                              {{"matchVariable", text<F>(&F::match_variable), "", kRequired | kAlways},
                               {"selectorMatchOperator", text<F>(&F::selector_match_operator), "", kRequired | kAlways},
                               {"selector", text<F>(&F::selector), "", kRequired | kAlways}}};
  return table;
}

}  // namespace

const Table<SslPolicy>& ssl_policy_table() {
  using P = SslPolicy;
  static const Table<P> table{
      "ApplicationGatewaySslPolicy",
      {{"disabledSslProtocols", enumerator_list<P>(&P::disabled_ssl_protocols, kTlsVersions),
        "Protocol versions switched off; the older way to say minProtocolVersion."},
       {"policyType",
        enumerator<P>(&P::policy_type, Names<SslPolicyType>{{"Predefined", SslPolicyType::kPredefined},
                                                            {"Custom", SslPolicyType::kCustom},
                                                            {"CustomV2", SslPolicyType::kCustomV2}}),
        "Predefined takes policyName only; the others take minProtocolVersion and cipherSuites."},
       {"policyName",
        spelled<P>(&P::policy_name, {"AppGwSslPolicy20150501", "AppGwSslPolicy20170401", "AppGwSslPolicy20170401S",
                                     "AppGwSslPolicy20220101", "AppGwSslPolicy20220101S"}),
        "20150501 and 20170401 were retired on 2025-08-31."},
       {"cipherSuites",
        spelled_list<P>(&P::cipher_suites, {std::begin(kCipherSuiteNames), std::end(kCipherSuiteNames)}),
        "In the server's order of preference."},
       {"minProtocolVersion", enumerator<P>(&P::min_protocol_version, kTlsVersions), "TLSv1_3: CustomV2 only."}}};
  return table;
}

const Table<SslCertificate>& ssl_certificate_table() {
  using C = SslCertificate;
  static const Table<C> table{
      "ApplicationGatewaySslCertificate",
      {{"provisioningState", provisioning_state<C>(), kReadOnly},
       {"data", Field<C>(read_server_certificate_data, write_server_certificate_data, {.kind = ValueKind::kText}),
        "Base64 of a PFX (or PEM bundle), or `@file` in a document on this machine's disk. Never returned."},
       {"password", password(), "Of the PFX. Never returned."},
       {"publicCertData", public_cert_data(), "Read-only: the certificates as PKCS#7."},
       {"keyVaultSecretId", key_vault_secret_id(),
        "`file:///…` is read; any other is looked up in the host file's `secrets`."},
       {"hsm", object<C>(&C::hsm, hsm_table()), "A key in a managed HSM."},
       {"httpListeners", reverse<C>("httpListeners", &Gateway::http_listeners, &HttpListener::ssl_certificate),
        kReverse},
       {"listeners", ignored<C>(), kReverse}}};
  return table;
}

const Table<BackendCertificate>& trusted_root_certificate_table() {
  using C = BackendCertificate;
  static const Table<C> table{"ApplicationGatewayTrustedRootCertificate",
                              {{"provisioningState", provisioning_state<C>(), kReadOnly},
                               {"data", public_data<C>(), "Base64 of DER or PEM, or `@file`."},
                               {"keyVaultSecretId", text<C>(&C::key_vault_secret_id), ""},
                               {"backendHttpSettings",
                                reverse<C>("backendHttpSettingsCollection", &Gateway::backend_http_settings,
                                           &BackendHttpSettings::trusted_root_certificates),
                                kReverse}}};
  return table;
}

const Table<BackendCertificate>& authentication_certificate_table() {
  using C = BackendCertificate;
  static const Table<C> table{"ApplicationGatewayAuthenticationCertificate",
                              {{"provisioningState", provisioning_state<C>(), kReadOnly},
                               {"data", public_data<C>(), "Base64 of DER or PEM, or `@file`."},
                               {"backendHttpSettings", ignored<C>(), kReverse}}};
  return table;
}

const Table<TrustedClientCertificate>& trusted_client_certificate_table() {
  using C = TrustedClientCertificate;
  static const Table<C> table{
      "ApplicationGatewayTrustedClientCertificate",
      {{"provisioningState", provisioning_state<C>(), kReadOnly},
       {"data", public_data<C>(), "One root CA and its intermediates: PEM, base64 of PEM, or `@file`; at most 25 KB."},
       {"validatedCertData", client_ca_fact(&ClientCaFacts::validated_cert_data),
        "Read-only: the CAs found in `data`."},
       {"clientCertIssuerDN", client_ca_fact(&ClientCaFacts::client_cert_issuer_dn),
        "Read-only: the issuer that verifyClientCertIssuerDN asks for."},
       {"sslProfiles", reverse<C>("sslProfiles", &Gateway::ssl_profiles, &SslProfile::trusted_client_certificates),
        kReverse}}};
  return table;
}

const Table<SslProfile>& ssl_profile_table() {
  using P = SslProfile;
  static const Table<P> table{
      "ApplicationGatewaySslProfile",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"trustedClientCertificates", references<P>(&P::trusted_client_certificates, "trustedClientCertificates"),
        "The CA files whose union is trusted; Strict needs one."},
       {"sslPolicy", object<P>(&P::ssl_policy, ssl_policy_table()), "In place of the gateway's."},
       {"clientAuthConfiguration", object<P>(&P::client_auth, client_auth_table()),
        "Absent, with CA files: Strict. Absent, without: clients are not asked for a certificate."},
       {"httpListeners", reverse<P>("httpListeners", &Gateway::http_listeners, &HttpListener::ssl_profile), kReverse},
       {"listeners", ignored<P>(), kReverse}}};
  return table;
}

const Table<FirewallConfiguration>& firewall_table() {
  using F = FirewallConfiguration;
  static const Table<F> table{
      "ApplicationGatewayWebApplicationFirewallConfiguration",
      {{"enabled", boolean<F>(&F::enabled), "", kAlways},
       {"firewallMode",
        enumerator<F>(&F::firewall_mode, Names<FirewallMode>{{"Detection", FirewallMode::kDetection},
                                                             {"Prevention", FirewallMode::kPrevention}}),
        ""},
       {"ruleSetType", text<F>(&F::rule_set_type), ""},
       {"ruleSetVersion", text<F>(&F::rule_set_version), ""},
       {"disabledRuleGroups", objects<F>(&F::disabled_rule_groups, disabled_rule_group_table()), ""},
       {"exclusions", objects<F>(&F::exclusions, exclusion_table()), ""},
       {"requestBodyCheck", boolean<F>(&F::request_body_check), ""},
       {"maxRequestBodySize", number<F>(&F::max_request_body_size, 8, 128, "KB"), ""},
       {"maxRequestBodySizeInKb", number<F>(&F::max_request_body_size_in_kb, 8, 128, "KB"), ""},
       {"fileUploadLimitInMb", number<F>(&F::file_upload_limit_in_mb, 0, 1'000'000, "MB"), ""}}};
  return table;
}

const Table<JwtValidationConfig>& jwt_validation_table() {
  using J = JwtValidationConfig;
  static const Table<J> table{
      "ApplicationGatewayEntraJWTValidationConfig",
      {{"provisioningState", provisioning_state<J>(), kReadOnly},
       {"unAuthorizedRequestAction",
        enumerator<J>(&J::unauthorized_request_action,
                      Names<UnauthorizedRequestAction>{{"Deny", UnauthorizedRequestAction::kDeny},
                                                       {"Allow", UnauthorizedRequestAction::kAllow}}),
        ""},
       {"tenantId", text<J>(&J::tenant_id), ""},
       {"clientId", text<J>(&J::client_id), ""},
       {"audiences", texts<J>(&J::audiences), ""}},
      false};
  return table;
}

const Table<AuthConfig>& auth_config_table() {
  using A = AuthConfig;
  static const Table<A> table{"ApplicationGatewayAuthConfig",
                              {{"name", text<A>(&A::name), "", kRequired | kAlways},
                               {"authenticationPolicy", external<A>(&A::authentication_policy_id, ""), "", kRequired}}};
  return table;
}

}  // namespace portcullis::arm
