#include <map>
#include <set>
#include <tuple>

#include "base/host_name.h"
#include "base/strings.h"
#include "validate/internal/rules.h"

namespace portcullis::validate {

using model::Findings;
using model::Gateway;
using model::HttpListener;
using model::Protocol;

namespace {

void check_host_name(const std::string& host, const HttpListener& listener, Findings& findings) {
  if (host.find_first_of("*?") != std::string::npos)
    findings.error("NotSupportedYet", listener.pointer,
                   "Wildcards in host names are not built yet: '" + printable(host, 260) + "'.");
  else if (!canonical_host(host))
    findings.error("InvalidHostName", listener.pointer,
                   "'" + printable(host, 260) +
                       "' is not a host name: letters, digits, '-', '_' and '.', at most 253 bytes, no port.");
}

void check_tls(const HttpListener& listener, Findings& findings) {
  if (listener.protocol == Protocol::kHttps) {
    if (!listener.ssl_certificate)
      findings.error("ApplicationGatewayHttpsListenerMustReferenceSslCert", listener.pointer,
                     "The Https listener '" + listener.name + "' must reference an SslCertificate.");
    return;
  }
  if (listener.ssl_profile)
    findings.error(
        "SslProfileOnHttpListener", listener.ssl_profile->pointer,
        "The listener '" + listener.name +
            "' is not Https, so its SSL profile could never be enforced; make it Https or remove the profile.");
  if (listener.ssl_certificate)
    findings.warning("SslCertificateOnHttpListener", listener.ssl_certificate->pointer,
                     "The listener '" + listener.name + "' is not Https: its certificate is not used.");
}

std::vector<std::string> host_names(const HttpListener& listener) {
  std::vector<std::string> names = listener.host_names;
  if (!listener.host_name.empty()) names.push_back(listener.host_name);
  return names;
}

std::string group_key(const HttpListener& listener) {
  return to_lower(listener.frontend_ip_configuration->name) + "/" + to_lower(listener.frontend_port->name);
}

// What the listeners on one frontend IP and port have said so far.
struct PortUse {
  const HttpListener* first = nullptr;
  const HttpListener* basic = nullptr;
  std::map<std::string, const HttpListener*> hosts;
};

void check_port_use(const HttpListener& listener, PortUse& use, Findings& findings) {
  if (use.first == nullptr) use.first = &listener;
  if (use.first->protocol != listener.protocol)
    findings.error("ApplicationGatewayHttpListenersUsingSameFrontendPort", listener.pointer,
                   "The listeners '" + use.first->name + "' and '" + listener.name +
                       "' share a frontend port with different protocols; a port speaks either Http or Https.");
  const std::vector<std::string> names = host_names(listener);
  if (names.empty() && use.basic != nullptr)
    findings.error(
        "ApplicationGatewayHttpListenersUsingSameFrontendPort", listener.pointer,
        "The listeners '" + use.basic->name + "' and '" + listener.name +
            "' use the same frontend port and neither has a host name; give one a host name or its own port.");
  if (names.empty()) use.basic = &listener;
  for (const std::string& name : names) {
    const auto canonical = canonical_host(name);
    if (!canonical) continue;
    const auto [known, fresh] = use.hosts.emplace(*canonical, &listener);
    if (!fresh)
      findings.error("DuplicateHostNameOnFrontendPort", listener.pointer,
                     "The host name '" + *canonical + "' is already taken on this frontend port by the listener '" +
                         known->second->name + "'.");
  }
}

}  // namespace

void check_listeners(const Gateway& gateway, Findings& findings) {
  if (gateway.http_listeners.empty())
    findings.error("ApplicationGatewayHasNoHttpListener", gateway.pointer + "/properties",
                   "The gateway has no listener, so it could serve nobody; add one to httpListeners.");
  for (const HttpListener& listener : gateway.http_listeners) {
    if (!listener.frontend_ip_configuration)
      findings.error("ApplicationGatewayHttpListenerMustReference", listener.pointer,
                     "The listener '" + listener.name + "' must reference a FrontendIpConfiguration.");
    if (!listener.frontend_port)
      findings.error("ApplicationGatewayHttpListenerMustReference", listener.pointer,
                     "The listener '" + listener.name + "' must reference a FrontendPort.");
    if (listener.protocol == Protocol::kTcp || listener.protocol == Protocol::kTls)
      findings.error("InvalidListenerProtocol", listener.pointer,
                     "The protocol of an HTTP listener is Http or Https; Tcp and Tls belong to 'listeners'.");
    check_tls(listener, findings);
    if (!listener.host_name.empty() && !listener.host_names.empty())
      findings.error("HostNameAndHostNames", listener.pointer,
                     "The listener '" + listener.name + "' has both hostName and hostNames; keep one.");
    for (const std::string& name : host_names(listener)) check_host_name(name, listener, findings);
  }
  for (const auto& port : gateway.frontend_ports) {
    if (port.port == 0)
      findings.error("FrontendPortMissing", port.pointer, "The frontend port '" + port.name + "' has no 'port'.");
    if (port.port >= 65'200)
      findings.warning("FrontendPortReservedOnAzure", port.pointer,
                       "Azure keeps the ports from 65200 for itself and refuses this one.");
  }
}

void check_shared_ports(const Gateway& gateway, Findings& findings) {
  std::map<std::string, PortUse> uses;
  for (const HttpListener& listener : gateway.http_listeners)
    if (listener.frontend_ip_configuration && listener.frontend_port)
      check_port_use(listener, uses[group_key(listener)], findings);

  std::map<std::uint16_t, const model::FrontendPort*> numbers;
  for (const auto& port : gateway.frontend_ports) {
    const auto [first, fresh] = numbers.emplace(port.port, &port);
    if (!fresh && port.port != 0)
      findings.error("DuplicateFrontendPort", port.pointer,
                     "The port " + std::to_string(port.port) + " is already '" + first->second->name +
                         "'; let both listeners reference that one.");
  }
}

void check_local_addresses(const Gateway& gateway, const model::HostConfig& host, Findings& findings) {
  std::map<Endpoint, std::string> owners;
  std::set<std::string> seen;
  for (const HttpListener& listener : gateway.http_listeners) {
    if (!listener.frontend_ip_configuration || !listener.frontend_port) continue;
    const std::string key = group_key(listener);
    const auto* port = model::find_by_name(gateway.frontend_ports, listener.frontend_port->name);
    if (port == nullptr || !seen.insert(key).second) continue;
    const std::uint16_t local = host.local_port(port->port);
    if (local == 0) continue;
    for (const IpAddress& address : host.bind_addresses(listener.frontend_ip_configuration->name)) {
      const Endpoint endpoint{address, local};
      const auto [owner, fresh] = owners.emplace(endpoint, key);
      if (!fresh)
        findings.error("LocalAddressTakenTwice", listener.pointer,
                       "The frontends " + owner->second + " and " + key + " would both listen on " +
                           endpoint.to_string() +
                           "; give them different addresses in the host file's 'bind' or 'ports'.");
    }
  }
}

}  // namespace portcullis::validate
