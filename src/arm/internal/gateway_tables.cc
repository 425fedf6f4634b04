#include "arm/internal/gateway_tables.h"

#include "arm/internal/listener_tables.h"
#include "arm/internal/routing_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

const Table<Sku>& sku_table() {
  static const Table<Sku> table{
      "ApplicationGatewaySku",
      {{"name",
        spelled<Sku>(&Sku::name, {"Standard_Small", "Standard_Medium", "Standard_Large", "WAF_Medium", "WAF_Large",
                                  "Standard_v2", "WAF_v2", "Basic", "Basic_v2", "Basic_WAF_v2"}),
        "arm-api §5"},
       {"tier",
        spelled<Sku>(&Sku::tier, {"Standard", "WAF", "Standard_v2", "WAF_v2", "Basic", "Basic_v2", "Basic_WAF_v2"}),
        "arm-api §5"},
       {"family", spelled<Sku>(&Sku::family, {"Generation_1", "Generation_2"}), "arm-api §5"},
       {"capacity", number<Sku>(&Sku::capacity, 0, 1'000), "arm-api §5"}}};
  return table;
}

const Table<GatewayIpConfiguration>& gateway_ip_configuration_table() {
  using G = GatewayIpConfiguration;
  static const Table<G> table{
      "ApplicationGatewayIPConfiguration",
      {{"subnet", external<G>(&G::subnet_id), "kept"}, {"provisioningState", ignored<G>(), "read-only"}}};
  return table;
}

const Table<Autoscale>& autoscale_table() {
  static const Table<Autoscale> table{"ApplicationGatewayAutoscaleConfiguration",
                                      {{"minCapacity", number<Autoscale>(&Autoscale::min_capacity, 0, 1'000), "kept"},
                                       {"maxCapacity", number<Autoscale>(&Autoscale::max_capacity, 2, 1'000), "kept"}}};
  return table;
}

const Table<Gateway>& global_configuration_table() {
  using G = Gateway;
  static const Table<G> table{
      "ApplicationGatewayGlobalConfiguration",
      {{"enableRequestBuffering", boolean<G>(&G::enable_request_buffering), "kept"},
       {"enableResponseBuffering", boolean<G>(&G::enable_response_buffering), "kept"},
       {"disableDefaultServerHeaderInResponse", not_built<G>("leaving out the Server header"), "arm-api §5"}}};
  return table;
}

void read_global_configuration(Context& context, const Node& node, const std::string& pointer, Gateway& gateway) {
  read_object(context, node, pointer, global_configuration_table(), gateway);
}

void read_firewall(Context& context, const Node& node, const std::string& pointer, Gateway&) {
  const Node* enabled = node.find("enabled");
  if (enabled != nullptr && !asks_for_something(*enabled)) return;
  context.error("NotSupportedYet", pointer,
                "This build does not enforce a web application firewall; remove '" + node.key + "' or disable it.");
}

void read_tags(Context& context, const Node& node, const std::string& pointer, Gateway& gateway) {
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object of names and strings");
  for (const Node& tag : node.items)
    if (!tag.is(Kind::kNull) && !context.is_expression(tag))
      if (auto value = context.text_of(tag, pointer_to(pointer, tag.key))) gateway.tags[tag.key] = std::move(*value);
}

void read_user_identities(Context& context, const Node& node, const std::string& pointer, Identity& identity) {
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object keyed by resource ids");
  for (const Node& entry : node.items) identity.user_assigned_identities.push_back(entry.key);
}

const Table<Identity>& identity_table() {
  using I = Identity;
  static const Table<I> table{
      "ManagedServiceIdentity",
      {{"type", spelled<I>(&I::type, {"SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"}),
        "kept"},
       {"userAssignedIdentities", read_user_identities, "kept"},
       {"principalId", ignored<I>(), "read-only"},
       {"tenantId", ignored<I>(), "read-only"}}};
  return table;
}

void read_type(Context& context, const Node& node, const std::string& pointer, Gateway&) {
  const auto type = context.text_of(node, pointer);
  if (type && !equals_ignore_case(*type, "Microsoft.Network/applicationGateways"))
    context.error("InvalidResourceType", pointer,
                  "The resource type is " + printable(*type, 80) +
                      "; a gateway document's is Microsoft.Network/applicationGateways.");
}

void read_condition(Context& context, const Node& node, const std::string& pointer, Gateway&) {
  if (!node.is_true())
    context.error("NotSupportedYet", pointer, "Conditions on resources are not evaluated yet; remove 'condition'.");
}

void read_properties(Context& context, const Node& node, const std::string& pointer, Gateway& gateway) {
  read_object(context, node, pointer, gateway_properties_table(), gateway);
}

template <class T>
void append(std::vector<Row<T>>& rows, std::initializer_list<Row<T>> more) {
  rows.insert(rows.end(), more);
}

std::vector<Row<Gateway>> collection_rows() {
  using G = Gateway;
  return {
      {"gatewayIPConfigurations", collection<G>(&G::gateway_ip_configurations, gateway_ip_configuration_table()),
       "kept"},
      {"trustedClientCertificates", collection<G>(&G::trusted_client_certificates, trusted_client_certificate_table()),
       "azure-semantics §1.1"},
      {"sslCertificates", collection<G>(&G::ssl_certificates, ssl_certificate_table()), "arm-api §1.5"},
      {"frontendIPConfigurations", collection<G>(&G::frontend_ip_configurations, frontend_ip_configuration_table()),
       "azure-semantics §4.1"},
      {"frontendPorts", collection<G>(&G::frontend_ports, frontend_port_table()), "azure-semantics §4.1"},
      {"backendAddressPools", collection<G>(&G::backend_address_pools, backend_address_pool_table()),
       "azure-semantics §7.7"},
      {"backendHttpSettingsCollection", collection<G>(&G::backend_http_settings, backend_http_settings_table()),
       "azure-semantics §7.6"},
      {"httpListeners", collection<G>(&G::http_listeners, http_listener_table()), "azure-semantics §4.1"},
      {"sslProfiles", collection<G>(&G::ssl_profiles, ssl_profile_table()), "azure-semantics §1.1"},
      {"requestRoutingRules", collection<G>(&G::request_routing_rules, request_routing_rule_table()),
       "azure-semantics §7.1"},
      {"rewriteRuleSets", collection<G>(&G::rewrite_rule_sets, rewrite_rule_set_table()), "azure-semantics §7.4"},
  };
}

std::vector<Row<Gateway>> not_built_rows() {
  using G = Gateway;
  constexpr std::string_view kSource = "arm-api §1.2";
  return {
      {"authenticationCertificates", not_built<G>("TLS to backends"), kSource},
      {"trustedRootCertificates", not_built<G>("TLS to backends"), kSource},
      {"probes", not_built<G>("health probes"), kSource},
      {"backendSettingsCollection", not_built<G>("layer-4 proxying"), kSource},
      {"listeners", not_built<G>("layer-4 proxying"), kSource},
      {"routingRules", not_built<G>("layer-4 proxying"), kSource},
      {"urlPathMaps", not_built<G>("path-based routing"), kSource},
      {"advancedRoutingMaps", not_built<G>("advanced routing"), kSource},
      {"advancedRoutingConditionSets", not_built<G>("advanced routing"), kSource},
      {"redirectConfigurations", not_built<G>("redirects"), kSource},
      {"privateLinkConfigurations", not_built<G>("private link"), kSource},
      {"loadDistributionPolicies", not_built<G>("load distribution policies"), kSource},
      {"entraJWTValidationConfigs", not_built<G>("JWT validation"), kSource},
      {"customErrorConfigurations", not_built<G>("custom error pages"), kSource},
      {"firewallPolicy", not_built<G>("the web application firewall"), kSource},
      {"forceFirewallPolicyAssociation", not_built<G>("the web application firewall"), kSource},
      {"enableFips", not_built<G>("FIPS mode"), kSource},
  };
}

}  // namespace

const Table<Gateway>& gateway_properties_table() {
  using G = Gateway;
  static const Table<G> table = [] {
    Table<G> built{"ApplicationGatewayPropertiesFormat", collection_rows()};
    for (Row<G>& row : not_built_rows()) built.rows.push_back(std::move(row));
    append(built.rows, {{"sku", object<G>(&G::sku, sku_table()), "azure-semantics §10"},
                        {"sslPolicy", object<G>(&G::ssl_policy, ssl_policy_table()), "azure-semantics §3.1"},
                        {"enableHttp2", boolean<G>(&G::enable_http2), "azure-semantics §7.9"},
                        {"autoscaleConfiguration", object<G>(&G::autoscale, autoscale_table()), "kept"},
                        {"reservedCapacity", number<G>(&G::reserved_capacity, 0, 1'000), "kept"},
                        {"globalConfiguration", read_global_configuration, "arm-api §5"},
                        {"webApplicationFirewallConfiguration", read_firewall, "arm-api §5"},
                        {"privateEndpointConnections", ignored<G>(), "read-only"},
                        {"operationalState", ignored<G>(), "read-only"},
                        {"resourceGuid", ignored<G>(), "read-only"},
                        {"provisioningState", ignored<G>(), "read-only"},
                        {"defaultPredefinedSslPolicy", ignored<G>(), "read-only"}});
    return built;
  }();
  return table;
}

const Table<Gateway>& gateway_resource_table() {
  using G = Gateway;
  static const Table<G> table{"ApplicationGateway",
                              {{"name", text<G>(&G::name), "arm-api §1.2"},
                               {"id", text<G>(&G::id), "read-only, kept"},
                               {"type", read_type, "arm-api §1.2"},
                               {"location", text<G>(&G::location), "kept"},
                               {"tags", read_tags, "kept"},
                               {"zones", texts<G>(&G::zones), "kept"},
                               {"identity", object<G>(&G::identity, identity_table()), "kept"},
                               {"etag", ignored<G>(), "read-only"},
                               {"properties", read_properties, "arm-api §5"},
                               {"apiVersion", ignored<G>(), "template member"},
                               {"dependsOn", ignored<G>(), "template member: order only"},
                               {"comments", ignored<G>(), "template member"},
                               {"metadata", ignored<G>(), "template member"},
                               {"condition", read_condition, "template member"},
                               {"copy", not_built<G>("copy loops"), "template member"}}};
  return table;
}

}  // namespace portcullis::arm
