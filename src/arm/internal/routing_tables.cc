#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

constexpr std::string_view kReadOnly = "Read-only.";
constexpr std::string_view kReverse = "Read-only: who references this.";
constexpr std::string_view kUnenforcedWaf = "Not enforced: an error until the host file's `unenforced` lists `waf`.";
constexpr std::string_view kUnenforcedJwt = "Not enforced: an error until the host file's `unenforced` lists `jwt`.";

const Names<RuleType>& rule_type_names() {
  static const Names<RuleType> names = {{"Basic", RuleType::kBasic},
                                        {"PathBasedRouting", RuleType::kPathBasedRouting},
                                        {"AdvancedRouting", RuleType::kAdvancedRouting}};
  return names;
}

const Table<PathRule>& path_rule_table() {
  using P = PathRule;
  static const Table<P> table{
      "ApplicationGatewayPathRule",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"paths", texts<P>(&P::paths), "Begin with /; * at the end only; compared without regard to case.", kAlways},
       {"backendAddressPool", reference<P>(&P::backend_address_pool, "backendAddressPools"), ""},
       {"backendHttpSettings", reference<P>(&P::backend_http_settings, "backendHttpSettingsCollection"), ""},
       {"redirectConfiguration", reference<P>(&P::redirect_configuration, "redirectConfigurations"), ""},
       {"rewriteRuleSet", reference<P>(&P::rewrite_rule_set, "rewriteRuleSets"), ""},
       {"loadDistributionPolicy", reference<P>(&P::load_distribution_policy, "loadDistributionPolicies"), ""},
       {"firewallPolicy", external<P>(&P::firewall_policy_id, kFirewallPolicies), kUnenforcedWaf}}};
  return table;
}

const Table<AdvancedRoutingRule>& advanced_routing_rule_table() {
  using A = AdvancedRoutingRule;
  static const Table<A> table{
      "ApplicationGatewayAdvancedRoutingRule",
      {{"provisioningState", provisioning_state<A>(), kReadOnly},
       {"priority", number<A>(&A::priority, 1, 20'000), "Lowest wins.", kRequired},
       {"advancedRoutingConditionSet", reference<A>(&A::advanced_routing_condition_set, "advancedRoutingConditionSets"),
        ""},
       {"backendAddressPool", reference<A>(&A::backend_address_pool, "backendAddressPools"), ""},
       {"backendHttpSettings", reference<A>(&A::backend_http_settings, "backendHttpSettingsCollection"), ""},
       {"redirectConfiguration", reference<A>(&A::redirect_configuration, "redirectConfigurations"), ""},
       {"rewriteRuleSet", reference<A>(&A::rewrite_rule_set, "rewriteRuleSets"), ""},
       {"authConfigs", objects<A>(&A::auth_configs, auth_config_table()), kUnenforcedJwt}}};
  return table;
}

const Table<AdvancedRoutingCondition>& advanced_routing_condition_table() {
  using A = AdvancedRoutingCondition;
  static const Table<A> table{
      "ApplicationGatewayAdvancedRoutingCondition",
      {{"conditionType",
        enumerator<A>(&A::condition_type,
                      Names<AdvancedConditionType>{{"Header", AdvancedConditionType::kHeader},
                                                   {"QueryString", AdvancedConditionType::kQueryString},
                                                   {"Path", AdvancedConditionType::kPath},
                                                   {"ClientIP", AdvancedConditionType::kClientIp},
                                                   {"Method", AdvancedConditionType::kMethod}}),
        "ClientIP is not enforced: an error until the host file's `unenforced` lists `client_address`.", kRequired},
       {"propertyName", text<A>(&A::property_name), ""},
       {"propertyValues", texts<A>(&A::property_values), ""},
       {"propertyValueMatcher", object<A>(&A::property_value_matcher, header_value_matcher_table()), ""}}};
  return table;
}

// Who sends requests to this redirect: the contract has these three members.
std::optional<Node> redirecting_path_rules(const Writing& writing, const RedirectConfiguration& redirect) {
  Node list = container(Kind::kArray);
  for (const UrlPathMap& map : writing.gateway.url_path_maps)
    for (const PathRule& rule : map.path_rules)
      if (points_at(rule.redirect_configuration, redirect.name))
        list.items.push_back(id_node(writing.base + "/urlPathMaps/" + map.name + "/pathRules/" + rule.name));
  if (list.items.empty()) return std::nullopt;
  return list;
}

}  // namespace

const Table<RequestRoutingRule>& request_routing_rule_table() {
  using R = RequestRoutingRule;
  static const Table<R> table{
      "ApplicationGatewayRequestRoutingRule",
      {{"provisioningState", provisioning_state<R>(), kReadOnly},
       {"ruleType", enumerator<R>(&R::rule_type, rule_type_names()), "", kAlways},
       {"priority", number<R>(&R::priority, 1, 20'000), "Needed and unique; the lowest wins."},
       {"httpListener", reference<R>(&R::http_listener, "httpListeners"), "Needed; one listener has one rule."},
       {"backendAddressPool", reference<R>(&R::backend_address_pool, "backendAddressPools"), "Of a Basic rule."},
       {"backendHttpSettings", reference<R>(&R::backend_http_settings, "backendHttpSettingsCollection"),
        "Of a Basic rule."},
       {"urlPathMap", reference<R>(&R::url_path_map, "urlPathMaps"), "Of a PathBasedRouting rule."},
       {"advancedRoutingMap", reference<R>(&R::advanced_routing_map, "advancedRoutingMaps"),
        "Of an AdvancedRouting rule."},
       {"rewriteRuleSet", reference<R>(&R::rewrite_rule_set, "rewriteRuleSets"), "Of a Basic rule."},
       {"redirectConfiguration", reference<R>(&R::redirect_configuration, "redirectConfigurations"),
        "Of a Basic rule, in place of pool and settings."},
       {"loadDistributionPolicy", reference<R>(&R::load_distribution_policy, "loadDistributionPolicies"), ""},
       {"entraJWTValidationConfig", reference<R>(&R::jwt_validation_config, "entraJWTValidationConfigs"),
        kUnenforcedJwt},
       {"authConfigs", objects<R>(&R::auth_configs, auth_config_table()), kUnenforcedJwt}}};
  return table;
}

const Table<RoutingRule>& routing_rule_table() {
  using R = RoutingRule;
  static const Table<R> table{
      "ApplicationGatewayRoutingRule",
      {{"provisioningState", provisioning_state<R>(), kReadOnly},
       {"ruleType", enumerator<R>(&R::rule_type, rule_type_names()), "Basic.", kAlways},
       {"priority", number<R>(&R::priority, 1, 20'000), "Needed and unique; the lowest wins."},
       {"backendAddressPool", reference<R>(&R::backend_address_pool, "backendAddressPools"), ""},
       {"backendSettings", reference<R>(&R::backend_settings, "backendSettingsCollection"), ""},
       {"listener", reference<R>(&R::listener, "listeners"), ""}}};
  return table;
}

const Table<UrlPathMap>& url_path_map_table() {
  using M = UrlPathMap;
  static const Table<M> table{
      "ApplicationGatewayUrlPathMap",
      {{"provisioningState", provisioning_state<M>(), kReadOnly},
       {"defaultBackendAddressPool", reference<M>(&M::default_backend_address_pool, "backendAddressPools"), ""},
       {"defaultBackendHttpSettings", reference<M>(&M::default_backend_http_settings, "backendHttpSettingsCollection"),
        ""},
       {"defaultRewriteRuleSet", reference<M>(&M::default_rewrite_rule_set, "rewriteRuleSets"), ""},
       {"defaultRedirectConfiguration", reference<M>(&M::default_redirect_configuration, "redirectConfigurations"), ""},
       {"defaultLoadDistributionPolicy", reference<M>(&M::default_load_distribution_policy, "loadDistributionPolicies"),
        ""},
       {"pathRules", collection<M>(&M::path_rules, path_rule_table()), "In order; the first match wins.", kAlways},
       {"requestRoutingRules", ignored<M>(), kReverse}}};
  return table;
}

const Table<RedirectConfiguration>& redirect_configuration_table() {
  using R = RedirectConfiguration;
  static const Table<R> table{
      "ApplicationGatewayRedirectConfiguration",
      {{"provisioningState", ignored<R>(), kReadOnly},
       {"redirectType",
        enumerator<R>(&R::redirect_type, Names<RedirectType>{{"Permanent", RedirectType::kPermanent},
                                                             {"Found", RedirectType::kFound},
                                                             {"SeeOther", RedirectType::kSeeOther},
                                                             {"Temporary", RedirectType::kTemporary}}),
        "301, 302, 303, 307."},
       {"targetListener", reference<R>(&R::target_listener, "httpListeners"), "Either this or targetUrl."},
       {"targetUrl", text<R>(&R::target_url), ""},
       {"includePath", boolean<R>(&R::include_path), ""},
       {"includeQueryString", boolean<R>(&R::include_query_string), ""},
       {"requestRoutingRules",
        reverse<R>("requestRoutingRules", &Gateway::request_routing_rules, &RequestRoutingRule::redirect_configuration),
        kReverse},
       {"urlPathMaps", reverse<R>("urlPathMaps", &Gateway::url_path_maps, &UrlPathMap::default_redirect_configuration),
        kReverse},
       {"pathRules", computed<R>(redirecting_path_rules), kReverse}}};
  return table;
}

const Table<AdvancedRoutingMap>& advanced_routing_map_table() {
  using M = AdvancedRoutingMap;
  static const Table<M> table{
      "ApplicationGatewayAdvancedRoutingMap",
      {{"provisioningState", provisioning_state<M>(), kReadOnly},
       {"defaultBackendAddressPool", reference<M>(&M::default_backend_address_pool, "backendAddressPools"), ""},
       {"defaultBackendHttpSettings", reference<M>(&M::default_backend_http_settings, "backendHttpSettingsCollection"),
        ""},
       {"defaultRedirectConfiguration", reference<M>(&M::default_redirect_configuration, "redirectConfigurations"), ""},
       {"defaultRewriteRuleSet", reference<M>(&M::default_rewrite_rule_set, "rewriteRuleSets"), ""},
       {"defaultAuthConfigs", objects<M>(&M::default_auth_configs, auth_config_table()), kUnenforcedJwt},
       {"advancedRoutingRules", collection<M>(&M::advanced_routing_rules, advanced_routing_rule_table()), "",
        kRequired | kAlways}}};
  return table;
}

const Table<AdvancedRoutingConditionSet>& advanced_routing_condition_set_table() {
  using S = AdvancedRoutingConditionSet;
  static const Table<S> table{
      "ApplicationGatewayAdvancedRoutingConditionSet",
      {{"provisioningState", provisioning_state<S>(), kReadOnly},
       {"routingConditions", objects<S>(&S::routing_conditions, advanced_routing_condition_table()), "All must hold.",
        kRequired | kAlways}}};
  return table;
}

}  // namespace portcullis::arm
