#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

constexpr std::string_view kReadOnly = "Read-only.";
constexpr std::string_view kReverse = "Read-only: who references this.";
constexpr std::uint64_t kDay = 86'400;

const Table<BackendAddress>& backend_address_table() {
  using A = BackendAddress;
  static const Table<A> table{"ApplicationGatewayBackendAddress",
                              {{"fqdn", text<A>(&A::fqdn), "Resolved again as its TTL says."},
                               {"ipAddress", text<A>(&A::ip_address), "Either this or fqdn."}}};
  return table;
}

const Table<ConnectionDraining>& connection_draining_table() {
  using D = ConnectionDraining;
  static const Table<D> table{
      "ApplicationGatewayConnectionDraining",
      {{"enabled", boolean<D>(&D::enabled), "", kRequired | kAlways},
       {"drainTimeoutInSec", number<D>(&D::drain_timeout, 1, 3'600, "seconds"), "", kRequired | kAlways}}};
  return table;
}

const Table<ProbeMatch>& probe_match_table() {
  using M = ProbeMatch;
  static const Table<M> table{"ApplicationGatewayProbeHealthResponseMatch",
                              {{"body", text<M>(&M::body), "A substring of the body; empty: any."},
                               {"statusCodes", texts<M>(&M::status_codes), "Codes or ranges, such as 200-399."}}};
  return table;
}

const Table<LoadDistributionTarget>& load_distribution_target_table() {
  using L = LoadDistributionTarget;
  static const Table<L> table{
      "ApplicationGatewayLoadDistributionTarget",
      {{"weightPerServer", number<L>(&L::weight_per_server, 1, 100), ""},
       {"backendAddressPool", reference<L>(&L::backend_address_pool, "backendAddressPools"), ""}}};
  return table;
}

}  // namespace

const Table<BackendAddressPool>& backend_address_pool_table() {
  using P = BackendAddressPool;
  static const Table<P> table{
      "ApplicationGatewayBackendAddressPool",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"backendIPConfigurations", kept<P>(&P::backend_ip_configurations),
        "Network interfaces that Azure attached; kept, and without meaning here."},
       {"backendAddresses", objects<P>(&P::backend_addresses, backend_address_table()), "The pool's members.", kAlways},
       {"requestRoutingRules",
        reverse<P>("requestRoutingRules", &Gateway::request_routing_rules, &RequestRoutingRule::backend_address_pool),
        kReverse},
       {"routingRules", ignored<P>(), kReverse},
       {"urlPathMaps", ignored<P>(), kReverse},
       {"pathRules", ignored<P>(), kReverse},
       {"loadDistributionPolicies", ignored<P>(), kReverse}}};
  return table;
}

const Table<BackendHttpSettings>& backend_http_settings_table() {
  using S = BackendHttpSettings;
  static const Table<S> table{
      "ApplicationGatewayBackendHttpSettings",
      {{"provisioningState", provisioning_state<S>(), kReadOnly},
       {"port", number<S>(&S::port, 1, 65'535), "Needed."},
       {"protocol", enumerator<S>(&S::protocol, protocol_names()), "Http or Https.", kAlways},
       {"cookieBasedAffinity",
        enumerator<S>(&S::cookie_based_affinity,
                      Names<CookieBasedAffinity>{{"Enabled", CookieBasedAffinity::kEnabled},
                                                 {"Disabled", CookieBasedAffinity::kDisabled}}),
        "", kAlways},
       {"connectionDraining", object<S>(&S::connection_draining, connection_draining_table()), ""},
       {"hostName", text<S>(&S::host_name), "The Host sent to the backend in place of the client's."},
       {"pickHostNameFromBackendAddress", boolean<S>(&S::pick_host_name_from_backend_address),
        "The Host sent to the backend is the member's fqdn; not with hostName.", kAlways},
       {"affinityCookieName", text<S>(&S::affinity_cookie_name), "Absent: ApplicationGatewayAffinity."},
       {"path", text<S>(&S::path), "Put before every path."},
       {"requestTimeout", number<S>(&S::request_timeout, 1, kDay, "seconds"), "How long a response may take.", kAlways},
       {"probeEnabled", boolean<S>(&S::probe_enabled), ""},
       {"probe", reference<S>(&S::probe, "probes"), ""},
       {"authenticationCertificates", references<S>(&S::authentication_certificates, "authenticationCertificates"), ""},
       {"trustedRootCertificates", references<S>(&S::trusted_root_certificates, "trustedRootCertificates"),
        "For a backend whose CA is private."},
       {"dedicatedBackendConnection", boolean<S>(&S::dedicated_backend_connection),
        "One backend connection for each client connection."},
       {"validateCertChainAndExpiry", boolean<S>(&S::validate_cert_chain_and_expiry), "Https only."},
       {"validateSNI", boolean<S>(&S::validate_sni), "Https only."},
       {"sniName", text<S>(&S::sni_name), "Https only."},
       {"requestRoutingRules",
        reverse<S>("requestRoutingRules", &Gateway::request_routing_rules, &RequestRoutingRule::backend_http_settings),
        kReverse},
       {"urlPathMaps", ignored<S>(), kReverse},
       {"pathRules", ignored<S>(), kReverse}}};
  return table;
}

const Table<BackendSettings>& backend_settings_table() {
  using S = BackendSettings;
  static const Table<S> table{
      "ApplicationGatewayBackendSettings",
      {{"provisioningState", provisioning_state<S>(), kReadOnly},
       {"port", number<S>(&S::port, 1, 65'535), "Needed."},
       {"protocol", enumerator<S>(&S::protocol, protocol_names()), "Tcp or Tls.", kAlways},
       {"timeout", number<S>(&S::timeout, 1, kDay, "seconds"), ""},
       {"probe", reference<S>(&S::probe, "probes"), ""},
       {"trustedRootCertificates", references<S>(&S::trusted_root_certificates, "trustedRootCertificates"), ""},
       {"hostName", text<S>(&S::host_name), "SNI to the backend."},
       {"pickHostNameFromBackendAddress", boolean<S>(&S::pick_host_name_from_backend_address), ""},
       {"enableL4ClientIpPreservation", boolean<S>(&S::enable_l4_client_ip_preservation),
        "Send the PROXY protocol to the backend."},
       {"routingRules", ignored<S>(), kReverse}}};
  return table;
}

const Table<Probe>& probe_table() {
  using P = Probe;
  static const Table<P> table{
      "ApplicationGatewayProbe",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"protocol", enumerator<P>(&P::protocol, protocol_names()), "As the settings' protocol."},
       {"host", text<P>(&P::host), "Host header and SNI."},
       {"path", text<P>(&P::path), "Begins with /."},
       {"interval", number<P>(&P::interval, 1, kDay, "seconds"), ""},
       {"timeout", number<P>(&P::timeout, 1, kDay, "seconds"), ""},
       {"unhealthyThreshold", number<P>(&P::unhealthy_threshold, 1, 20), "Failures in a row until a member is down."},
       {"pickHostNameFromBackendHttpSettings", boolean<P>(&P::pick_host_name_from_backend_http_settings), ""},
       {"pickHostNameFromBackendSettings", boolean<P>(&P::pick_host_name_from_backend_settings), "Layer 4."},
       {"minServers", number<P>(&P::min_servers, 0, 1'200), "How many members always count as up."},
       {"match", object<P>(&P::match, probe_match_table()), ""},
       {"enableProbeProxyProtocolHeader", boolean<P>(&P::enable_probe_proxy_protocol_header), "Layer 4."},
       {"port", number<P>(&P::port, 1, 65'535), "Absent: the settings' port."},
       {"backendHttpSettings", ignored<P>(), kReverse},
       {"backendSettings", ignored<P>(), kReverse}}};
  return table;
}

const Table<LoadDistributionPolicy>& load_distribution_policy_table() {
  using P = LoadDistributionPolicy;
  static const Table<P> table{
      "ApplicationGatewayLoadDistributionPolicy",
      {{"provisioningState", provisioning_state<P>(), kReadOnly},
       {"loadDistributionTargets", collection<P>(&P::load_distribution_targets, load_distribution_target_table()), ""},
       {"loadDistributionAlgorithm",
        enumerator<P>(
            &P::load_distribution_algorithm,
            Names<LoadDistributionAlgorithm>{{"RoundRobin", LoadDistributionAlgorithm::kRoundRobin},
                                             {"LeastConnections", LoadDistributionAlgorithm::kLeastConnections},
                                             {"IpHash", LoadDistributionAlgorithm::kIpHash}}),
        ""}}};
  return table;
}

}  // namespace portcullis::arm
