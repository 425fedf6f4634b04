#include "arm/internal/gateway_tables.h"

namespace portcullis::arm {

using namespace model;  // NOLINT: the tables name little else

namespace {

constexpr std::string_view kReadOnly = "Read-only.";
constexpr std::string_view kReverse = "Read-only: who references this.";
constexpr std::string_view kKept = "Kept and returned; it means nothing outside Azure.";

// Dynamic where nothing is said, as the service fills it in.
Field<FrontendIpConfiguration> allocation_method() {
  using F = FrontendIpConfiguration;
  Field<F> field = spelled<F>(&F::private_ip_allocation_method, {"Static", "Dynamic"});
  field.write = [](const Writing&, const F& frontend, std::string_view, bool) -> std::optional<Node> {
    return json_text(frontend.private_ip_allocation_method.empty() ? "Dynamic" : frontend.private_ip_allocation_method);
  };
  field.shape.default_value = "Dynamic";
  return field;
}

}  // namespace

const Names<Protocol>& protocol_names() {
  static const Names<Protocol> names = {
      {"Http", Protocol::kHttp}, {"Https", Protocol::kHttps}, {"Tcp", Protocol::kTcp}, {"Tls", Protocol::kTls}};
  return names;
}

const Table<FrontendIpConfiguration>& frontend_ip_configuration_table() {
  using F = FrontendIpConfiguration;
  static const Table<F> table{
      "ApplicationGatewayFrontendIPConfiguration",
      {{"provisioningState", provisioning_state<F>(), kReadOnly},
       {"privateIPAddress", text<F>(&F::private_ip_address), kKept},
       {"privateIPAllocationMethod", allocation_method(), kKept, kAlways},
       {"subnet", external<F>(&F::subnet_id, "subnets"), kKept},
       {"publicIPAddress", external<F>(&F::public_ip_address_id, "publicIPAddresses"), kKept},
       {"privateLinkConfiguration", reference<F>(&F::private_link_configuration, "privateLinkConfigurations"), kKept},
       {"httpListeners",
        reverse<F>("httpListeners", &Gateway::http_listeners, &HttpListener::frontend_ip_configuration), kReverse},
       {"listeners", ignored<F>(), kReverse}}};
  return table;
}

const Table<FrontendPort>& frontend_port_table() {
  using F = FrontendPort;
  static const Table<F> table{
      "ApplicationGatewayFrontendPort",
      {{"provisioningState", provisioning_state<F>(), kReadOnly},
       {"port", number<F>(&F::port, 1, 65'535), "Azure keeps 65200 and above for itself."},
       {"httpListeners", reverse<F>("httpListeners", &Gateway::http_listeners, &HttpListener::frontend_port), kReverse},
       {"listeners", ignored<F>(), kReverse}}};
  return table;
}

const Table<CustomError>& custom_error_table() {
  using C = CustomError;
  static const Table<C> table{
      "ApplicationGatewayCustomError",
      {{"statusCode",
        spelled<C>(&C::status_code,
                   {"HttpStatus400", "HttpStatus403", "HttpStatus404", "HttpStatus405", "HttpStatus408",
                    "HttpStatus500", "HttpStatus502", "HttpStatus503", "HttpStatus504"}),
        "The status whose page is replaced."},
       {"customErrorPageUrl", text<C>(&C::custom_error_page_url), "Fetched when the document is loaded."}}};
  return table;
}

const Table<HttpListener>& http_listener_table() {
  using L = HttpListener;
  static const Table<L> table{
      "ApplicationGatewayHttpListener",
      {{"provisioningState", provisioning_state<L>(), kReadOnly},
       {"frontendIPConfiguration", reference<L>(&L::frontend_ip_configuration, "frontendIPConfigurations"), "Needed."},
       {"frontendPort", reference<L>(&L::frontend_port, "frontendPorts"), "Needed."},
       {"protocol", enumerator<L>(&L::protocol, protocol_names()), "Http or Https.", kAlways},
       {"sslCertificate", reference<L>(&L::ssl_certificate, "sslCertificates"), "Needed for Https."},
       {"sslProfile", reference<L>(&L::ssl_profile, "sslProfiles"), "Client authentication; Https only."},
       {"hostName", text<L>(&L::host_name), "One exact name. Without any name the listener takes every host."},
       {"hostNames", texts<L>(&L::host_names), "Up to 5, wildcards `*` and `?` allowed; not with hostName.", kAlways},
       {"requireServerNameIndication", boolean<L>(&L::require_server_name_indication),
        "Kept; as on Azure it changes nothing.", kAlways},
       {"enableHttp3", boolean<L>(&L::enable_http3), "", kAlways},
       {"customErrorConfigurations", objects<L>(&L::custom_errors, custom_error_table()),
        "Replaces the gateway's list entirely."},
       {"firewallPolicy", external<L>(&L::firewall_policy_id, kFirewallPolicies),
        "Not enforced: an error until the host file's `unenforced` lists `waf`."},
       {"requestRoutingRules",
        reverse<L>("requestRoutingRules", &Gateway::request_routing_rules, &RequestRoutingRule::http_listener),
        kReverse}}};
  return table;
}

const Table<Listener>& listener_table() {
  using L = Listener;
  static const Table<L> table{
      "ApplicationGatewayListener",
      {{"provisioningState", provisioning_state<L>(), kReadOnly},
       {"frontendIPConfiguration", reference<L>(&L::frontend_ip_configuration, "frontendIPConfigurations"), "Needed."},
       {"frontendPort", reference<L>(&L::frontend_port, "frontendPorts"), "Needed."},
       {"protocol", enumerator<L>(&L::protocol, protocol_names()), "Tcp or Tls.", kAlways},
       {"sslCertificate", reference<L>(&L::ssl_certificate, "sslCertificates"), "Needed for Tls."},
       {"sslProfile", reference<L>(&L::ssl_profile, "sslProfiles"), "Client authentication; Tls only."},
       {"hostNames", texts<L>(&L::host_names), "SNI patterns of a Tls listener."},
       {"routingRules", ignored<L>(), kReverse}}};
  return table;
}

}  // namespace portcullis::arm
