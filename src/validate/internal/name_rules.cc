#include <algorithm>
#include <map>

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
                   std::to_string(size) + " elements, and at most " + std::to_string(limit) +
                       " are allowed here (azure-semantics §9.4).");
}

}  // namespace

void check_names(const Gateway& gateway, Findings& findings) {
  if (!is_resource_name(gateway.name))
    findings.error("InvalidResourceName", gateway.pointer + "/name",
                   "The gateway's name '" + printable(gateway.name, 100) + "' is invalid.");
  check_collection(gateway.ssl_certificates, findings);
  check_collection(gateway.trusted_client_certificates, findings);
  check_collection(gateway.ssl_profiles, findings);
  check_collection(gateway.gateway_ip_configurations, findings);
  check_collection(gateway.frontend_ip_configurations, findings);
  check_collection(gateway.frontend_ports, findings);
  check_collection(gateway.backend_address_pools, findings);
  check_collection(gateway.backend_http_settings, findings);
  check_collection(gateway.http_listeners, findings);
  check_collection(gateway.request_routing_rules, findings);
  check_collection(gateway.rewrite_rule_sets, findings);
}

void check_limits(const Gateway& gateway, Findings& findings) {
  const std::string base = gateway.pointer + "/properties/";
  constexpr std::string_view kCode = "ApplicationGatewayLimitReached";
  check_size(gateway.frontend_ip_configurations.size(), 4, base + "frontendIPConfigurations", kCode, findings);
  check_size(gateway.gateway_ip_configurations.size(), 100, base + "gatewayIPConfigurations", kCode, findings);
  check_size(gateway.frontend_ports.size(), 100, base + "frontendPorts", kCode, findings);
  check_size(gateway.backend_address_pools.size(), 100, base + "backendAddressPools",
             "ApplicationGatewayBackendAddressPoolLimitReached", findings);
  check_size(gateway.backend_http_settings.size(), 100, base + "backendHttpSettingsCollection", kCode, findings);
  check_size(gateway.http_listeners.size(), 200, base + "httpListeners", kCode, findings);
  check_size(gateway.request_routing_rules.size(), 400, base + "requestRoutingRules", kCode, findings);
  check_size(gateway.ssl_certificates.size(), 100, base + "sslCertificates", kCode, findings);
  check_size(gateway.trusted_client_certificates.size(), 200, base + "trustedClientCertificates", kCode, findings);
  check_size(gateway.rewrite_rule_sets.size(), 400, base + "rewriteRuleSets", kCode, findings);
  for (const auto& pool : gateway.backend_address_pools)
    check_size(pool.backend_addresses.size(), 1'200, pool.pointer, kCode, findings);
  for (const auto& profile : gateway.ssl_profiles)
    check_size(profile.trusted_client_certificates.size(), 100, profile.pointer, kCode, findings);
  for (const auto& listener : gateway.http_listeners)
    check_size(listener.host_names.size(), 5, listener.pointer, kCode, findings);
  for (const auto& set : gateway.rewrite_rule_sets) {
    std::size_t actions = 0;
    for (const auto& rule : set.rewrite_rules)
      actions += rule.request_header_configurations.size() + rule.response_header_configurations.size();
    check_size(actions, 40, set.pointer, kCode, findings);
  }
}

}  // namespace portcullis::validate
