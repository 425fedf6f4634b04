#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::Gateway;

namespace {

// Letters, digits, '_', '.', '-'; 1–80 bytes; begins with a letter or digit, ends with one or '_' (Azure's rule for
// sub-resources of Microsoft.Network). Anything else could not stand in a resource id.
bool is_resource_name(std::string_view name) {
  const auto alnum = [](char c) { return is_ascii_alpha(c) || is_ascii_digit(c); };
  if (name.empty() || name.size() > 80 || !alnum(name.front())) return false;
  if (!alnum(name.back()) && name.back() != '_') return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return alnum(c) || c == '_' || c == '.' || c == '-'; });
}

template <class T>
void check_collection(const std::vector<T>& elements, Findings& findings) {
  std::map<std::string, std::string, LessIgnoreCase> seen;
  for (const T& element : elements) {
    if (!is_resource_name(element.name))
      findings.error(
          "InvalidResourceName", element.pointer,
          "Resource name '" + printable(element.name, 100) +
              "' is invalid: 1 to 80 letters, digits, '_', '.' and '-', beginning with a letter or digit and "
              "ending with one of those or '_'.");
    const auto [first, fresh] = seen.emplace(element.name, element.pointer);
    if (!fresh)
      findings.error("DuplicateResourceName", element.pointer,
                     "The name '" + printable(element.name, 100) + "' is already used at " + first->second +
                         "; names are compared without regard to case.");
  }
}

void check_size(std::size_t size, std::size_t limit, const std::string& pointer, std::string_view code,
                Findings& findings) {
  if (size > limit)
    findings.error(code, pointer,
                   std::to_string(size) + " elements, and at most " + std::to_string(limit) + " are allowed here.");
}

constexpr std::string_view kLimitReached = "ApplicationGatewayLimitReached";

void check_rewrite_sizes(const Gateway& gateway, Findings& findings) {
  for (const auto& set : gateway.rewrite_rule_sets) {
    std::size_t actions = 0;
    std::size_t conditions = 0;
    for (const auto& rule : set.rewrite_rules) {
      actions += rule.request_header_configurations.size() + rule.response_header_configurations.size() +
                 (rule.url_configuration ? 1 : 0);
      conditions += rule.conditions.size();
    }
    check_size(actions, 40, set.pointer, kLimitReached, findings);
    check_size(conditions, 40, set.pointer, kLimitReached, findings);
  }
}

// A listener that only redirects is no active one.
void check_active_listeners(const Gateway& gateway, Findings& findings) {
  std::set<std::string, LessIgnoreCase> inactive;
  for (const auto& rule : gateway.request_routing_rules)
    if (rule.http_listener && only_redirects(rule)) inactive.insert(rule.http_listener->name);
  const auto active =
      std::count_if(gateway.http_listeners.begin(), gateway.http_listeners.end(),
                    [&](const auto& listener) { return inactive.find(listener.name) == inactive.end(); });
  if (active > 100)
    findings.error(kLimitReached, gateway.pointer + "/properties/httpListeners",
                   std::to_string(active) + " listeners do more than redirect, and at most 100 may.");
}

}  // namespace

void check_names(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  if (!is_resource_name(gateway.name))
    findings.error("InvalidResourceName", gateway.pointer + "/name",
                   "The gateway's name '" + printable(gateway.name, 100) + "' is invalid.");
  std::apply(
      [&](const auto&... collection) { (check_collection(collection, findings), ...); },
      std::tie(gateway.ssl_certificates, gateway.trusted_client_certificates, gateway.trusted_root_certificates,
               gateway.authentication_certificates, gateway.ssl_profiles, gateway.gateway_ip_configurations,
               gateway.frontend_ip_configurations, gateway.frontend_ports, gateway.probes,
               gateway.backend_address_pools, gateway.load_distribution_policies, gateway.backend_http_settings,
               gateway.backend_settings, gateway.http_listeners, gateway.listeners, gateway.url_path_maps,
               gateway.advanced_routing_maps, gateway.advanced_routing_condition_sets, gateway.request_routing_rules,
               gateway.routing_rules, gateway.rewrite_rule_sets, gateway.redirect_configurations,
               gateway.private_link_configurations, gateway.jwt_validation_configs));
  for (const auto& map : gateway.url_path_maps) check_collection(map.path_rules, findings);
  for (const auto& map : gateway.advanced_routing_maps) check_collection(map.advanced_routing_rules, findings);
}

void check_limits(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  struct Limit {
    std::size_t size;
    std::size_t limit;
    const char* name;
  };
  const Limit limits[] = {
      {gateway.frontend_ip_configurations.size(), 4, "frontendIPConfigurations"},
      {gateway.gateway_ip_configurations.size(), 100, "gatewayIPConfigurations"},
      {gateway.frontend_ports.size(), 100, "frontendPorts"},
      {gateway.backend_http_settings.size(), 100, "backendHttpSettingsCollection"},
      {gateway.backend_settings.size(), 100, "backendSettingsCollection"},
      {gateway.http_listeners.size(), 200, "httpListeners"},
      {gateway.listeners.size(), 200, "listeners"},
      {gateway.request_routing_rules.size(), 400, "requestRoutingRules"},
      {gateway.routing_rules.size(), 400, "routingRules"},
      {gateway.ssl_certificates.size(), 100, "sslCertificates"},
      {gateway.ssl_profiles.size(), 200, "sslProfiles"},
      {gateway.trusted_client_certificates.size(), 200, "trustedClientCertificates"},
      {gateway.trusted_root_certificates.size(), 100, "trustedRootCertificates"},
      {gateway.authentication_certificates.size(), 100, "authenticationCertificates"},
      {gateway.redirect_configurations.size(), 100, "redirectConfigurations"},
      {gateway.url_path_maps.size(), 200, "urlPathMaps"},
      {gateway.probes.size(), 200, "probes"},
      {gateway.rewrite_rule_sets.size(), 400, "rewriteRuleSets"},
  };
  const std::string base = gateway.pointer + "/properties/";
  for (const Limit& one : limits) check_size(one.size, one.limit, base + one.name, kLimitReached, findings);
  check_size(gateway.backend_address_pools.size(), 100, base + "backendAddressPools",
             "ApplicationGatewayBackendAddressPoolLimitReached", findings);
  for (const auto& pool : gateway.backend_address_pools)
    check_size(pool.backend_addresses.size(), 1'200, pool.pointer, kLimitReached, findings);
  for (const auto& profile : gateway.ssl_profiles)
    check_size(profile.trusted_client_certificates.size(), 100, profile.pointer, kLimitReached, findings);
  for (const auto& listener : gateway.http_listeners)
    check_size(listener.host_names.size(), 5, listener.pointer, kLimitReached, findings);
  for (const auto& listener : gateway.listeners)
    check_size(listener.host_names.size(), 5, listener.pointer, kLimitReached, findings);
  for (const auto& map : gateway.url_path_maps)
    check_size(map.path_rules.size(), 100, map.pointer, kLimitReached, findings);
  check_rewrite_sizes(gateway, findings);
  if (!findings.has_errors()) check_active_listeners(gateway, findings);
}

}  // namespace portcullis::validate
