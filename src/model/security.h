// Certificates, TLS policies and client authentication: the parts of the gateway model that decide who is trusted and
// how a connection is encrypted (azure-semantics §1, §3). Plain values; see gateway.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/resource.h"

namespace portcullis::model {

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
  Given given;
};

// --- certificates -------------------------------------------------------------------------------------------------

// ARM ApplicationGatewayManagedHsm: a key that never leaves a hardware module.
struct ManagedHsm {
  std::string key_id;
  std::string public_cert_data;
  std::string pointer;
  Given given;
};

// ARM sslCertificates[]: a server certificate with its key. Exactly one of these says where the key is: `data` (PFX or
// PEM bytes), or else the host file's `secrets`, looked up by `name` or by `key_vault_secret_id`.
struct SslCertificate : SubResource {
  std::optional<Blob> data;         // PFX or PEM; never shown
  std::string password;             // of the PFX; never shown
  std::string key_vault_secret_id;  // as given; a file:/// one is already read into `data`
  std::optional<ManagedHsm> hsm;
  bool data_undecoded = false;  // `data` was neither base64 nor PEM: its bytes are the text as given
  std::string data_pointer;     // where `data` stood; empty without it
};

// ARM trustedClientCertificates[]: one trusted client CA file.
struct TrustedClientCertificate : SubResource {
  Blob data;                  // the file's bytes: PEM text (DER is for validate/ to judge); empty when none were given
  std::string original_data;  // as the document gave it (base64 or PEM): what a GET returns
  std::string data_pointer;   // "/properties/trustedClientCertificates/0/properties/data"
};

// ARM trustedRootCertificates[] (a backend's CA; base64 of DER) and authenticationCertificates[] (v1).
struct BackendCertificate : SubResource {
  Blob data;
  std::string original_data;  // as the document gave it
  std::string data_pointer;
  std::string key_vault_secret_id;  // trustedRootCertificates only
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
  Given given;
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

// --- what only Azure's own services enforce -----------------------------------------------------------------------

enum class UnauthorizedRequestAction : std::uint8_t { kDeny, kAllow };

// ARM entraJWTValidationConfigs[].
struct JwtValidationConfig : SubResource {
  std::optional<UnauthorizedRequestAction> unauthorized_request_action;
  std::string tenant_id;
  std::string client_id;
  std::vector<std::string> audiences;
};

// ARM ApplicationGatewayAuthConfig: an authentication policy that a rule asks for.
struct AuthConfig {
  std::string name;
  std::string authentication_policy_id;
  std::string pointer;
  Given given;
};

struct FirewallDisabledRuleGroup {
  std::string rule_group_name;
  std::vector<std::uint32_t> rules;
  std::string pointer;
  Given given;
};

struct FirewallExclusion {
  std::string match_variable;
  std::string selector_match_operator;
  std::string selector;
  std::string pointer;
  Given given;
};

enum class FirewallMode : std::uint8_t { kDetection, kPrevention };

// ARM webApplicationFirewallConfiguration.
struct FirewallConfiguration {
  bool enabled = true;  // what says nothing about it asks for protection
  std::optional<FirewallMode> firewall_mode;
  std::string rule_set_type;
  std::string rule_set_version;
  std::vector<FirewallDisabledRuleGroup> disabled_rule_groups;
  std::optional<bool> request_body_check;
  std::optional<std::uint32_t> max_request_body_size;        // KB, 8–128
  std::optional<std::uint32_t> max_request_body_size_in_kb;  // 8–128
  std::optional<std::uint32_t> file_upload_limit_in_mb;
  std::vector<FirewallExclusion> exclusions;
  std::string pointer;
  Given given;
};

}  // namespace portcullis::model
