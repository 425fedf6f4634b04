// The gateway document as typed structs: Azure's Microsoft.Network/applicationGateways resource with Azure's property
// names in snake_case, its defaults filled in, its references resolved to names, and the place in the document that
// each part came from. Plain values: made by arm/, judged by validate/, compiled by snapshot/; read-only and free to
// share after that. Nothing here is checked beyond type and range: a Gateway that validate() has not passed may be
// nonsense.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace portcullis::model {

// A reference to another sub-resource of this gateway. `name` is spelled as the target spells its own; a dangling
// reference never leaves arm/.
struct Ref {
  std::string name;
  std::string pointer;  // where the reference stands
};

// What every sub-resource has. `pointer` is where the element stands, for example "/properties/sslProfiles/0".
struct SubResource {
  std::string name;
  std::string pointer;
};

// Bytes that a document carries inline or names with '@file' or 'file:///'. `origin` is the absolute path of the file,
// or empty when the bytes stood in the document itself.
struct Blob {
  std::string bytes;  // decoded: never base64, never an '@'
  std::string origin;
};

enum class SslPolicyType : std::uint8_t { kPredefined, kCustom, kCustomV2 };
enum class TlsVersion : std::uint8_t { kTls10, kTls11, kTls12, kTls13 };  // ARM TLSv1_0 … TLSv1_3

// ARM ApplicationGatewaySslPolicy (azure-semantics §3.1).
struct SslPolicy {
  SslPolicyType policy_type = SslPolicyType::kPredefined;
  std::string policy_name;                         // canonical spelling "AppGwSslPolicy20220101"; Predefined only
  std::optional<TlsVersion> min_protocol_version;  // Custom and CustomV2 only
  std::vector<std::string> cipher_suites;          // server preference order; canonical spelling
  std::vector<TlsVersion> disabled_ssl_protocols;
  std::string pointer;
};

struct Sku {
  std::string name;  // canonical spelling: Standard_v2, WAF_v2, Basic, Standard_Small …; empty when absent
  std::string tier;
  std::string family;
  std::optional<std::uint32_t> capacity;
  std::string pointer;
};

// --- certificates -------------------------------------------------------------------------------------------------

// ARM sslCertificates[]: a server certificate with its key. Exactly one of these says where the key is: `data` (PFX or
// PEM bytes), or else the host file's `secrets`, looked up by `name` or by `key_vault_secret_id`.
struct SslCertificate : SubResource {
  std::optional<Blob> data;         // PFX or PEM; never shown
  std::string password;             // of the PFX; never shown
  std::string key_vault_secret_id;  // as given; a file:/// one is already read into `data`
};

// ARM trustedClientCertificates[]: one trusted client CA file.
struct TrustedClientCertificate : SubResource {
  Blob data;                  // the file's bytes: PEM text (DER is for validate/ to judge); empty when none were given
  std::string original_data;  // as the document gave it (base64 or PEM): what a GET returns
  std::string data_pointer;   // "/properties/trustedClientCertificates/0/properties/data"
};

// --- client authentication ----------------------------------------------------------------------------------------

enum class ClientAuthMode : std::uint8_t { kStrict, kPassthrough };
enum class ClientRevocation : std::uint8_t { kNone, kOcsp };

// ARM clientAuthConfiguration.
struct ClientAuthConfiguration {
  bool verify_client_cert_issuer_dn = false;
  ClientRevocation verify_client_revocation = ClientRevocation::kNone;
  ClientAuthMode verify_client_auth_mode = ClientAuthMode::kStrict;
  std::string pointer;
};

// What a profile asks of a client, after azure-semantics §9.3.
enum class EffectiveClientAuth : std::uint8_t {
  kNone,         // neither clientAuthConfiguration nor CA files: a TLS policy only, no CertificateRequest
  kStrict,       // the client must present a certificate that verifies
  kPassthrough,  // whatever is presented is passed on unjudged
};

struct SslProfile : SubResource {
  std::vector<Ref> trusted_client_certificates;
  std::optional<SslPolicy> ssl_policy;  // absent: the gateway's applies
  std::optional<ClientAuthConfiguration> client_auth;
};

// CA files without clientAuthConfiguration mean Strict with the issuer-DN rule off.
EffectiveClientAuth effective_client_auth(const SslProfile& profile);
// The configuration in force: the one given, or the defaults (Strict, DN off, no revocation).
ClientAuthConfiguration effective_client_auth_configuration(const SslProfile& profile);

// --- the client's side --------------------------------------------------------------------------------------------

enum class Protocol : std::uint8_t { kHttp, kHttps, kTcp, kTls };

struct FrontendIpConfiguration : SubResource {
  std::string private_ip_address;            // as given; kept, the host file's `bind` decides where to listen
  std::string private_ip_allocation_method;  // Static | Dynamic
  std::string subnet_id;                     // kept, unused
  std::string public_ip_address_id;          // kept, unused
};

struct FrontendPort : SubResource {
  std::uint16_t port = 0;  // 1–65535
};

struct HttpListener : SubResource {
  std::optional<Ref> frontend_ip_configuration;
  std::optional<Ref> frontend_port;
  Protocol protocol = Protocol::kHttp;
  std::string host_name;                // as given; empty: none
  std::vector<std::string> host_names;  // as given
  bool require_server_name_indication = false;
  std::optional<Ref> ssl_certificate;
  std::optional<Ref> ssl_profile;
};

// --- the backends' side -------------------------------------------------------------------------------------------

// ARM backendAddresses[]: exactly one of the two is set after validation.
struct BackendAddress {
  std::string fqdn;
  std::string ip_address;
  std::string pointer;
};

struct BackendAddressPool : SubResource {
  std::vector<BackendAddress> backend_addresses;
};

enum class CookieBasedAffinity : std::uint8_t { kDisabled, kEnabled };

struct ConnectionDraining {
  bool enabled = false;
  std::chrono::seconds drain_timeout{30};  // 1–3600; ARM drainTimeoutInSec
};

struct BackendHttpSettings : SubResource {
  std::uint16_t port = 0;  // 1–65535; 0: absent (validate refuses)
  Protocol protocol = Protocol::kHttp;
  CookieBasedAffinity cookie_based_affinity = CookieBasedAffinity::kDisabled;
  std::chrono::seconds request_timeout{30};  // 1–86400; ARM requestTimeout
  std::optional<ConnectionDraining> connection_draining;
  std::string host_name;  // Host override; empty: none
  bool pick_host_name_from_backend_address = false;
  std::string path;  // override prefix, as given; empty: none
  std::string affinity_cookie_name;
  bool dedicated_backend_connection = false;
  bool validate_cert_chain_and_expiry = true;
  bool validate_sni = true;
  std::string sni_name;
};

// --- routing ------------------------------------------------------------------------------------------------------

struct HeaderConfiguration {
  std::string header_name;
  std::string header_value;  // text with {var_…}, {http_req_…}, {http_resp_…}; empty deletes the header
  std::string pointer;
};

struct RewriteRule {
  std::string name;
  std::uint32_t rule_sequence = 0;  // ascending order of application
  std::vector<HeaderConfiguration> request_header_configurations;
  std::vector<HeaderConfiguration> response_header_configurations;
  std::string pointer;
};

struct RewriteRuleSet : SubResource {
  std::vector<RewriteRule> rewrite_rules;  // in document order; compile by rule_sequence
};

enum class RuleType : std::uint8_t { kBasic, kPathBasedRouting, kAdvancedRouting };

struct RequestRoutingRule : SubResource {
  RuleType rule_type = RuleType::kBasic;
  std::optional<std::uint32_t> priority;  // 1–20000, lowest wins
  std::optional<Ref> http_listener;
  std::optional<Ref> backend_address_pool;
  std::optional<Ref> backend_http_settings;
  std::optional<Ref> rewrite_rule_set;
};

// --- what a self-hosted gateway has no use for: read and kept ---------------------------------------------------

struct GatewayIpConfiguration : SubResource {
  std::string subnet_id;
};

struct Autoscale {
  std::uint32_t min_capacity = 0;
  std::optional<std::uint32_t> max_capacity;
};

struct Identity {
  std::string type;
  std::vector<std::string> user_assigned_identities;  // resource ids, in document order
};

struct Gateway {
  std::string name;
  std::string id;  // as given; empty when the document has none
  std::string location;
  std::map<std::string, std::string> tags;
  std::vector<std::string> zones;
  std::optional<Identity> identity;
  std::string pointer;  // of the resource: "" for a resource body, "/resources/0" inside a template

  Sku sku;
  std::optional<SslPolicy> ssl_policy;
  std::optional<Autoscale> autoscale;
  bool enable_http2 = false;
  std::optional<std::uint32_t> reserved_capacity;
  // ARM globalConfiguration: kept; bodies are streamed with back-pressure either way.
  bool enable_request_buffering = true;
  bool enable_response_buffering = true;

  std::vector<SslCertificate> ssl_certificates;
  std::vector<TrustedClientCertificate> trusted_client_certificates;
  std::vector<SslProfile> ssl_profiles;
  std::vector<GatewayIpConfiguration> gateway_ip_configurations;
  std::vector<FrontendIpConfiguration> frontend_ip_configurations;
  std::vector<FrontendPort> frontend_ports;
  std::vector<BackendAddressPool> backend_address_pools;
  std::vector<BackendHttpSettings> backend_http_settings;  // ARM backendHttpSettingsCollection
  std::vector<HttpListener> http_listeners;
  std::vector<RequestRoutingRule> request_routing_rules;
  std::vector<RewriteRuleSet> rewrite_rule_sets;
};

// The element that `name` names, without regard to case, or null.
template <class T>
const T* find_by_name(const std::vector<T>& elements, std::string_view name) {
  for (const T& element : elements)
    if (equals_ignore_case(element.name, name)) return &element;
  return nullptr;
}

}  // namespace portcullis::model
