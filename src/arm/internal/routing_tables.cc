#include "arm/internal/routing_tables.h"

#include "arm/internal/listener_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

const Table<BackendAddress>& backend_address_table() {
  using A = BackendAddress;
  static const Table<A> table{"ApplicationGatewayBackendAddress",
                              {{"fqdn", text<A>(&A::fqdn), "azure-semantics §7.7"},
                               {"ipAddress", text<A>(&A::ip_address), "azure-semantics §7.7"}}};
  return table;
}

const Table<ConnectionDraining>& connection_draining_table() {
  using D = ConnectionDraining;
  static const Table<D> table{"ApplicationGatewayConnectionDraining",
                              {{"enabled", boolean<D>(&D::enabled), "azure-semantics §7.6"},
                               {"drainTimeoutInSec", number<D>(&D::drain_timeout, 1, 3'600), "azure-semantics §7.6"}}};
  return table;
}

const Table<HeaderConfiguration>& header_table() {
  using H = HeaderConfiguration;
  static const Table<H> table{"ApplicationGatewayHeaderConfiguration",
                              {{"headerName", text<H>(&H::header_name), "azure-semantics §7.4"},
                               {"headerValue", text<H>(&H::header_value), "azure-semantics §7.4"},
                               {"headerValueMatcher", not_built<H>("header value matchers"), "azure-semantics §7.4"}}};
  return table;
}

const Table<RewriteRule>& action_set_table() {
  using R = RewriteRule;
  static const Table<R> table{"ApplicationGatewayRewriteRuleActionSet",
                              {{"requestHeaderConfigurations",
                                objects<R>(&R::request_header_configurations, header_table()), "azure-semantics §7.4"},
                               {"responseHeaderConfigurations",
                                objects<R>(&R::response_header_configurations, header_table()), "azure-semantics §7.4"},
                               {"urlConfiguration", not_built<R>("URL rewriting"), "azure-semantics §7.4"}}};
  return table;
}

void read_action_set(Context& context, const Node& node, const std::string& pointer, RewriteRule& rule) {
  read_object(context, node, pointer, action_set_table(), rule);
}

const Table<RewriteRule>& rewrite_rule_table() {
  using R = RewriteRule;
  static const Table<R> table{"ApplicationGatewayRewriteRule",
                              {{"name", text<R>(&R::name), "azure-semantics §7.4"},
                               {"ruleSequence", number<R>(&R::rule_sequence, 0, 1'000'000'000), "azure-semantics §7.4"},
                               {"conditions", not_built<R>("rewrite conditions"), "azure-semantics §7.4"},
                               {"actionSet", read_action_set, "azure-semantics §7.4"}}};
  return table;
}

}  // namespace

const Table<BackendAddressPool>& backend_address_pool_table() {
  using P = BackendAddressPool;
  static const Table<P> table{
      "ApplicationGatewayBackendAddressPool",
      {{"backendAddresses", objects<P>(&P::backend_addresses, backend_address_table()), "azure-semantics §7.7"},
       {"backendIPConfigurations", ignored<P>(), "read-only"},
       {"requestRoutingRules", ignored<P>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<P>(), "read-only"}}};
  return table;
}

const Table<BackendHttpSettings>& backend_http_settings_table() {
  using S = BackendHttpSettings;
  static const Table<S> table{
      "ApplicationGatewayBackendHttpSettings",
      {{"port", number<S>(&S::port, 1, 65'535), "azure-semantics §7.6"},
       {"protocol", enumerator<S>(&S::protocol, protocol_names()), "azure-semantics §7.6"},
       {"cookieBasedAffinity",
        enumerator<S>(&S::cookie_based_affinity,
                      Names<CookieBasedAffinity>{{"Enabled", CookieBasedAffinity::kEnabled},
                                                 {"Disabled", CookieBasedAffinity::kDisabled}}),
        "azure-semantics §7.6"},
       {"requestTimeout", number<S>(&S::request_timeout, 1, 86'400), "azure-semantics §7.6"},
       {"probe", not_built<S>("health probes"), "azure-semantics §7.8"},
       {"probeEnabled", not_built<S>("health probes"), "azure-semantics §7.8"},
       {"authenticationCertificates", not_built<S>("TLS to backends"), "arm-api §5"},
       {"trustedRootCertificates", not_built<S>("TLS to backends"), "azure-semantics §7.6"},
       {"connectionDraining", object<S>(&S::connection_draining, connection_draining_table()), "azure-semantics §7.6"},
       {"hostName", text<S>(&S::host_name), "azure-semantics §7.6"},
       {"pickHostNameFromBackendAddress", boolean<S>(&S::pick_host_name_from_backend_address), "azure-semantics §7.6"},
       {"affinityCookieName", text<S>(&S::affinity_cookie_name), "azure-semantics §7.6"},
       {"path", text<S>(&S::path), "azure-semantics §7.6"},
       {"dedicatedBackendConnection", boolean<S>(&S::dedicated_backend_connection), "azure-semantics §7.6"},
       {"validateCertChainAndExpiry", boolean<S>(&S::validate_cert_chain_and_expiry), "azure-semantics §7.6"},
       {"validateSNI", boolean<S>(&S::validate_sni), "azure-semantics §7.6"},
       {"sniName", text<S>(&S::sni_name), "azure-semantics §7.6"},
       {"requestRoutingRules", ignored<S>(), "reverse reference, arm-api §1.8"},
       {"urlPathMaps", ignored<S>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<S>(), "read-only"}}};
  return table;
}

const Table<RequestRoutingRule>& request_routing_rule_table() {
  using R = RequestRoutingRule;
  static const Table<R> table{
      "ApplicationGatewayRequestRoutingRule",
      {{"ruleType",
        enumerator<R>(&R::rule_type, Names<RuleType>{{"Basic", RuleType::kBasic},
                                                     {"PathBasedRouting", RuleType::kPathBasedRouting},
                                                     {"AdvancedRouting", RuleType::kAdvancedRouting}}),
        "azure-semantics §7.1"},
       {"priority", number<R>(&R::priority, 1, 20'000), "azure-semantics §7.1"},
       {"httpListener", reference<R>(&R::http_listener, "httpListeners"), "azure-semantics §7.1"},
       {"backendAddressPool", reference<R>(&R::backend_address_pool, "backendAddressPools"), "azure-semantics §7.1"},
       {"backendHttpSettings", reference<R>(&R::backend_http_settings, "backendHttpSettingsCollection"),
        "azure-semantics §7.1"},
       {"rewriteRuleSet", reference<R>(&R::rewrite_rule_set, "rewriteRuleSets"), "azure-semantics §7.1"},
       {"urlPathMap", not_built<R>("path-based routing"), "azure-semantics §7.2"},
       {"advancedRoutingMap", not_built<R>("advanced routing"), "arm-api §5"},
       {"redirectConfiguration", not_built<R>("redirects"), "azure-semantics §7.3"},
       {"loadDistributionPolicy", not_built<R>("load distribution policies"), "azure-semantics §7.1"},
       {"entraJWTValidationConfig", not_built<R>("JWT validation"), "azure-semantics §7.1"},
       {"authConfigs", not_built<R>("authentication policies"), "arm-api §5"},
       {"provisioningState", ignored<R>(), "read-only"}}};
  return table;
}

const Table<RewriteRuleSet>& rewrite_rule_set_table() {
  using S = RewriteRuleSet;
  static const Table<S> table{
      "ApplicationGatewayRewriteRuleSet",
      {{"rewriteRules", objects<S>(&S::rewrite_rules, rewrite_rule_table()), "azure-semantics §7.4"},
       {"requestRoutingRules", ignored<S>(), "reverse reference, arm-api §1.8"},
       {"provisioningState", ignored<S>(), "read-only"}}};
  return table;
}

}  // namespace portcullis::arm
