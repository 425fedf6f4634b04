// The tables of the gateway resource: every property of arm-api.md §5 as a row. Static, immutable after first use.
#pragma once

#include "arm/internal/object_fields.h"
#include "model/gateway.h"

namespace portcullis::arm {

// The type of a web application firewall's policy, as its id names it.
inline constexpr std::string_view kFirewallPolicies = "ApplicationGatewayWebApplicationFirewallPolicies";

// The resource itself: name, location, tags, …, properties.
const Table<model::Gateway>& gateway_resource_table();
// What stands under the resource's `properties`.
const Table<model::Gateway>& gateway_properties_table();

// security_tables.cc
const Table<model::SslPolicy>& ssl_policy_table();
const Table<model::SslCertificate>& ssl_certificate_table();
const Table<model::BackendCertificate>& trusted_root_certificate_table();
const Table<model::BackendCertificate>& authentication_certificate_table();
const Table<model::TrustedClientCertificate>& trusted_client_certificate_table();
const Table<model::SslProfile>& ssl_profile_table();
const Table<model::FirewallConfiguration>& firewall_table();
const Table<model::JwtValidationConfig>& jwt_validation_table();
const Table<model::AuthConfig>& auth_config_table();

// frontend_tables.cc
const Names<model::Protocol>& protocol_names();
const Table<model::FrontendIpConfiguration>& frontend_ip_configuration_table();
const Table<model::FrontendPort>& frontend_port_table();
const Table<model::HttpListener>& http_listener_table();
const Table<model::Listener>& listener_table();
const Table<model::CustomError>& custom_error_table();

// backend_tables.cc
const Table<model::BackendAddressPool>& backend_address_pool_table();
const Table<model::BackendHttpSettings>& backend_http_settings_table();
const Table<model::BackendSettings>& backend_settings_table();
const Table<model::Probe>& probe_table();
const Table<model::LoadDistributionPolicy>& load_distribution_policy_table();

// routing_tables.cc
const Table<model::RequestRoutingRule>& request_routing_rule_table();
const Table<model::RoutingRule>& routing_rule_table();
const Table<model::UrlPathMap>& url_path_map_table();
const Table<model::RedirectConfiguration>& redirect_configuration_table();
const Table<model::AdvancedRoutingMap>& advanced_routing_map_table();
const Table<model::AdvancedRoutingConditionSet>& advanced_routing_condition_set_table();

// rewrite_tables.cc
const Table<model::HeaderValueMatcher>& header_value_matcher_table();
const Table<model::RewriteRuleSet>& rewrite_rule_set_table();

}  // namespace portcullis::arm
