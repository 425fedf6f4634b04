// The gateway document as typed structs: Azure's Microsoft.Network/applicationGateways resource with Azure's property
// names in snake_case, its defaults filled in, its references resolved to names, and the place in the document that
// each part came from. Plain values: made by arm/, judged by validate/, compiled by snapshot/; read-only and free to
// share after that. Nothing here is checked beyond type and range: a Gateway that validate() has not passed may be
// nonsense. The parts are declared in security.h, frontend.h, backend.h and routes.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/backend.h"
#include "model/frontend.h"
#include "model/resource.h"
#include "model/routes.h"
#include "model/security.h"

namespace portcullis::model {

struct Sku {
  std::string name;  // canonical spelling: Standard_v2, WAF_v2, Basic, Standard_Small …; empty when absent
  std::string tier;
  std::string family;
  std::optional<std::uint32_t> capacity;
  std::string pointer;
  Given given;
};

// --- what a self-hosted gateway has no use for: read and kept ---------------------------------------------------

struct GatewayIpConfiguration : SubResource {
  std::string subnet_id;
};

struct Autoscale {
  std::uint32_t min_capacity = 0;
  std::optional<std::uint32_t> max_capacity;
  std::string pointer;
  Given given;
};

struct Identity {
  std::string type;
  std::vector<std::string> user_assigned_identities;  // resource ids, in document order
  std::string pointer;
  Given given;
};

struct PrivateLinkIpConfiguration : SubResource {
  std::string private_ip_address;
  std::string private_ip_allocation_method;  // Static | Dynamic
  std::string subnet_id;
  bool primary = false;
};

struct PrivateLinkConfiguration : SubResource {
  std::vector<PrivateLinkIpConfiguration> ip_configurations;
};

struct Gateway {
  std::string name;
  std::string id;  // as given; empty when the document has none
  std::string location;
  std::map<std::string, std::string> tags;
  std::vector<std::string> zones;
  std::optional<Identity> identity;
  std::string pointer;  // of the resource: "" for a resource body, "/resources/0" inside a template
  // "/subscriptions/…/applicationGateways/gw" as the id, or else the first full reference, spells it; may be empty.
  std::string id_base;
  Given given;

  Sku sku;
  std::optional<SslPolicy> ssl_policy;
  std::optional<Autoscale> autoscale;
  bool enable_http2 = false;
  bool enable_fips = false;
  std::optional<std::uint32_t> reserved_capacity;
  // ARM globalConfiguration: kept; bodies are streamed with back-pressure either way.
  bool enable_request_buffering = true;
  bool enable_response_buffering = true;
  bool disable_default_server_header = false;  // ARM disableDefaultServerHeaderInResponse
  std::optional<FirewallConfiguration> firewall;
  std::string firewall_policy_id;
  bool force_firewall_policy_association = false;
  std::vector<CustomError> custom_errors;  // ARM customErrorConfigurations

  std::vector<SslCertificate> ssl_certificates;
  std::vector<BackendCertificate> trusted_root_certificates;
  std::vector<BackendCertificate> authentication_certificates;
  std::vector<TrustedClientCertificate> trusted_client_certificates;
  std::vector<SslProfile> ssl_profiles;
  std::vector<GatewayIpConfiguration> gateway_ip_configurations;
  std::vector<FrontendIpConfiguration> frontend_ip_configurations;
  std::vector<FrontendPort> frontend_ports;
  std::vector<Probe> probes;
  std::vector<BackendAddressPool> backend_address_pools;
  std::vector<LoadDistributionPolicy> load_distribution_policies;
  std::vector<BackendHttpSettings> backend_http_settings;  // ARM backendHttpSettingsCollection
  std::vector<BackendSettings> backend_settings;           // ARM backendSettingsCollection
  std::vector<HttpListener> http_listeners;
  std::vector<Listener> listeners;
  std::vector<UrlPathMap> url_path_maps;
  std::vector<AdvancedRoutingMap> advanced_routing_maps;
  std::vector<AdvancedRoutingConditionSet> advanced_routing_condition_sets;
  std::vector<RequestRoutingRule> request_routing_rules;
  std::vector<RoutingRule> routing_rules;
  std::vector<RewriteRuleSet> rewrite_rule_sets;
  std::vector<RedirectConfiguration> redirect_configurations;
  std::vector<PrivateLinkConfiguration> private_link_configurations;
  std::string private_endpoint_connections;  // ARM privateEndpointConnections as JSON text: kept; Azure fills it in
  std::vector<JwtValidationConfig> jwt_validation_configs;  // ARM entraJWTValidationConfigs
};

// The SSL profile that an HTTPS listener uses; null: none, or one that does not exist.
const SslProfile* profile_of(const Gateway& gateway, const HttpListener& listener);

}  // namespace portcullis::model
