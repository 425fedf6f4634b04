// Path maps, redirects and rewrite sets: azure-semantics §7.2–7.4.
#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"
#include "routing/rewrite.h"
#include "routing/value_template.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::Gateway;

namespace {

// Begins with '/', '*' at the very end only, none of what a path cannot hold (§7.2).
bool is_path_pattern(std::string_view path) {
  if (!path.starts_with('/')) return false;
  const std::size_t star = path.find('*');
  if (star != std::string_view::npos && star + 1 != path.size()) return false;
  return std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
}

void check_path_rule(const model::PathRule& rule, Findings& findings) {
  if (rule.paths.empty())
    findings.error("PathRuleNeedsPaths", rule.pointer, "The path rule '" + rule.name + "' has no paths.");
  for (const std::string& path : rule.paths)
    if (!is_path_pattern(path))
      findings.error("InvalidPathPattern", rule.pointer,
                     "The path '" + printable(path, 200) +
                         "' must begin with '/', and '*' stands at its end only; no '?' or '#'.");
  const bool pool = rule.backend_address_pool || rule.load_distribution_policy;
  if (rule.redirect_configuration && (rule.backend_address_pool || rule.backend_http_settings))
    findings.error("RequestRoutingRuleBackendAndRedirect", rule.pointer,
                   "The path rule '" + rule.name + "' either redirects or has a pool and settings; keep one.");
  if (!rule.redirect_configuration && (!pool || !rule.backend_http_settings))
    findings.error("PathRuleNeedsBackend", rule.pointer,
                   "The path rule '" + rule.name +
                       "' needs a backendAddressPool and backendHttpSettings, or a redirectConfiguration.");
}

void check_map(const model::UrlPathMap& map, Findings& findings) {
  const std::string name = "The path map '" + map.name + "'";
  if (!map.default_redirect_configuration) {
    if (!map.default_backend_http_settings)
      findings.error("ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendHttpSettings", map.pointer,
                     name + " needs defaultBackendHttpSettings (or defaultRedirectConfiguration).");
    if (!map.default_backend_address_pool && !map.default_load_distribution_policy)
      findings.error("ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendAddressPool", map.pointer,
                     name + " needs a defaultBackendAddressPool (or defaultRedirectConfiguration).");
  }
  std::map<std::string, const model::PathRule*, LessIgnoreCase> seen;
  for (const model::PathRule& rule : map.path_rules) {
    check_path_rule(rule, findings);
    for (const std::string& path : rule.paths) {
      const auto [first, fresh] = seen.emplace(path, &rule);
      if (!fresh)
        findings.error("ApplicationGatewayPathsWithinUrlPathMapMustBeUnique", rule.pointer,
                       "The path '" + printable(path, 200) + "' is already in the path rule '" + first->second->name +
                           "'; paths are compared without regard to case.");
    }
  }
}

void check_redirect(const Gateway& gateway, const model::RedirectConfiguration& redirect, Findings& findings) {
  const std::string name = "The redirect '" + redirect.name + "'";
  if (!redirect.redirect_type)
    findings.error("RedirectTypeMissing", redirect.pointer,
                   name + " needs a redirectType: Permanent, Found, SeeOther or Temporary.");
  if (redirect.target_listener.has_value() != redirect.target_url.empty())
    findings.error("RedirectTarget", redirect.pointer, name + " has either a targetListener or a targetUrl.");
  if (!redirect.target_listener) return;
  const auto* target = model::find_by_name(gateway.http_listeners, redirect.target_listener->name);
  if (target == nullptr) return;
  const std::vector<std::string> names = host_names(*target);
  if (names.size() > 1 || std::any_of(names.begin(), names.end(), has_wildcard))
    findings.error(
        "RedirectToWildcardListener", redirect.target_listener->pointer,
        name + " cannot lead to the listener '" + target->name + "', which has several host names or a wildcard.");
}

constexpr std::string_view kUnconditioned = "rewrite.capture_without_condition";

// Whether every capture in `text` ("{var_uri_path_1}") belongs to a condition on that very variable.
bool captures_are_conditioned(const model::RewriteRule& rule, const std::string& text) {
  for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) break;
    const std::string name = text.substr(at + 1, end - at - 1);
    const std::size_t digits = name.find_last_not_of("0123456789");
    if (digits == std::string::npos || digits + 1 == name.size() || name[digits] != '_') continue;
    const std::string variable = name.substr(0, digits);
    if (!std::any_of(rule.conditions.begin(), rule.conditions.end(),
                     [&](const auto& condition) { return condition.variable == variable; }))
      return false;
  }
  return true;
}

// modifiedPath and modifiedQueryString hold the same variables as header values do.
void check_url(const model::RewriteRule& rule, Findings& findings) {
  if (!rule.url_configuration) return;
  for (const auto* text : {&rule.url_configuration->modified_path, &rule.url_configuration->modified_query_string}) {
    if (!*text) continue;
    const auto value = routing::ValueTemplate::compile(**text);
    if (value || (value.error().code == kUnconditioned && captures_are_conditioned(rule, **text))) continue;
    findings.error(value.error().code, rule.url_configuration->pointer, "urlConfiguration: " + value.error().message);
  }
}

// The findings of each action by itself, so that a capture can be judged by the conditions of its own rule.
void check_actions(const model::RewriteRule& rule, Findings& findings) {
  const auto judge = [&](model::RewriteRule single, const std::string& value) {
    model::RewriteRuleSet set;
    single.pointer = rule.pointer;
    set.rewrite_rules.push_back(std::move(single));
    Findings found;
    (void)routing::RewriteProgram::compile(set, found);
    for (model::Finding& finding : found)
      if (finding.code != kUnconditioned || !captures_are_conditioned(rule, value))
        findings.push_back(std::move(finding));
  };
  for (const auto& action : rule.request_header_configurations) {
    model::RewriteRule single;
    single.request_header_configurations.push_back(action);
    judge(std::move(single), action.header_value);
  }
  for (const auto& action : rule.response_header_configurations) {
    model::RewriteRule single;
    single.response_header_configurations.push_back(action);
    judge(std::move(single), action.header_value);
  }
}

void check_conditions(const model::RewriteRule& rule, Findings& findings) {
  for (const auto& condition : rule.conditions) {
    const std::string& variable = condition.variable;
    const bool known = routing::parse_variable(variable).has_value();
    if (!known)
      findings.error(
          "RewriteConditionVariable", condition.pointer,
          "'" + printable(variable, 100) +
              "' is no variable of a condition: write var_NAME with a server variable's name, http_req_NAME or "
              "http_resp_NAME, without braces.");
  }
}

void check_rerouting(const Gateway& gateway, const model::RewriteRuleSet& set, Findings& findings) {
  const auto reroutes = [](const model::RewriteRule& rule) {
    return rule.url_configuration && rule.url_configuration->reroute;
  };
  const auto& rules = set.rewrite_rules;
  if (std::none_of(rules.begin(), rules.end(), reroutes)) return;
  if (std::all_of(rules.begin(), rules.end(),
                  [&](const auto& rule) { return reroutes(rule) && rule.conditions.empty(); }))
    findings.error("RewriteRerouteWithoutEnd", set.pointer,
                   "Every rule of the rewrite set '" + set.name +
                       "' reroutes unconditionally, so it would never end; add a condition or a rule without reroute.");
  for (const auto& rule : gateway.request_routing_rules)
    if (rule.rule_type == model::RuleType::kBasic && rule.rewrite_rule_set &&
        equals_ignore_case(rule.rewrite_rule_set->name, set.name))
      findings.error("RewriteRerouteOnBasicRule", rule.pointer,
                     "The Basic rule '" + rule.name + "' uses the rewrite set '" + set.name +
                         "', which reroutes; only PathBasedRouting rules have a path map to ask again.");
}

}  // namespace

void check_url_path_maps(const Subject& subject, Findings& findings) {
  for (const model::UrlPathMap& map : subject.gateway.url_path_maps) check_map(map, findings);
}

void check_redirects(const Subject& subject, Findings& findings) {
  for (const auto& redirect : subject.gateway.redirect_configurations)
    check_redirect(subject.gateway, redirect, findings);
}

void check_rewrite_rule_sets(const Subject& subject, Findings& findings) {
  for (const auto& set : subject.gateway.rewrite_rule_sets) {
    for (const auto& rule : set.rewrite_rules) {
      check_actions(rule, findings);
      check_url(rule, findings);
      check_conditions(rule, findings);
    }
    check_rerouting(subject.gateway, set, findings);
  }
}

}  // namespace portcullis::validate
