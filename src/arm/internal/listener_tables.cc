#include "arm/internal/listener_tables.h"

#include "base/base64.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

const Names<TlsVersion> kTlsVersions = {{"TLSv1_0", TlsVersion::kTls10},
                                        {"TLSv1_1", TlsVersion::kTls11},
                                        {"TLSv1_2", TlsVersion::kTls12},
                                        {"TLSv1_3", TlsVersion::kTls13}};

constexpr std::string_view kFileScheme = "file://";

void read_server_certificate_data(Context& context, const Node& node, const std::string& pointer,
                                  SslCertificate& certificate) {
  const auto value = context.text_of(node, pointer);
  if (!value || value->empty()) return;
  if (certificate.data) {
    context.error("SslCertificateSourceAmbiguous", pointer,
                  "Both 'data' and a file:/// 'keyVaultSecretId' are given; keep one.");
    return;
  }
  auto blob = context.blob_of(*value, pointer);
  const bool undecoded =
      blob && blob->origin.empty() && blob->bytes == *value && value->find("-----BEGIN") == std::string::npos;
  if (undecoded)
    context.error("ApplicationGatewaySslCertificateInvalidData", pointer,
                  "Data or Password for certificate " + certificate.name +
                      " is invalid: 'data' is the base64 of a PFX or PEM file, or '@file'.");
  else
    certificate.data = std::move(blob);
}

void read_key_vault_secret_id(Context& context, const Node& node, const std::string& pointer,
                              SslCertificate& certificate) {
  const auto value = context.text_of(node, pointer);
  if (!value) return;
  certificate.key_vault_secret_id = *value;
  if (!starts_with_ignore_case(*value, kFileScheme)) return;
  const std::string path = value->substr(kFileScheme.size());
  if (!path.starts_with('/')) {
    context.error("InvalidJson", pointer, "A file URL names an absolute path: file:///path/to/bundle.pem.");
    return;
  }
  if (certificate.data) {
    context.error("SslCertificateSourceAmbiguous", pointer,
                  "Both 'data' and a file:/// 'keyVaultSecretId' are given; keep one.");
    return;
  }
  certificate.data = context.read_file(path, pointer);
}

void read_client_ca_data(Context& context, const Node& node, const std::string& pointer,
                         TrustedClientCertificate& certificate) {
  certificate.data_pointer = pointer;
  const auto value = context.text_of(node, pointer);
  if (!value) return;
  auto blob = context.blob_of(*value, pointer);
  if (!blob) return;
  certificate.original_data = blob->origin.empty() ? *value : base64_encode(blob->bytes);
  certificate.data = std::move(*blob);
}

const Table<ClientAuthConfiguration>& client_auth_table() {
  using C = ClientAuthConfiguration;
  static const Table<C> table{
      "ApplicationGatewayClientAuthConfiguration",
      {{"verifyClientCertIssuerDN", boolean<C>(&C::verify_client_cert_issuer_dn), "azure-semantics §1.1"},
       {"verifyClientRevocation",
        enumerator<C>(&C::verify_client_revocation,
                      Names<ClientRevocation>{{"None", ClientRevocation::kNone}, {"OCSP", ClientRevocation::kOcsp}}),
        "azure-semantics §1.1"},
       {"verifyClientAuthMode",
        enumerator<C>(
            &C::verify_client_auth_mode,
            Names<ClientAuthMode>{{"Strict", ClientAuthMode::kStrict}, {"Passthrough", ClientAuthMode::kPassthrough}}),
        "azure-semantics §1.1"}}};
  return table;
}

}  // namespace

const Names<Protocol>& protocol_names() {
  static const Names<Protocol> names = {
      {"Http", Protocol::kHttp}, {"Https", Protocol::kHttps}, {"Tcp", Protocol::kTcp}, {"Tls", Protocol::kTls}};
  return names;
}

const Table<SslPolicy>& ssl_policy_table() {
  using P = SslPolicy;
  static const Table<P> table{
      "ApplicationGatewaySslPolicy",
      {{"policyType",
        enumerator<P>(&P::policy_type, Names<SslPolicyType>{{"Predefined", SslPolicyType::kPredefined},
                                                            {"Custom", SslPolicyType::kCustom},
                                                            {"CustomV2", SslPolicyType::kCustomV2}}),
        "azure-semantics §3.1"},
       {"policyName",
        spelled<P>(&P::policy_name, {"AppGwSslPolicy20150501", "AppGwSslPolicy20170401", "AppGwSslPolicy20170401S",
                                     "AppGwSslPolicy20220101", "AppGwSslPolicy20220101S"}),
        "azure-semantics §3.1"},
       {"minProtocolVersion", enumerator<P>(&P::min_protocol_version, kTlsVersions), "azure-semantics §3.1"},
       {"cipherSuites", texts<P>(&P::cipher_suites), "azure-semantics §3.4"},
       {"disabledSslProtocols", enumerator_list<P>(&P::disabled_ssl_protocols, kTlsVersions), "azure-semantics §3.1"}}};
  return table;
}

const Table<SslCertificate>& ssl_certificate_table() {
  using C = SslCertificate;
  static const Table<C> table{"ApplicationGatewaySslCertificate",
                              {{"data", read_server_certificate_data, "arm-api §1.5"},
                               {"password", text<C>(&C::password), "arm-api §1.5"},
                               {"publicCertData", ignored<C>(), "read-only"},
                               {"keyVaultSecretId", read_key_vault_secret_id, "product.md, Two files"},
                               {"hsm", not_built<C>("keys in a managed HSM"), "arm-api §5"},
                               {"httpListeners", ignored<C>(), "reverse reference, arm-api §1.8"},
                               {"provisioningState", ignored<C>(), "read-only"}}};
  return table;
}

const Table<TrustedClientCertificate>& trusted_client_certificate_table() {
  using C = TrustedClientCertificate;
  static const Table<C> table{"ApplicationGatewayTrustedClientCertificate",
                              {{"data", read_client_ca_data, "azure-semantics §1.1"},
                               {"validatedCertData", ignored<C>(), "read-only"},
                               {"clientCertIssuerDN", ignored<C>(), "read-only"},
                               {"sslProfiles", ignored<C>(), "reverse reference, arm-api §1.8"},
                               {"provisioningState", ignored<C>(), "read-only"}}};
  return table;
}

const Table<SslProfile>& ssl_profile_table() {
  using P = SslProfile;
  static const Table<P> table{
      "ApplicationGatewaySslProfile",
      {{"trustedClientCertificates", references<P>(&P::trusted_client_certificates, "trustedClientCertificates"),
        "azure-semantics §1.1"},
       {"sslPolicy", object<P>(&P::ssl_policy, ssl_policy_table()), "azure-semantics §3.1"},
       {"clientAuthConfiguration", object<P>(&P::client_auth, client_auth_table()), "azure-semantics §1.1"},
       {"httpListeners", ignored<P>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<P>(), "read-only"}}};
  return table;
}

const Table<FrontendIpConfiguration>& frontend_ip_configuration_table() {
  using F = FrontendIpConfiguration;
  static const Table<F> table{
      "ApplicationGatewayFrontendIPConfiguration",
      {{"privateIPAddress", text<F>(&F::private_ip_address), "kept"},
       {"privateIPAllocationMethod", spelled<F>(&F::private_ip_allocation_method, {"Static", "Dynamic"}), "kept"},
       {"subnet", external<F>(&F::subnet_id), "kept"},
       {"publicIPAddress", external<F>(&F::public_ip_address_id), "kept"},
       {"privateLinkConfiguration", not_built<F>("private link"), "arm-api §5"},
       {"httpListeners", ignored<F>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<F>(), "read-only"}}};
  return table;
}

const Table<FrontendPort>& frontend_port_table() {
  using F = FrontendPort;
  static const Table<F> table{"ApplicationGatewayFrontendPort",
                              {{"port", number<F>(&F::port, 1, 65'535), "azure-semantics §4.1"},
                               {"httpListeners", ignored<F>(), "reverse reference, arm-api §1.8"},
                               {"provisioningState", ignored<F>(), "read-only"}}};
  return table;
}

const Table<HttpListener>& http_listener_table() {
  using L = HttpListener;
  static const Table<L> table{
      "ApplicationGatewayHttpListener",
      {{"frontendIPConfiguration", reference<L>(&L::frontend_ip_configuration, "frontendIPConfigurations"),
        "azure-semantics §4.1"},
       {"frontendPort", reference<L>(&L::frontend_port, "frontendPorts"), "azure-semantics §4.1"},
       {"protocol", enumerator<L>(&L::protocol, protocol_names()), "azure-semantics §4.1"},
       {"hostName", text<L>(&L::host_name), "azure-semantics §4.1"},
       {"hostNames", texts<L>(&L::host_names), "azure-semantics §4.1"},
       {"sslCertificate", reference<L>(&L::ssl_certificate, "sslCertificates"), "azure-semantics §4.1"},
       {"sslProfile", reference<L>(&L::ssl_profile, "sslProfiles"), "azure-semantics §1.1"},
       {"requireServerNameIndication", boolean<L>(&L::require_server_name_indication), "azure-semantics §4.1"},
       {"customErrorConfigurations", not_built<L>("custom error pages"), "azure-semantics §6.6"},
       {"firewallPolicy", not_built<L>("the web application firewall"), "arm-api §5"},
       {"enableHttp3", not_built<L>("HTTP/3"), "arm-api §1.2"},
       {"requestRoutingRules", ignored<L>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<L>(), "read-only"}}};
  return table;
}

}  // namespace portcullis::arm
