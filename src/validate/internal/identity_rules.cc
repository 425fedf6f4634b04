#include "routing/value_template.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::EffectiveClientAuth;
using model::Findings;
using model::Gateway;
using model::RewriteRuleSet;
using routing::Variable;

namespace {

struct Told {
  bool identity = false;      // any client_certificate* variable but the verdict
  bool verification = false;  // client_certificate_verification
};

Told told_by(const RewriteRuleSet& set) {
  Told told;
  for (const auto& rule : set.rewrite_rules) {
    for (const auto& action : rule.request_header_configurations) {
      const auto value = routing::ValueTemplate::compile(action.header_value);
      if (!value) continue;
      value->for_each_variable([&told](const routing::VariableRef& variable) {
        const bool verdict = variable.kind == Variable::kClientCertificateVerification;
        told.verification = told.verification || verdict;
        told.identity = told.identity || (!verdict && routing::is_client_certificate(variable.kind));
      });
    }
  }
  return told;
}

bool is_passthrough(const Gateway& gateway, const model::HttpListener& listener) {
  if (!listener.ssl_profile) return false;
  const auto* profile = model::find_by_name(gateway.ssl_profiles, listener.ssl_profile->name);
  return profile != nullptr && model::effective_client_auth(*profile) == EffectiveClientAuth::kPassthrough;
}

}  // namespace

void check_forwarded_identity(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  for (const model::RequestRoutingRule& rule : gateway.request_routing_rules) {
    if (!rule.http_listener || !rule.rewrite_rule_set) continue;
    const auto* listener = model::find_by_name(gateway.http_listeners, rule.http_listener->name);
    const auto* set = model::find_by_name(gateway.rewrite_rule_sets, rule.rewrite_rule_set->name);
    if (listener == nullptr || set == nullptr || !is_passthrough(gateway, *listener)) continue;
    const Told told = told_by(*set);
    if (!told.identity || told.verification) continue;
    findings.warning("PassthroughForwardsUnverifiedIdentity", rule.rewrite_rule_set->pointer,
                     "The rule '" + rule.name +
                         "' tells backends of client certificates that the passthrough listener '" + listener->name +
                         "' has not verified, and does not tell them so: add a header with " +
                         "{var_client_certificate_verification} to the rewrite set '" + set->name +
                         "', or let the backend judge the certificate itself.");
  }
}

}  // namespace portcullis::validate
