// The SKU; protection that a document asks for and nothing here enforces; what is kept without meaning.
#include <algorithm>

#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::Gateway;

namespace {

bool is_v1(std::string_view sku) {
  return sku.starts_with("Standard_") ? sku != "Standard_v2" : sku == "WAF_Medium" || sku == "WAF_Large";
}

bool firewall_enabled(const Gateway& gateway) { return gateway.firewall && gateway.firewall->enabled; }

// Reports what asks for one kind of protection.
class Protection {
 public:
  Protection(const Subject& subject, std::string_view word, std::string what, Findings& findings)
      : findings_(findings), word_(word), what_(std::move(what)) {
    const auto& waived = subject.host.unenforced;
    waived_ = std::any_of(waived.begin(), waived.end(),
                          [&](const std::string& one) { return equals_ignore_case(one, word); });
  }

  void asked(bool asks, const std::string& pointer) {
    if (!asks) return;
    if (waived_)
      findings_.warning("ProtectionNotEnforced", pointer,
                        "The document asks for " + what_ +
                            ", and nothing here enforces it: the host file's "
                            "'unenforced' lists " +
                            std::string(word_) + ".");
    else
      findings_.error("ProtectionNotEnforced", pointer,
                      "The document asks for " + what_ +
                          ", and this program does not enforce it; remove it, or accept "
                          "that with 'unenforced: [" +
                          std::string(word_) + "]' in the host file.");
  }

 private:
  Findings& findings_;
  std::string_view word_;
  std::string what_;
  bool waived_ = false;
};

// The places that ask for a web application firewall.
std::vector<std::string> firewalls(const Gateway& gateway) {
  std::vector<std::string> places;
  const auto add = [&](bool asked, const std::string& pointer) {
    if (asked) places.push_back(pointer);
  };
  const std::string base = gateway.pointer + "/properties/";
  add(firewall_enabled(gateway), base + "webApplicationFirewallConfiguration");
  add(!gateway.firewall_policy_id.empty(), base + "firewallPolicy");
  for (const auto& listener : gateway.http_listeners)
    add(!listener.firewall_policy_id.empty(), listener.pointer + "/properties/firewallPolicy");
  for (const auto& map : gateway.url_path_maps)
    for (const auto& rule : map.path_rules)
      add(!rule.firewall_policy_id.empty(), rule.pointer + "/properties/firewallPolicy");
  return places;
}

void check_firewall(const Subject& subject, Findings& findings) {
  Protection waf(subject, "waf", "a web application firewall", findings);
  for (const std::string& place : firewalls(subject.gateway)) waf.asked(true, place);
}

void check_tokens(const Subject& subject, Findings& findings) {
  Protection jwt(subject, "jwt", "requests to be authenticated by a token", findings);
  for (const auto& rule : subject.gateway.request_routing_rules)
    jwt.asked(rule.jwt_validation_config || !rule.auth_configs.empty(), rule.pointer);
  for (const auto& map : subject.gateway.advanced_routing_maps) {
    jwt.asked(!map.default_auth_configs.empty(), map.pointer);
    for (const auto& rule : map.advanced_routing_rules) jwt.asked(!rule.auth_configs.empty(), rule.pointer);
  }
}

}  // namespace

void check_sku(const Subject& subject, Findings& findings) {
  const model::Sku& sku = subject.gateway.sku;
  const std::string name = sku.name.empty() ? "Standard_v2" : sku.name;
  const bool v1 = is_v1(name);
  const std::string at = sku.pointer.empty() ? subject.gateway.pointer + "/properties/sku" : sku.pointer;
  if (v1)
    findings.error("SkuRetired", at + "/name",
                   "The SKU " + name + " is of the retired v1 generation; use " +
                       (name.starts_with("WAF") ? "WAF_v2" : "Standard_v2") +
                       " as name and tier (v1's features that v2 lacks are refused too).");
  if (!v1 && !sku.tier.empty() && !sku.name.empty() && sku.tier != sku.name)
    findings.error("SkuTierMismatch", at + "/tier",
                   "The SKU's tier is " + sku.tier + " and its name " + sku.name + "; both are the same word.");
  const Gateway& gateway = subject.gateway;
  if (firewall_enabled(gateway) && (!gateway.firewall->firewall_mode || gateway.firewall->rule_set_type.empty() ||
                                    gateway.firewall->rule_set_version.empty()))
    findings.error("FirewallConfigurationIncomplete",
                   gateway.pointer + "/properties/webApplicationFirewallConfiguration",
                   "An enabled web application firewall needs firewallMode, ruleSetType and ruleSetVersion.");
  if (name.starts_with("WAF") || name == "Basic_WAF_v2") return;
  for (const std::string& place : firewalls(gateway))
    findings.error("ApplicationGatewayFirewallCannotBeEnabledForSelectedSku", place,
                   "A web application firewall cannot be enabled for the SKU " + name + "; it needs WAF_v2.");
}

void check_protection(const Subject& subject, Findings& findings) {
  check_firewall(subject, findings);
  check_tokens(subject, findings);
  Protection fips(subject, "fips", "FIPS mode", findings);
  fips.asked(subject.gateway.enable_fips, subject.gateway.pointer + "/properties/enableFips");
  Protection address(subject, "client_address", "requests to be told apart by the client's address", findings);
  for (const auto& set : subject.gateway.advanced_routing_condition_sets)
    for (const auto& condition : set.routing_conditions)
      address.asked(condition.condition_type == model::AdvancedConditionType::kClientIp, condition.pointer);
}

void say_what_is_kept(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  const std::string base = gateway.pointer + "/properties/";
  const auto say = [&](bool there, const std::string& pointer, const char* what) {
    if (there) findings.info("KeptWithoutMeaning", pointer, what);
  };
  const auto& frontends = gateway.frontend_ip_configurations;
  const auto frontend_with = [&](auto member) {
    return std::any_of(frontends.begin(), frontends.end(), [&](const auto& one) { return !(one.*member).empty(); });
  };
  using Frontend = model::FrontendIpConfiguration;
  say(!gateway.gateway_ip_configurations.empty() || frontend_with(&Frontend::subnet_id),
      base + "gatewayIPConfigurations", "Subnets: this machine's network is used as it is.");
  say(frontend_with(&Frontend::public_ip_address_id) || frontend_with(&Frontend::private_ip_address),
      base + "frontendIPConfigurations",
      "Public and private IP addresses: the host file's 'bind' says which local addresses are listened on.");
  constexpr const char* kCapacity = "Capacity: the host file's 'workers' says how many threads serve.";
  say(gateway.sku.capacity.has_value(), base + "sku", kCapacity);
  say(gateway.autoscale.has_value(), base + "autoscaleConfiguration", kCapacity);
  say(gateway.reserved_capacity.has_value(), base + "reservedCapacity", kCapacity);
  say(!gateway.enable_request_buffering || !gateway.enable_response_buffering, base + "globalConfiguration",
      "Buffering: bodies are streamed with back-pressure, whatever is set.");
  say(!gateway.private_link_configurations.empty(), base + "privateLinkConfigurations",
      "Private link: clients reach this machine's addresses only.");
  say(!gateway.zones.empty(), gateway.pointer + "/zones", "Availability zones: there is one machine.");
  say(gateway.identity.has_value(), gateway.pointer + "/identity",
      "A managed identity: keys come from the document or from the host file's 'secrets', never from Key Vault.");
  for (const auto& pool : gateway.backend_address_pools)
    if (!pool.backend_ip_configurations.empty())
      findings.warning("BackendIpConfigurationsNotUsed", pool.pointer,
                       "The pool '" + pool.name +
                           "' has network interfaces that Azure attached to it; here only its "
                           "backendAddresses are members.");
}

}  // namespace portcullis::validate
