#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

constexpr std::string_view kKept = "Kept and returned; it means nothing outside Azure.";
constexpr std::string_view kReadOnly = "Read-only.";

bool is_second_generation(const Sku& sku) { return sku.name.ends_with("_v2"); }

Field<Sku> sku_family() {
  Field<Sku> field = spelled<Sku>(&Sku::family, {"Generation_1", "Generation_2"});
  field.write = [](const Writing&, const Sku& sku, std::string_view, bool) -> std::optional<Node> {
    if (!sku.family.empty()) return json_text(sku.family);
    if (!is_second_generation(sku)) return std::nullopt;
    return json_text("Generation_2");
  };
  return field;
}

const Table<Sku>& sku_table() {
  static const Table<Sku> table{
      "ApplicationGatewaySku",
      {{"name",
        spelled<Sku>(&Sku::name, {"Standard_Small", "Standard_Medium", "Standard_Large", "WAF_Medium", "WAF_Large",
                                  "Standard_v2", "WAF_v2", "Basic", "Basic_v2", "Basic_WAF_v2"}),
        "Decides which features may be used. The v1 names are known and refused."},
       {"tier",
        spelled<Sku>(&Sku::tier, {"Standard", "WAF", "Standard_v2", "WAF_v2", "Basic", "Basic_v2", "Basic_WAF_v2"}),
        "The same word as `name`."},
       {"family", sku_family(), kKept},
       {"capacity", number<Sku>(&Sku::capacity, 0, 1'000), kKept}}};
  return table;
}

const Table<GatewayIpConfiguration>& gateway_ip_configuration_table() {
  using G = GatewayIpConfiguration;
  static const Table<G> table{"ApplicationGatewayIPConfiguration",
                              {{"provisioningState", provisioning_state<G>(), kReadOnly},
                               {"subnet", external<G>(&G::subnet_id, "subnets"), kKept}}};
  return table;
}

const Table<Autoscale>& autoscale_table() {
  static const Table<Autoscale> table{
      "ApplicationGatewayAutoscaleConfiguration",
      {{"minCapacity", number<Autoscale>(&Autoscale::min_capacity, 0, 1'000), kKept, kRequired | kAlways},
       {"maxCapacity", number<Autoscale>(&Autoscale::max_capacity, 2, 1'000), kKept}}};
  return table;
}

const Table<PrivateLinkIpConfiguration>& private_link_ip_table() {
  using P = PrivateLinkIpConfiguration;
  static const Table<P> table{
      "ApplicationGatewayPrivateLinkIpConfiguration",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"privateIPAddress", text<P>(&P::private_ip_address), kKept},
       {"privateIPAllocationMethod", spelled<P>(&P::private_ip_allocation_method, {"Static", "Dynamic"}), kKept},
       {"subnet", external<P>(&P::subnet_id, "subnets"), kKept},
       {"primary", boolean<P>(&P::primary), kKept}}};
  return table;
}

const Table<PrivateLinkConfiguration>& private_link_table() {
  using P = PrivateLinkConfiguration;
  static const Table<P> table{
      "ApplicationGatewayPrivateLinkConfiguration",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"ipConfigurations", collection<P>(&P::ip_configurations, private_link_ip_table()), kKept, kAlways}}};
  return table;
}

const Table<Gateway>& global_configuration_table() {
  using G = Gateway;
  static const Table<G> table{"ApplicationGatewayGlobalConfiguration",
                              {{"enableRequestBuffering", boolean<G>(&G::enable_request_buffering),
                                "Kept; bodies are streamed with back-pressure either way."},
                               {"enableResponseBuffering", boolean<G>(&G::enable_response_buffering),
                                "Kept; bodies are streamed with back-pressure either way."},
                               {"disableDefaultServerHeaderInResponse", boolean<G>(&G::disable_default_server_header),
                                "Leave the `Server` header out of responses that the gateway makes."}}};
  return table;
}

void read_tags(Context& context, const Node& node, const std::string& pointer, Gateway& gateway) {
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object of names and strings");
  for (const Node& tag : node.items)
    if (!tag.is(Kind::kNull) && !context.is_expression(tag))
      if (auto value = context.text_of(tag, pointer_to(pointer, tag.key))) gateway.tags[tag.key] = std::move(*value);
}

std::optional<Node> write_tags(const Writing&, const Gateway& gateway, std::string_view, bool) {
  Node tags = container(Kind::kObject);
  for (const auto& [key, value] : gateway.tags) add_member(tags, key, json_text(value));
  return tags;
}

void read_user_identities(Context& context, const Node& node, const std::string& pointer, Identity& identity) {
  if (!node.is(Kind::kObject)) return context.wrong_type(node, pointer, "an object keyed by resource ids");
  for (const Node& entry : node.items) identity.user_assigned_identities.push_back(entry.key);
}

std::optional<Node> write_user_identities(const Writing&, const Identity& identity, std::string_view, bool forced) {
  if (!forced && identity.user_assigned_identities.empty()) return std::nullopt;
  Node map = container(Kind::kObject);
  for (const std::string& id : identity.user_assigned_identities) add_member(map, id, container(Kind::kObject));
  return map;
}

const Table<Identity>& identity_table() {
  using I = Identity;
  static const Table<I> table{
      "ManagedServiceIdentity",
      {{"type", spelled<I>(&I::type, {"SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"}),
        kKept},
       {"userAssignedIdentities", Field<I>(read_user_identities, write_user_identities, {.kind = ValueKind::kMap}),
        kKept},
       {"principalId", ignored<I>(), kReadOnly},
       {"tenantId", ignored<I>(), kReadOnly}}};
  return table;
}

constexpr std::string_view kGatewayType = "Microsoft.Network/applicationGateways";

void read_type(Context& context, const Node& node, const std::string& pointer, Gateway&) {
  const auto type = context.text_of(node, pointer);
  if (type && !equals_ignore_case(*type, kGatewayType))
    context.error_at(node, "InvalidResourceType", pointer,
                     "The resource type is " + printable(*type, 80) +
                         "; a gateway document's is Microsoft.Network/applicationGateways.");
}

Field<Gateway> resource_type() {
  return {read_type,
          [](const Writing&, const Gateway&, std::string_view, bool) -> std::optional<Node> {
            return json_text(std::string(kGatewayType));
          },
          {.kind = ValueKind::kText}};
}

Field<Gateway> resource_id() {
  Field<Gateway> field = text<Gateway>(&Gateway::id);
  field.write = [](const Writing& writing, const Gateway&, std::string_view, bool) -> std::optional<Node> {
    return json_text(writing.id);
  };
  return field;
}

// A member of the read shape that the options hold; left out where they do not.
Field<Gateway> from_options(std::string WriteOptions::*member) {
  return computed<Gateway>([member](const Writing& writing, const Gateway&) -> std::optional<Node> {
    if ((writing.options.*member).empty()) return std::nullopt;
    return json_text(writing.options.*member);
  });
}

Field<Gateway> default_ssl_policy() {
  return computed<Gateway>([](const Writing&, const Gateway& gateway) -> std::optional<Node> {
    if (gateway.ssl_policy) return std::nullopt;
    return json_text("AppGwSslPolicy20150501");  // as recorded, whatever is enforced (azure-semantics §3.2 rule 2)
  });
}

using Rows = std::vector<Row<Gateway>>;

// The first half of the read shape, in its order (arm-api §1.8).
Rows trust_and_frontend_rows() {
  using G = Gateway;
  return {
      {"provisioningState", provisioning_state<G>(), kReadOnly},
      {"resourceGuid", from_options(&WriteOptions::resource_guid), kReadOnly},
      {"sku", object<G>(&G::sku, sku_table()), "Absent: Standard_v2."},
      {"operationalState", from_options(&WriteOptions::operational_state), kReadOnly},
      {"gatewayIPConfigurations", collection<G>(&G::gateway_ip_configurations, gateway_ip_configuration_table()), kKept,
       kAlways},
      {"sslCertificates", collection<G>(&G::ssl_certificates, ssl_certificate_table()),
       "Server certificates with their keys.", kAlways},
      {"authenticationCertificates", collection<G>(&G::authentication_certificates, authentication_certificate_table()),
       "Backends' certificates, v1 form."},
      {"trustedRootCertificates", collection<G>(&G::trusted_root_certificates, trusted_root_certificate_table()),
       "Private CAs of backends.", kAlways},
      {"trustedClientCertificates", collection<G>(&G::trusted_client_certificates, trusted_client_certificate_table()),
       "CA files that client certificates are verified with.", kAlways},
      {"sslProfiles", collection<G>(&G::ssl_profiles, ssl_profile_table()),
       "Client authentication and TLS policy, for listeners to share.", kAlways},
      {"frontendIPConfigurations", collection<G>(&G::frontend_ip_configurations, frontend_ip_configuration_table()),
       "The host file's `bind` says which local addresses they are.", kAlways},
      {"frontendPorts", collection<G>(&G::frontend_ports, frontend_port_table()),
       "The host file's `ports` says which local ports they are.", kAlways},
  };
}

Rows backend_and_routing_rows() {
  using G = Gateway;
  return {
      {"backendAddressPools", collection<G>(&G::backend_address_pools, backend_address_pool_table()), "", kAlways},
      {"loadDistributionPolicies", collection<G>(&G::load_distribution_policies, load_distribution_policy_table()), "",
       kAlways},
      {"backendHttpSettingsCollection", collection<G>(&G::backend_http_settings, backend_http_settings_table()), "",
       kAlways},
      {"backendSettingsCollection", collection<G>(&G::backend_settings, backend_settings_table()), "Layer 4.", kAlways},
      {"httpListeners", collection<G>(&G::http_listeners, http_listener_table()), "", kAlways},
      {"listeners", collection<G>(&G::listeners, listener_table()), "Layer 4.", kAlways},
      {"urlPathMaps", collection<G>(&G::url_path_maps, url_path_map_table()), "", kAlways},
      {"advancedRoutingMaps", collection<G>(&G::advanced_routing_maps, advanced_routing_map_table()), ""},
      {"requestRoutingRules", collection<G>(&G::request_routing_rules, request_routing_rule_table()), "", kAlways},
      {"routingRules", collection<G>(&G::routing_rules, routing_rule_table()), "Layer 4.", kAlways},
      {"probes", collection<G>(&G::probes, probe_table()), "", kAlways},
      {"rewriteRuleSets", collection<G>(&G::rewrite_rule_sets, rewrite_rule_set_table()), "", kAlways},
      {"advancedRoutingConditionSets",
       collection<G>(&G::advanced_routing_condition_sets, advanced_routing_condition_set_table()), ""},
      {"redirectConfigurations", collection<G>(&G::redirect_configurations, redirect_configuration_table()), "",
       kAlways},
      {"privateLinkConfigurations", collection<G>(&G::private_link_configurations, private_link_table()), kKept,
       kAlways},
      {"privateEndpointConnections", kept<G>(&G::private_endpoint_connections), "Azure fills it in; kept and returned.",
       kAlways},
  };
}

Rows setting_rows() {
  using G = Gateway;
  return {
      {"sslPolicy", object<G>(&G::ssl_policy, ssl_policy_table()),
       "For listeners whose profile has none. Absent: AppGwSslPolicy20220101."},
      {"webApplicationFirewallConfiguration", object<G>(&G::firewall, firewall_table()),
       "Not enforced: an error until the host file's `unenforced` lists `waf`."},
      {"firewallPolicy", external<G>(&G::firewall_policy_id, kFirewallPolicies),
       "Not enforced: an error until the host file's `unenforced` lists `waf`."},
      {"forceFirewallPolicyAssociation", boolean<G>(&G::force_firewall_policy_association), kKept},
      {"enableHttp2", boolean<G>(&G::enable_http2), "HTTP/2 on the client side of every Https listener."},
      {"enableFips", boolean<G>(&G::enable_fips),
       "Not enforced: an error until the host file's `unenforced` lists `fips`."},
      {"autoscaleConfiguration", object<G>(&G::autoscale, autoscale_table()), kKept},
      {"reservedCapacity", number<G>(&G::reserved_capacity, 0, 1'000), kKept},
      {"customErrorConfigurations", objects<G>(&G::custom_errors, custom_error_table()),
       "Pages in place of the gateway's own, for listeners that have no list of their own."},
      {"entraJWTValidationConfigs", collection<G>(&G::jwt_validation_configs, jwt_validation_table()),
       "Not enforced: a rule that uses one is an error until the host file's `unenforced` lists `jwt`."},
      {"globalConfiguration", section<G>(global_configuration_table()), ""},
      {"defaultPredefinedSslPolicy", default_ssl_policy(), kReadOnly},
  };
}

}  // namespace

const Table<Gateway>& gateway_properties_table() {
  static const Table<Gateway> table = [] {
    Table<Gateway> built{"ApplicationGatewayPropertiesFormat", trust_and_frontend_rows()};
    for (Rows more : {backend_and_routing_rows(), setting_rows()})
      built.rows.insert(built.rows.end(), more.begin(), more.end());
    return built;
  }();
  return table;
}

const Table<Gateway>& gateway_resource_table() {
  using G = Gateway;
  static const Table<G> table{
      "ApplicationGateway",
      {{"name", text<G>(&G::name), "A resource body may leave it to the URL or to `--name`.", kAlways},
       {"id", resource_id(), kReadOnly},
       {"etag", from_options(&WriteOptions::etag), kReadOnly},
       {"type", resource_type(), "Microsoft.Network/applicationGateways"},
       {"location", text<G>(&G::location), kKept},
       {"tags", Field<G>(read_tags, write_tags, {.kind = ValueKind::kMap}), kKept},
       {"zones", texts<G>(&G::zones), kKept},
       {"identity", object<G>(&G::identity, identity_table()), kKept},
       {"properties", section<G>(gateway_properties_table()), "", kAlways},
       {"apiVersion", ignored<G>(), "Of a template's resource."},
       {"dependsOn", ignored<G>(), "Of a template's resource: order only."},
       {"comments", ignored<G>(), "Of a template's resource."},
       {"metadata", ignored<G>(), "Of a template's resource."}}};
  return table;
}

}  // namespace portcullis::arm
