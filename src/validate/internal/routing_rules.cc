#include <algorithm>
#include <map>
#include <optional>

#include "base/host_name.h"
#include "base/ip_address.h"
#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::BackendHttpSettings;
using model::Findings;
using model::Gateway;
using model::RequestRoutingRule;

namespace {

void check_basic(const RequestRoutingRule& rule, Findings& findings) {
  const std::string name = "The Basic rule '" + rule.name + "'";
  if (rule.url_path_map)
    findings.error("RequestRoutingRuleTypeMismatch", rule.pointer,
                   name + " has a urlPathMap; make its ruleType PathBasedRouting or remove the map.");
  if (rule.redirect_configuration) {
    if (rule.backend_address_pool || rule.backend_http_settings)
      findings.error("RequestRoutingRuleBackendAndRedirect", rule.pointer,
                     name + " either redirects or has a pool and settings; keep one of the two.");
    return;
  }
  if (!rule.backend_address_pool && !rule.load_distribution_policy)
    findings.error("RequestRoutingRuleMustReferenceBackendAddressPool", rule.pointer,
                   name + " must reference a backendAddressPool.");
  if (!rule.backend_http_settings)
    findings.error("RequestRoutingRuleMustReferenceBackendHttpSettings", rule.pointer,
                   name + " must reference backendHttpSettings.");
}

void check_rule(const RequestRoutingRule& rule, Findings& findings) {
  if (!rule.priority)
    findings.error("ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty", rule.pointer,
                   "The rule '" + rule.name + "' needs a priority from 1 to 20000.");
  if (!rule.http_listener)
    findings.error("RequestRoutingRuleMustReferenceHttpListener", rule.pointer,
                   "The rule '" + rule.name + "' must reference an httpListener.");
  if (rule.rule_type == model::RuleType::kBasic) return check_basic(rule, findings);
  const bool path_based = rule.rule_type == model::RuleType::kPathBasedRouting;
  if (path_based ? !rule.url_path_map : !rule.advanced_routing_map)
    findings.error(
        path_based ? "RequestRoutingRuleMustReferenceUrlPathMap" : "RequestRoutingRuleMustReferenceAdvancedRoutingMap",
        rule.pointer,
        "The rule '" + rule.name + "' must reference " + (path_based ? "a urlPathMap." : "an advancedRoutingMap."));
  if (rule.rewrite_rule_set)
    findings.error("RewriteRuleSetOnlyOnBasicRule", rule.pointer,
                   "The rule '" + rule.name + "' is not Basic: its rewrite sets belong to the map and its rules.");
}

// An override is a literal prefix of what goes to the backend: nothing in it may end the path or the line.
bool is_path_prefix(std::string_view path) {
  return path.starts_with('/') && path.find("/..") == std::string_view::npos &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
}

void check_probe_protocol(const model::Probe& probe, model::Protocol protocol, const model::Ref& ref,
                          const std::string& settings, Findings& findings) {
  if (probe.protocol && *probe.protocol != protocol)
    findings.error("ProbeProtocolMismatch", ref.pointer,
                   "The probe '" + probe.name + "' and the settings '" + settings +
                       "' have different protocols; a probe speaks what its settings speak.");
}

void check_settings(const Gateway& gateway, const BackendHttpSettings& settings, Findings& findings) {
  const std::string& at = settings.pointer;
  if (settings.port == 0)
    findings.error("BackendHttpSettingsPortMissing", at, "'" + settings.name + "' needs a port from 1 to 65535.");
  if (settings.protocol == model::Protocol::kTcp || settings.protocol == model::Protocol::kTls)
    findings.error("InvalidBackendProtocol", at, "The protocol of backend HTTP settings is Http or Https.");
  if (!settings.host_name.empty() && !parse_host_port(settings.host_name))
    findings.error("InvalidHostName", at, "'" + printable(settings.host_name, 260) + "' is not a host name.");
  if (!settings.host_name.empty() && settings.pick_host_name_from_backend_address)
    findings.error("HostNameAndPickHostName", at,
                   "'" + settings.name + "' has both hostName and pickHostNameFromBackendAddress; keep one.");
  const auto* probe = settings.probe ? model::find_by_name(gateway.probes, settings.probe->name) : nullptr;
  if (probe != nullptr) check_probe_protocol(*probe, settings.protocol, *settings.probe, settings.name, findings);
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

void check_probe(const model::Probe& probe, Findings& findings) {
  const auto layer4 = probe.protocol == model::Protocol::kTcp || probe.protocol == model::Protocol::kTls;
  if (!layer4 && !probe.path.starts_with('/'))
    findings.error("InvalidProbePath", probe.pointer, "The path of the probe '" + probe.name + "' begins with '/'.");
  if (probe.match && probe.match->body && probe.match->body->size() > 4'090)
    findings.error("ProbeMatchTooLong", probe.match->pointer, "match.body holds at most 4,090 characters.");
  if (!probe.match) return;
  for (const std::string& codes : probe.match->status_codes) {
    const auto parts = split(codes, '-');
    const bool good = parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
                        return parse_uint(trim(part), 999).value_or(0) >= 100;
                      });
    if (!good)
      findings.error("InvalidProbeStatusCodes", probe.match->pointer,
                     "'" + printable(codes, 40) + "' is no status code nor a range of them, such as 200-399.");
  }
}

void check_layer4_settings(const Gateway& gateway, const model::BackendSettings& settings, Findings& findings) {
  if (settings.port == 0)
    findings.error("BackendSettingsPortMissing", settings.pointer,
                   "'" + settings.name + "' needs a port from 1 to 65535.");
  if (settings.protocol == model::Protocol::kHttp || settings.protocol == model::Protocol::kHttps)
    findings.error("InvalidBackendProtocol", settings.pointer, "The protocol of layer-4 settings is Tcp or Tls.");
  const auto* probe = settings.probe ? model::find_by_name(gateway.probes, settings.probe->name) : nullptr;
  if (probe != nullptr) check_probe_protocol(*probe, settings.protocol, *settings.probe, settings.name, findings);
}

// One listener has one rule, priorities are unique. `listener` is the member that names the rule's listener.
template <class R, class L>
void check_pairing(const std::vector<R>& rules, std::optional<model::Ref> R::*listener, const std::vector<L>& listeners,
                   std::string_view collection, Findings& findings) {
  std::map<std::uint32_t, const R*> priorities;
  std::map<std::string, const R*, LessIgnoreCase> taken;
  for (const R& rule : rules) {
    if (rule.priority) {
      const auto [first, fresh] = priorities.emplace(*rule.priority, &rule);
      if (!fresh)
        findings.error("RequestRoutingRulePriorityNotUnique", rule.pointer,
                       "The priority " + std::to_string(*rule.priority) + " is already that of the rule '" +
                           first->second->name + "'; each rule needs its own.");
    }
    if (rule.*listener) {
      const auto [first, fresh] = taken.emplace((rule.*listener)->name, &rule);
      if (!fresh)
        findings.error("HttpListenerUsedByTwoRules", rule.pointer,
                       "The listener '" + (rule.*listener)->name + "' already belongs to the rule '" +
                           first->second->name + "'; one listener has one rule.");
    }
  }
  for (const L& one : listeners)
    if (taken.find(one.name) == taken.end())
      findings.warning("HttpListenerWithoutRule", one.pointer,
                       "No rule references the listener '" + one.name + "', so it is not served; add one to " +
                           std::string(collection) + ".");
}

}  // namespace

bool only_redirects(const RequestRoutingRule& rule) {
  return rule.rule_type == model::RuleType::kBasic && rule.redirect_configuration && !rule.backend_address_pool;
}

void check_rules(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  for (const RequestRoutingRule& rule : gateway.request_routing_rules) check_rule(rule, findings);
  check_pairing(gateway.request_routing_rules, &RequestRoutingRule::http_listener, gateway.http_listeners,
                "requestRoutingRules", findings);
  for (const model::RoutingRule& rule : gateway.routing_rules) {
    if (!rule.priority)
      findings.error("ApplicationGatewayRoutingRulePriorityCannotBeEmpty", rule.pointer,
                     "The rule '" + rule.name + "' needs a priority from 1 to 20000.");
    if (rule.rule_type != model::RuleType::kBasic || !rule.listener || !rule.backend_address_pool ||
        !rule.backend_settings)
      findings.error("RoutingRuleIncomplete", rule.pointer,
                     "The layer-4 rule '" + rule.name +
                         "' is Basic and references a listener, a backendAddressPool and backendSettings.");
  }
  check_pairing(gateway.routing_rules, &model::RoutingRule::listener, gateway.listeners, "routingRules", findings);
}

void check_backends(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  for (const BackendHttpSettings& settings : gateway.backend_http_settings) check_settings(gateway, settings, findings);
  for (const model::BackendSettings& settings : gateway.backend_settings)
    check_layer4_settings(gateway, settings, findings);
  for (const auto& pool : gateway.backend_address_pools) check_pool(pool, findings);
  for (const model::Probe& probe : gateway.probes) check_probe(probe, findings);
}

}  // namespace portcullis::validate
