#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

const Table<HeaderConfiguration>& header_table() {
  using H = HeaderConfiguration;
  static const Table<H> table{
      "ApplicationGatewayHeaderConfiguration",
      {{"headerName", text<H>(&H::header_name), ""},
       {"headerValueMatcher", object<H>(&H::header_value_matcher, header_value_matcher_table()),
        "Which of several Set-Cookie headers is meant; responses only."},
       {"headerValue", text<H>(&H::header_value), "Text with {var_…}, {http_req_…}, {http_resp_…}; empty deletes."}}};
  return table;
}

const Table<UrlConfiguration>& url_configuration_table() {
  using U = UrlConfiguration;
  static const Table<U> table{"ApplicationGatewayUrlConfiguration",
                              {{"modifiedPath", text<U>(&U::modified_path), "Absent: as it was."},
                               {"modifiedQueryString", text<U>(&U::modified_query_string), "Absent: as it was."},
                               {"reroute", boolean<U>(&U::reroute), "Ask the path map again."}}};
  return table;
}

const Table<RewriteRule>& action_set_table() {
  using R = RewriteRule;
  static const Table<R> table{
      "ApplicationGatewayRewriteRuleActionSet",
      {{"requestHeaderConfigurations", objects<R>(&R::request_header_configurations, header_table()), ""},
       {"responseHeaderConfigurations", objects<R>(&R::response_header_configurations, header_table()), ""},
       {"urlConfiguration", object<R>(&R::url_configuration, url_configuration_table()), ""}}};
  return table;
}

const Table<RewriteCondition>& condition_table() {
  using C = RewriteCondition;
  static const Table<C> table{
      "ApplicationGatewayRewriteRuleCondition",
      {{"variable", text<C>(&C::variable), "var_…, http_req_… or http_resp_…"},
       {"pattern", text<C>(&C::pattern), "RE2, matched anywhere in the value; empty: the variable exists."},
       {"ignoreCase", boolean<C>(&C::ignore_case), ""},
       {"negate", boolean<C>(&C::negate), ""}}};
  return table;
}

const Table<RewriteRule>& rewrite_rule_table() {
  using R = RewriteRule;
  static const Table<R> table{
      "ApplicationGatewayRewriteRule",
      {{"ruleSequence", number<R>(&R::rule_sequence, 0, 1'000'000'000), "Rules run in ascending order."},
       {"conditions", objects<R>(&R::conditions, condition_table()), "All must hold; none: always."},
       {"name", text<R>(&R::name), ""},
       {"actionSet", section<R>(action_set_table()), ""}}};
  return table;
}

}  // namespace

const Table<HeaderValueMatcher>& header_value_matcher_table() {
  using M = HeaderValueMatcher;
  static const Table<M> table{"HeaderValueMatcher",
                              {{"pattern", text<M>(&M::pattern), ""},
                               {"ignoreCase", boolean<M>(&M::ignore_case), ""},
                               {"negate", boolean<M>(&M::negate), ""}}};
  return table;
}

const Table<RewriteRuleSet>& rewrite_rule_set_table() {
  using S = RewriteRuleSet;
  static const Table<S> table{"ApplicationGatewayRewriteRuleSet",
                              {{"provisioningState", provisioning_state<S>(), "Read-only."},
                               {"rewriteRules", objects<S>(&S::rewrite_rules, rewrite_rule_table()), "", kAlways},
                               {"requestRoutingRules", ignored<S>(), "Read-only: who references this."},
                               {"urlPathMaps", ignored<S>(), "Read-only: who references this."},
                               {"pathRules", ignored<S>(), "Read-only: who references this."}},
                              false};
  return table;
}

}  // namespace portcullis::arm
