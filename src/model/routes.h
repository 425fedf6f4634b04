// Which request goes where, and what is changed on the way: rules, path maps, advanced routing, redirects, rewrite sets
// (azure-semantics §7.1–7.4). Plain values; see gateway.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/resource.h"
#include "model/security.h"

namespace portcullis::model {

// ARM HeaderValueMatcher: which of several Set-Cookie headers an action is about.
struct HeaderValueMatcher {
  std::string pattern;
  bool ignore_case = false;
  bool negate = false;
  std::string pointer;
  Given given;
};

struct HeaderConfiguration {
  std::string header_name;
  std::string header_value;  // text with {var_…}, {http_req_…}, {http_resp_…}; empty deletes the header
  std::string pointer;
  std::optional<HeaderValueMatcher> header_value_matcher;
  Given given;
};

struct UrlConfiguration {
  std::optional<std::string> modified_path;          // absent: keep
  std::optional<std::string> modified_query_string;  // absent: keep
  bool reroute = false;
  std::string pointer;
  Given given;
};

struct RewriteCondition {
  std::string variable;  // var_x, http_req_Name, http_resp_Name
  std::string pattern;   // RE2; empty: the variable exists
  bool ignore_case = false;
  bool negate = false;
  std::string pointer;
  Given given;
};

struct RewriteRule {
  std::string name;
  std::uint32_t rule_sequence = 0;  // ascending order of application
  std::vector<HeaderConfiguration> request_header_configurations;
  std::vector<HeaderConfiguration> response_header_configurations;
  std::string pointer;
  std::optional<UrlConfiguration> url_configuration;
  std::vector<RewriteCondition> conditions;  // all must hold; none: always
  Given given;
};

struct RewriteRuleSet : SubResource {
  std::vector<RewriteRule> rewrite_rules;  // in document order; compile by rule_sequence
};

enum class RuleType : std::uint8_t { kBasic, kPathBasedRouting, kAdvancedRouting };

struct RequestRoutingRule : SubResource {
  RuleType rule_type = RuleType::kBasic;
  std::optional<std::uint32_t> priority;  // 1–20000, lowest wins
  std::optional<Ref> http_listener;
  std::optional<Ref> backend_address_pool;
  std::optional<Ref> backend_http_settings;
  std::optional<Ref> rewrite_rule_set;
  std::optional<Ref> url_path_map;
  std::optional<Ref> advanced_routing_map;
  std::optional<Ref> redirect_configuration;
  std::optional<Ref> load_distribution_policy;
  std::optional<Ref> jwt_validation_config;  // ARM entraJWTValidationConfig
  std::vector<AuthConfig> auth_configs;
};

// ARM routingRules[]: layer 4.
struct RoutingRule : SubResource {
  RuleType rule_type = RuleType::kBasic;
  std::optional<std::uint32_t> priority;  // 1–20000
  std::optional<Ref> backend_address_pool;
  std::optional<Ref> backend_settings;
  std::optional<Ref> listener;
};

struct PathRule : SubResource {
  std::vector<std::string> paths;
  std::optional<Ref> backend_address_pool;
  std::optional<Ref> backend_http_settings;
  std::optional<Ref> redirect_configuration;
  std::optional<Ref> rewrite_rule_set;
  std::optional<Ref> load_distribution_policy;
  std::string firewall_policy_id;
};

struct UrlPathMap : SubResource {
  std::optional<Ref> default_backend_address_pool;
  std::optional<Ref> default_backend_http_settings;
  std::optional<Ref> default_rewrite_rule_set;
  std::optional<Ref> default_redirect_configuration;
  std::optional<Ref> default_load_distribution_policy;
  std::vector<PathRule> path_rules;
};

enum class RedirectType : std::uint8_t { kPermanent, kFound, kSeeOther, kTemporary };

struct RedirectConfiguration : SubResource {
  std::optional<RedirectType> redirect_type;
  std::optional<Ref> target_listener;
  std::string target_url;
  bool include_path = false;
  bool include_query_string = false;
};

struct AdvancedRoutingRule : SubResource {
  std::optional<std::uint32_t> priority;
  std::optional<Ref> advanced_routing_condition_set;
  std::optional<Ref> backend_address_pool;
  std::optional<Ref> backend_http_settings;
  std::optional<Ref> redirect_configuration;
  std::optional<Ref> rewrite_rule_set;
  std::vector<AuthConfig> auth_configs;
};

struct AdvancedRoutingMap : SubResource {
  std::optional<Ref> default_backend_address_pool;
  std::optional<Ref> default_backend_http_settings;
  std::optional<Ref> default_redirect_configuration;
  std::optional<Ref> default_rewrite_rule_set;
  std::vector<AuthConfig> default_auth_configs;
  std::vector<AdvancedRoutingRule> advanced_routing_rules;
};

enum class AdvancedConditionType : std::uint8_t { kHeader, kQueryString, kPath, kClientIp, kMethod };

struct AdvancedRoutingCondition {
  std::optional<AdvancedConditionType> condition_type;
  std::string property_name;
  std::vector<std::string> property_values;
  std::optional<HeaderValueMatcher> property_value_matcher;
  std::string pointer;
  Given given;
};

struct AdvancedRoutingConditionSet : SubResource {
  std::vector<AdvancedRoutingCondition> routing_conditions;
};

}  // namespace portcullis::model
