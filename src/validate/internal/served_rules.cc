// What is valid on Azure and not served by this build: an error where the gateway is to be served, so that nothing is
// ever ignored in silence, else a warning. Each feature that is built loses its line here.
#include <algorithm>

#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::Gateway;

namespace {

class Served {
 public:
  Served(const Subject& subject, Findings& findings)
      : serving_(subject.options.serving), allow_retired_(subject.options.allow_retired), findings_(findings) {}

  void not_yet(bool asked, const std::string& pointer, const std::string& what) {
    if (!asked) return;
    std::string message = "This build does not serve " + what + " yet.";
    if (serving_)
      findings_.error(kNotServedYet, pointer, std::move(message));
    else
      findings_.warning(kNotServedYet, pointer, std::move(message));
  }

  void policy(const std::optional<model::SslPolicy>& policy) {
    if (!policy) return;
    const auto& off = policy->disabled_ssl_protocols;
    const bool fewer =
        std::any_of(off.begin(), off.end(), [](auto version) { return version >= model::TlsVersion::kTls12; });
    not_yet(policy->policy_type != model::SslPolicyType::kPredefined || fewer, policy->pointer, "custom TLS policies");
    not_yet(allow_retired_ && policy->policy_type == model::SslPolicyType::kPredefined &&
                (policy->policy_name == "AppGwSslPolicy20150501" || policy->policy_name == "AppGwSslPolicy20170401"),
            policy->pointer, "the retired policy " + policy->policy_name);
  }

  void settings(const model::BackendHttpSettings& settings) {
    const std::string& at = settings.pointer;
    not_yet(settings.protocol == model::Protocol::kHttps, at, "TLS to backends");
    not_yet(settings.cookie_based_affinity == model::CookieBasedAffinity::kEnabled, at, "cookie-based affinity");
    not_yet(settings.dedicated_backend_connection, at, "dedicated backend connections");
    not_yet(settings.connection_draining && settings.connection_draining->enabled, at, "connection draining");
    not_yet(settings.probe.has_value() || settings.probe_enabled, at, "health probes");
  }

  void rule(const model::RequestRoutingRule& rule) {
    not_yet(rule.rule_type == model::RuleType::kPathBasedRouting, rule.pointer, "path-based routing");
    not_yet(rule.rule_type == model::RuleType::kAdvancedRouting, rule.pointer, "advanced routing");
    not_yet(rule.redirect_configuration.has_value(), rule.pointer, "redirects");
    not_yet(rule.load_distribution_policy.has_value(), rule.pointer, "load distribution policies");
  }

  void rewrite(const model::RewriteRule& rule) {
    not_yet(!rule.conditions.empty(), rule.pointer, "rewrite conditions");
    not_yet(rule.url_configuration.has_value(), rule.pointer, "URL rewriting");
    for (const auto* actions : {&rule.request_header_configurations, &rule.response_header_configurations})
      for (const auto& action : *actions)
        not_yet(action.header_value_matcher.has_value(), action.pointer, "header value matchers");
  }

  void listener(const model::HttpListener& listener) {
    for (const std::string& name : host_names(listener))
      not_yet(has_wildcard(name), listener.pointer, "wildcard host names");
    not_yet(!listener.custom_errors.empty(), listener.pointer, "custom error pages");
    not_yet(listener.enable_http3, listener.pointer, "HTTP/3");
  }

 private:
  bool serving_;
  bool allow_retired_;
  Findings& findings_;
};

}  // namespace

void check_served(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  const std::string base = gateway.pointer + "/properties/";
  Served served(subject, findings);
  served.policy(gateway.ssl_policy);
  for (const auto& profile : gateway.ssl_profiles) served.policy(profile.ssl_policy);
  for (const auto& certificate : gateway.ssl_certificates)
    served.not_yet(certificate.hsm.has_value(), certificate.pointer, "keys in a managed HSM");
  for (const auto& listener : gateway.http_listeners) served.listener(listener);
  for (const auto& listener : gateway.listeners) served.not_yet(true, listener.pointer, "layer-4 listeners");
  for (const auto& settings : gateway.backend_http_settings) served.settings(settings);
  for (const auto& rule : gateway.request_routing_rules) served.rule(rule);
  for (const auto& set : gateway.rewrite_rule_sets)
    for (const auto& rule : set.rewrite_rules) served.rewrite(rule);
  served.not_yet(!gateway.custom_errors.empty(), base + "customErrorConfigurations", "custom error pages");
  served.not_yet(gateway.disable_default_server_header, base + "globalConfiguration", "leaving out the Server header");
}

}  // namespace portcullis::validate
