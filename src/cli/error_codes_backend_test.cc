// Pools, settings and probes (azure-semantics §7.6–7.8), the SKU, protection that is not enforced, what is kept.
#include "cli/test_error_codes.h"

namespace portcullis::cli {
namespace {

#define SETTINGS " /properties/backendHttpSettingsCollection/0"

constexpr const char* kMember = R"({"ipAddress":"10.0.0.1"})";
constexpr const char* kSettings = R"("port":80,"protocol":"Http","probe")";
constexpr const char* kProbe = R"("properties":{"protocol":"Http","path":"/")";
constexpr const char* kSku = R"("sku":{"name":"WAF_v2","tier":"WAF_v2"})";
constexpr const char* kFips = R"("enableFips":false)";

}  // namespace

constexpr ErrorCase kBackendCases[] = {
    {"member_with_both", kMember, R"({"ipAddress":"10.0.0.1","fqdn":"b.example"})",
     "error InvalidBackendAddress /properties/backendAddressPools/0/properties/backendAddresses/0",
     "either fqdn or ipAddress"},
    {"member_with_scheme", kMember, R"({"fqdn":"https://b.example"})",
     "error InvalidBackendAddress /properties/backendAddressPools/0/properties/backendAddresses/0", "no scheme"},
    {"member_no_address", kMember, R"({"ipAddress":"10.0.0.256"})",
     "error InvalidBackendAddress /properties/backendAddressPools/0/properties/backendAddresses/0",
     "is not an IP address"},
    {"settings_without_port", kSettings, R"("protocol":"Http","probe")",
     "error BackendHttpSettingsPortMissing" SETTINGS, "1 to 65535"},
    {"settings_of_layer4", kSettings, R"("port":80,"protocol":"Tls","probe")", "error InvalidBackendProtocol" SETTINGS,
     "Http or Https", "ProbeProtocolMismatch"},
    {"settings_host", kSettings, R"("port":80,"hostName":"a b","probe")", "error InvalidHostName" SETTINGS,
     "'a b' is not a host name"},
    {"both_hosts", kSettings, R"("port":80,"hostName":"a","pickHostNameFromBackendAddress":true,"probe")",
     "error HostNameAndPickHostName" SETTINGS, "keep one"},
    {"override_path", kSettings, R"("port":80,"path":"x y","probe")", "error InvalidBackendPath" SETTINGS,
     "must begin with '/'"},
    {"probe_protocol", kProbe, R"("properties":{"protocol":"Https","path":"/")",
     "error ProbeProtocolMismatch" SETTINGS "/properties/probe/id", "different protocols"},
    {"layer4_settings", R"("backendSettingsCollection":[])",
     R"("backendSettingsCollection":[{"name":"t","properties":{"protocol":"Http"}}])",
     "error BackendSettingsPortMissing /properties/backendSettingsCollection/0", "1 to 65535",
     "InvalidBackendProtocol"},
    {"layer4_settings_protocol", R"("backendSettingsCollection":[])",
     R"("backendSettingsCollection":[{"name":"t","properties":{"protocol":"Http","port":1}}])",
     "error InvalidBackendProtocol /properties/backendSettingsCollection/0", "Tcp or Tls"},
    {"layer4_probe_protocol", R"("backendSettingsCollection":[])",
     R"("backendSettingsCollection":[{"name":"t","properties":{"protocol":"Tcp","port":1,"probe":{"id":"x/probes/probe"}}}])",
     "error ProbeProtocolMismatch /properties/backendSettingsCollection/0/properties/probe/id", "different protocols"},
    {"probe_path", kProbe, R"("properties":{"protocol":"Http","path":"health")",
     "error InvalidProbePath /properties/probes/0", "begins with '/'"},
    {"probe_codes", R"("200-399")", R"("2xx")", "error InvalidProbeStatusCodes /properties/probes/0/properties/match",
     "200-399"},
    {"probe_body", R"("statusCodes":["200-399"])", R"("body":"$LONG")",
     "error ProbeMatchTooLong /properties/probes/0/properties/match", "4,090"},
};

ErrorCases backend_cases() { return {std::begin(kBackendCases), std::end(kBackendCases)}; }

constexpr ErrorCase kProtectionCases[] = {
    {"v1_sku", kSku, R"("sku":{"name":"WAF_Medium","tier":"WAF"})", "error SkuRetired /properties/sku/name",
     "use WAF_v2"},
    {"v1_standard_sku", kSku, R"("sku":{"name":"standard_small","tier":"Standard"})",
     "error SkuRetired /properties/sku/name", "use Standard_v2"},
    {"tier", R"("tier":"WAF_v2")", R"("tier":"Standard_v2")", "error SkuTierMismatch /properties/sku/tier",
     "same word"},
    {"firewall_sku", kSku,
     R"("sku":{"name":"Standard_v2"},"webApplicationFirewallConfiguration":{"enabled":true,"firewallMode":"Detection","ruleSetType":"OWASP","ruleSetVersion":"3.2"})",
     "error ApplicationGatewayFirewallCannotBeEnabledForSelectedSku /properties/webApplicationFirewallConfiguration",
     "A web application firewall cannot be enabled for the SKU Standard_v2; it needs WAF_v2.", "ProtectionNotEnforced"},
    {"firewall_policy_sku", kSku, R"("sku":{"name":"Standard_v2"},"firewallPolicy":{"id":"/any/policy"})",
     "error ApplicationGatewayFirewallCannotBeEnabledForSelectedSku /properties/firewallPolicy",
     "cannot be enabled for the SKU Standard_v2", "ProtectionNotEnforced"},
    {"firewall", kFips,
     R"("webApplicationFirewallConfiguration":{"enabled":true,"firewallMode":"Detection","ruleSetType":"OWASP","ruleSetVersion":"3.2"})",
     "error ProtectionNotEnforced /properties/webApplicationFirewallConfiguration", "unenforced: [waf]"},
    {"firewall_incomplete", kFips, R"("webApplicationFirewallConfiguration":{"enabled":true})",
     "error FirewallConfigurationIncomplete /properties/webApplicationFirewallConfiguration", "ruleSetVersion",
     "ProtectionNotEnforced"},
    {"firewall_policy", kFips,
     R"("firewallPolicy":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/w"})",
     "error ProtectionNotEnforced /properties/firewallPolicy", "unenforced: [waf]"},
    {"listener_firewall_policy", R"("hostNames":["a.example"])",
     R"("firewallPolicy":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/w"})",
     "error ProtectionNotEnforced /properties/httpListeners/2/properties/firewallPolicy", "unenforced: [waf]"},
    {"token", R"("priority":1,)", R"("priority":1,"entraJWTValidationConfig":{"id":"x/entraJWTValidationConfigs/j"},)",
     "error InvalidResourceReference /properties/requestRoutingRules/0/properties/entraJWTValidationConfig/id",
     "entraJWTValidationConfigs/j"},
    {"token_policy", R"("priority":1,)",
     R"("priority":1,"authConfigs":[{"name":"a","authenticationPolicy":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/policies/p"}}],)",
     "error ProtectionNotEnforced /properties/requestRoutingRules/0", "unenforced: [jwt]"},
    {"fips", kFips, R"("enableFips":true)", "error ProtectionNotEnforced /properties/enableFips", "unenforced: [fips]"},
    {"client_address", kFips,
     R"("advancedRoutingConditionSets":[{"name":"c","properties":{"routingConditions":[{"conditionType":"ClientIP"}]}}])",
     "error ProtectionNotEnforced /properties/advancedRoutingConditionSets/0/properties/routingConditions/0",
     "unenforced: [client_address]"},
    {"zones", R"({"name":"gw",)", R"({"name":"gw","zones":["1"],)", "info KeptWithoutMeaning /zones", "one machine"},
    {"identity", R"({"name":"gw",)", R"({"name":"gw","identity":{"type":"SystemAssigned"},)",
     "info KeptWithoutMeaning /identity", "never from Key Vault"},
    {"capacity", R"("tier":"WAF_v2")", R"("tier":"WAF_v2","capacity":"2")", "info KeptWithoutMeaning /properties/sku",
     "'workers'"},
    {"autoscale", kFips, R"("autoscaleConfiguration":{"minCapacity":0})",
     "info KeptWithoutMeaning /properties/autoscaleConfiguration", "'workers'"},
    {"subnet", kFips,
     R"("gatewayIPConfigurations":[{"name":"g","properties":{"subnet":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"}}}])",
     "info KeptWithoutMeaning /properties/gatewayIPConfigurations", "Subnets"},
    {"private_link", kFips, R"("privateLinkConfigurations":[{"name":"p"}])",
     "info KeptWithoutMeaning /properties/privateLinkConfigurations", "Private link"},
    {"buffering", kFips, R"("globalConfiguration":{"enableRequestBuffering":false})",
     "info KeptWithoutMeaning /properties/globalConfiguration", "streamed"},
    {"attached_interfaces", R"("backendAddressPools":[{"name":"pool","properties":{)",
     R"("backendAddressPools":[{"name":"pool","properties":{"backendIPConfigurations":[{"id":"/n"}],)",
     "warning BackendIpConfigurationsNotUsed /properties/backendAddressPools/0", "backendAddresses are members"},
};

ErrorCases protection_cases() { return {std::begin(kProtectionCases), std::end(kProtectionCases)}; }

}  // namespace portcullis::cli
