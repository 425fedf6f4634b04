// TLS policies: azure-semantics §3.2, with the suites of §3.3 and §3.4.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::SslPolicy;
using model::SslPolicyType;
using model::TlsVersion;

namespace {

constexpr std::string_view kRetiredOn = " was retired by Azure on 2025-08-31";
constexpr std::string_view kInstead = "; use AppGwSslPolicy20220101, AppGwSslPolicy20220101S or CustomV2.";

// ‡ of §3.4: removed from Custom policies.
bool is_retired_suite(std::string_view suite) {
  static constexpr std::array<std::string_view, 12> kRetired = {
      "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
      "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",   "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",      "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
      "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",   "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
      "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",      "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
      "TLS_RSA_WITH_3DES_EDE_CBC_SHA",         "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA"};
  return std::find(kRetired.begin(), kRetired.end(), suite) != kRetired.end();
}

bool is_tls13_suite(std::string_view suite) { return suite.starts_with("TLS_AES_"); }

// Finite-field DHE is never negotiated on Azure (§3.2 rule 7); 3DES is compiled out of OpenSSL, DSS has no keys here.
bool is_never_offered(std::string_view suite) {
  return suite.starts_with("TLS_DHE_") || suite.find("3DES") != std::string_view::npos;
}

unsigned without_disabled(const SslPolicy& policy, unsigned versions) {
  for (const TlsVersion off : policy.disabled_ssl_protocols) versions &= ~(1U << static_cast<unsigned>(off));
  return versions;
}

// `sslPolicy: {disabledSslProtocols: […]}` and nothing else: the default policy without those versions.
bool is_legacy_form(const SslPolicy& policy) {
  return !policy.given.has("policyType") && policy.policy_name.empty() && !policy.min_protocol_version &&
         policy.cipher_suites.empty() && !policy.disabled_ssl_protocols.empty();
}

// One bit a version from 1.0 up.
unsigned versions_of(const SslPolicy* policy) {
  constexpr unsigned k12 = 4;
  constexpr unsigned k13 = 8;
  if (policy == nullptr) return k12 | k13;
  if (policy->policy_type == SslPolicyType::kPredefined) {
    if (policy->policy_name.empty()) return without_disabled(*policy, k12 | k13);
    if (!is_old_family(*policy)) return k12 | k13;
    if (policy->policy_name == "AppGwSslPolicy20150501") return 1 | 2 | k12;
    return policy->policy_name == "AppGwSslPolicy20170401" ? 2 | k12 : k12;
  }
  unsigned versions = 0;
  const auto lowest = static_cast<unsigned>(policy->min_protocol_version.value_or(TlsVersion::kTls12));
  const unsigned highest = policy->policy_type == SslPolicyType::kCustomV2 ? 3 : 2;
  for (unsigned version = lowest; version <= highest; ++version) versions |= 1U << version;
  return without_disabled(*policy, versions);
}

class PolicyRules {
 public:
  PolicyRules(const SslPolicy& policy, const Options& options, Findings& findings)
      : policy_(policy), options_(options), findings_(findings) {}

  void check() {
    if (policy_.policy_type == SslPolicyType::kPredefined)
      check_predefined();
    else
      check_custom();
  }

 private:
  void retired(std::string message) {
    if (options_.allow_retired)
      findings_.warning("SslPolicyRetired", policy_.pointer, std::move(message));
    else
      findings_.error("SslPolicyRetired", policy_.pointer, std::move(message));
  }

  void check_predefined() {
    if (is_legacy_form(policy_)) return check_versions();
    if (policy_.min_protocol_version || !policy_.cipher_suites.empty() || !policy_.disabled_ssl_protocols.empty())
      findings_.error("SslPolicyPredefinedHasCustomParts", policy_.pointer,
                      "A Predefined policy takes policyName only; remove minProtocolVersion, cipherSuites and "
                      "disabledSslProtocols.");
    if (policy_.policy_name.empty())
      findings_.error("SslPolicyNameMissing", policy_.pointer,
                      "A Predefined policy needs policyName: AppGwSslPolicy20220101 or AppGwSslPolicy20220101S.");
    else if (policy_.policy_name == "AppGwSslPolicy20150501" || policy_.policy_name == "AppGwSslPolicy20170401")
      retired(policy_.policy_name + std::string(kRetiredOn) + std::string(kInstead));
  }

  void check_custom() {
    const bool v2 = policy_.policy_type == SslPolicyType::kCustomV2;
    if (!policy_.policy_name.empty())
      findings_.error("SslPolicyCustomHasName", policy_.pointer,
                      "A custom policy takes minProtocolVersion and cipherSuites; remove policyName.");
    const TlsVersion minimum = policy_.min_protocol_version.value_or(TlsVersion::kTls12);
    if (minimum == TlsVersion::kTls13 && !v2)
      findings_.error("SslPolicyTls13NeedsCustomV2", policy_.pointer, "TLSv1_3 needs policyType CustomV2.");
    if (minimum < TlsVersion::kTls12) retired("A minProtocolVersion below TLSv1_2" + std::string(kRetiredOn) + ".");
    check_suites(v2, minimum);
    check_versions();
  }

  void check_versions() {
    if (!policy_.disabled_ssl_protocols.empty() && versions_of(&policy_) == 0)
      findings_.error("SslPolicyAllowsNoVersion", policy_.pointer,
                      "disabledSslProtocols leaves no TLS version that clients could use; take TLSv1_2 off the list.");
  }

  void check_suites(bool v2, TlsVersion minimum) {
    std::set<std::string_view> seen;
    std::size_t usable = 0;
    for (const std::string& suite : policy_.cipher_suites) {
      if (!seen.insert(suite).second)
        findings_.warning("SslCipherSuiteTwice", policy_.pointer, suite + " stands in the list twice.");
      if (is_tls13_suite(suite) && !v2)
        findings_.error("SslPolicyTls13NeedsCustomV2", policy_.pointer, suite + " needs policyType CustomV2.");
      if (is_retired_suite(suite) && !v2)
        retired(suite + std::string(kRetiredOn) + " in Custom policies; remove it or use CustomV2.");
      if (is_never_offered(suite))
        findings_.warning("SslCipherSuiteNeverOffered", policy_.pointer,
                          suite + " is accepted and never offered: neither Azure's v2 nor OpenSSL negotiates it.");
      else if (!is_tls13_suite(suite))
        ++usable;
    }
    if (usable == 0 && minimum < TlsVersion::kTls13)
      findings_.error("SslPolicyNeedsCipherSuites", policy_.pointer,
                      "cipherSuites leaves no suite for TLS 1.2; add one, such as "
                      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384.");
  }

  const SslPolicy& policy_;
  const Options& options_;
  Findings& findings_;
};

std::vector<const SslPolicy*> policies_of(const model::Gateway& gateway) {
  std::vector<const SslPolicy*> policies;
  if (gateway.ssl_policy) policies.push_back(&*gateway.ssl_policy);
  for (const auto& profile : gateway.ssl_profiles)
    if (profile.ssl_policy) policies.push_back(&*profile.ssl_policy);
  return policies;
}

// The listener's policy: its profile's, else the gateway's, else none.
template <class L>
const SslPolicy* policy_of(const model::Gateway& gateway, const L& listener) {
  const auto* profile =
      listener.ssl_profile ? model::find_by_name(gateway.ssl_profiles, listener.ssl_profile->name) : nullptr;
  if (profile != nullptr && profile->ssl_policy) return &*profile->ssl_policy;
  return gateway.ssl_policy ? &*gateway.ssl_policy : nullptr;
}

// §3.2 rule 13, for listeners that speak `protocol`.
template <class L>
void check_versions_on_ports(const model::Gateway& gateway, const std::vector<L>& listeners, model::Protocol protocol,
                             Findings& findings) {
  std::map<std::string, const L*> ports;
  for (const L& listener : listeners) {
    if (listener.protocol != protocol || !listener.frontend_ip_configuration || !listener.frontend_port) continue;
    const std::string key =
        to_lower(listener.frontend_ip_configuration->name) + "/" + to_lower(listener.frontend_port->name);
    const L& first = *ports.try_emplace(key, &listener).first->second;
    if (versions_of(policy_of(gateway, first)) != versions_of(policy_of(gateway, listener)))
      findings.error("SslPolicyVersionsDifferOnPort", listener.pointer,
                     "The listeners '" + first.name + "' and '" + listener.name +
                         "' share a frontend port, and their TLS policies allow different protocol versions; use "
                         "another port or the same versions.");
  }
}

}  // namespace

bool is_old_family(const SslPolicy& policy) {
  if (policy.policy_type == SslPolicyType::kPredefined) return policy.policy_name.find("2022") == std::string::npos;
  return policy.policy_type == SslPolicyType::kCustom;
}

void check_ssl_policies(const Subject& subject, Findings& findings) {
  const std::vector<const SslPolicy*> policies = policies_of(subject.gateway);
  const SslPolicy* first = nullptr;
  for (const SslPolicy* policy : policies) {
    PolicyRules(*policy, subject.options, findings).check();
    if (policy->policy_type == SslPolicyType::kPredefined && policy->policy_name.empty()) continue;
    if (first == nullptr) first = policy;
    if (is_old_family(*first) != is_old_family(*policy))
      findings.error("SslPolicyFamiliesMixed", policy->pointer,
                     "This TLS policy and the one at " + first->pointer +
                         " are of different families: those of 2015, 2017 and Custom cannot be used in one gateway "
                         "with those of 2022 and CustomV2.");
  }
  const model::Gateway& gateway = subject.gateway;
  check_versions_on_ports(gateway, gateway.http_listeners, model::Protocol::kHttps, findings);
  check_versions_on_ports(gateway, gateway.listeners, model::Protocol::kTls, findings);
}

}  // namespace portcullis::validate
