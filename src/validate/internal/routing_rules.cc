#include <algorithm>
#include <map>

#include "base/host_name.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "routing/rewrite.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::BackendHttpSettings;
using model::Findings;
using model::Gateway;
using model::RequestRoutingRule;

namespace {

void check_rule(const RequestRoutingRule& rule, Findings& findings) {
  if (!rule.priority)
    findings.error("ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty", rule.pointer,
                   "The rule '" + rule.name + "' needs a priority from 1 to 20000.");
  if (!rule.http_listener)
    findings.error("RequestRoutingRuleMustReferenceHttpListener", rule.pointer,
                   "The rule '" + rule.name + "' must reference an httpListener.");
  if (rule.rule_type != model::RuleType::kBasic) {
    findings.error("NotSupportedYet", rule.pointer, "Only rules of ruleType Basic are built yet.");
    return;
  }
  if (!rule.backend_address_pool)
    findings.error("RequestRoutingRuleMustReferenceBackendAddressPool", rule.pointer,
                   "The Basic rule '" + rule.name + "' must reference a backendAddressPool.");
  if (!rule.backend_http_settings)
    findings.error("RequestRoutingRuleMustReferenceBackendHttpSettings", rule.pointer,
                   "The Basic rule '" + rule.name + "' must reference backendHttpSettings.");
}

// An override is a literal prefix of what goes to the backend: nothing in it may end the path or the line.
bool is_path_prefix(std::string_view path) {
  return path.starts_with('/') && path.find("/..") == std::string_view::npos &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
}

void not_yet(bool asked, const std::string& pointer, const std::string& what, Findings& findings) {
  if (asked) findings.error("NotSupportedYet", pointer, "This build does not implement " + what + " yet.");
}

void check_settings(const BackendHttpSettings& settings, Findings& findings) {
  const std::string& at = settings.pointer;
  if (settings.port == 0)
    findings.error("BackendHttpSettingsPortMissing", at, "'" + settings.name + "' needs a port from 1 to 65535.");
  if (settings.protocol == model::Protocol::kTcp || settings.protocol == model::Protocol::kTls)
    findings.error("InvalidBackendProtocol", at, "The protocol of backend HTTP settings is Http or Https.");
  not_yet(settings.protocol == model::Protocol::kHttps, at, "TLS to backends", findings);
  not_yet(settings.cookie_based_affinity == model::CookieBasedAffinity::kEnabled, at, "cookie-based affinity",
          findings);
  not_yet(settings.dedicated_backend_connection, at, "dedicated backend connections", findings);
  if (!settings.host_name.empty() && !parse_host_port(settings.host_name))
    findings.error("InvalidHostName", at, "'" + printable(settings.host_name, 260) + "' is not a host name.");
  if (!settings.host_name.empty() && settings.pick_host_name_from_backend_address)
    findings.error("HostNameAndPickHostName", at,
                   "'" + settings.name + "' has both hostName and pickHostNameFromBackendAddress; keep one.");
  if (!settings.path.empty() && !is_path_prefix(settings.path))
    findings.error("InvalidBackendPath", at,
                   "The path override '" + printable(settings.path, 100) +
                       "' must begin with '/' and hold no space, '?', '#' or dot segment.");
}

void check_pool(const model::BackendAddressPool& pool, Findings& findings) {
  for (const model::BackendAddress& member : pool.backend_addresses) {
    if (member.fqdn.empty() == member.ip_address.empty())
      findings.error("InvalidBackendAddress", member.pointer, "A backend address has either fqdn or ipAddress.");
    if (!member.fqdn.empty() && !canonical_host(member.fqdn))
      findings.error("InvalidBackendAddress", member.pointer,
                     "'" + printable(member.fqdn, 260) + "' is not a host name (no scheme, port or path here).");
    if (!member.ip_address.empty() && !IpAddress::parse(member.ip_address))
      findings.error("InvalidBackendAddress", member.pointer,
                     "'" + printable(member.ip_address, 100) + "' is not an IP address.");
  }
}

}  // namespace

void check_rules(const Gateway& gateway, Findings& findings) {
  std::map<std::uint32_t, const RequestRoutingRule*> priorities;
  std::map<std::string, const RequestRoutingRule*, LessIgnoreCase> listeners;
  for (const RequestRoutingRule& rule : gateway.request_routing_rules) {
    check_rule(rule, findings);
    if (rule.priority) {
      const auto [first, fresh] = priorities.emplace(*rule.priority, &rule);
      if (!fresh)
        findings.error(
            "RequestRoutingRulePriorityNotUnique", rule.pointer,
            "The priority " + std::to_string(*rule.priority) + " is already the rule '" + first->second->name + "''s.");
    }
    if (rule.http_listener) {
      const auto [first, fresh] = listeners.emplace(rule.http_listener->name, &rule);
      if (!fresh)
        findings.error("HttpListenerUsedByTwoRules", rule.pointer,
                       "The listener '" + rule.http_listener->name + "' already belongs to the rule '" +
                           first->second->name + "'; one listener has one rule.");
    }
  }
  for (const auto& listener : gateway.http_listeners)
    if (listeners.find(listener.name) == listeners.end())
      findings.error("HttpListenerWithoutRule", listener.pointer,
                     "No rule references the listener '" + listener.name + "'; add one to requestRoutingRules.");
}

void check_backends(const Gateway& gateway, Findings& findings) {
  for (const BackendHttpSettings& settings : gateway.backend_http_settings) check_settings(settings, findings);
  for (const auto& pool : gateway.backend_address_pools) check_pool(pool, findings);
}

void check_rewrite_rule_sets(const Gateway& gateway, Findings& findings) {
  for (const auto& set : gateway.rewrite_rule_sets) (void)routing::RewriteProgram::compile(set, findings);
}

}  // namespace portcullis::validate
