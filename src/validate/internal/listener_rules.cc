#include <map>
#include <optional>
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

constexpr std::string_view kSamePort = "ApplicationGatewayHttpListenersUsingSameFrontendPort";

// azure-semantics §4.1: letters, digits, '-', '.', and the wildcards: one '*' a component, two in all, four wildcards
// in all, never side by side.
bool is_host_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > 253) return false;
  std::size_t stars = 0;
  std::size_t wildcards = 0;
  bool star_in_component = false;
  char before = '.';
  for (const char c : pattern) {
    const bool wild = c == '*' || c == '?';
    if (!wild && c != '.' && c != '-' && !is_ascii_alpha(c) && !is_ascii_digit(c)) return false;
    if (c == '.') star_in_component = false;
    if (c == '.' && before == '.') return false;
    if (c == '*' && (star_in_component || before == '?' || before == '*')) return false;
    if (c == '?' && before == '*') return false;
    if (c == '*') star_in_component = true;
    stars += c == '*' ? 1 : 0;
    wildcards += wild ? 1 : 0;
    before = c;
  }
  return stars <= 2 && wildcards <= 4;
}

template <class L>
void check_host_name(const std::string& host, const L& listener, Findings& findings) {
  if (has_wildcard(host)) {
    if (!is_host_pattern(host))
      findings.error("InvalidHostName", listener.pointer,
                     "'" + printable(host, 260) +
                         "' is no host name with wildcards: one '*' between two dots, two in all, four '*' and '?' in "
                         "all, and none next to a '*'.");
  } else if (!canonical_host(host)) {
    findings.error("InvalidHostName", listener.pointer,
                   "'" + printable(host, 260) +
                       "' is not a host name: letters, digits, '-', '_' and '.', at most 253 bytes, no port.");
  }
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

template <class L>
std::string group_key(const L& listener) {
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
    findings.error(kSamePort, listener.pointer,
                   "The listeners '" + use.first->name + "' and '" + listener.name +
                       "' share a frontend port with different protocols; a port speaks either Http or Https.");
  const std::vector<std::string> names = host_names(listener);
  if (names.empty() && use.basic != nullptr)
    findings.error(
        kSamePort, listener.pointer,
        "The listeners '" + use.basic->name + "' and '" + listener.name +
            "' use the same frontend port and neither has a host name; give one a host name or its own port.");
  if (names.empty()) use.basic = &listener;
  for (const std::string& name : names) {
    const auto canonical = has_wildcard(name) ? std::optional(to_lower(name)) : canonical_host(name);
    if (!canonical) continue;
    const auto [known, fresh] = use.hosts.emplace(*canonical, &listener);
    if (!fresh)
      findings.error("DuplicateHostNameOnFrontendPort", listener.pointer,
                     "The host name '" + *canonical + "' is already taken on this frontend port by the listener '" +
                         known->second->name + "'.");
  }
}

}  // namespace

std::string resource_id(const Gateway& gateway, std::string_view collection, std::string_view name) {
  std::string id = gateway.id.empty() ? gateway.id_base : gateway.id;
  if (id.empty()) id = "applicationGateways/" + printable(gateway.name, 80);
  return id + "/" + std::string(collection) + "/" + printable(name, 80);
}

std::vector<std::string> host_names(const HttpListener& listener) {
  std::vector<std::string> names;
  if (!listener.host_name.empty()) names.push_back(listener.host_name);
  names.insert(names.end(), listener.host_names.begin(), listener.host_names.end());
  return names;
}

bool has_wildcard(std::string_view host_name) { return host_name.find_first_of("*?") != std::string_view::npos; }

void check_listeners(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  if (gateway.http_listeners.empty() && gateway.listeners.empty())
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
    if (has_wildcard(listener.host_name))
      findings.error("InvalidHostName", listener.pointer, "hostName is one exact name; put wildcards into hostNames.");
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

void check_layer4(const Subject& subject, Findings& findings) {
  for (const model::Listener& listener : subject.gateway.listeners) {
    const std::string name = "The layer-4 listener '" + listener.name + "'";
    const bool tls = listener.protocol == Protocol::kTls;
    if (!listener.frontend_ip_configuration || !listener.frontend_port)
      findings.error("ListenerMustReferenceFrontend", listener.pointer,
                     name + " must reference a frontendIPConfiguration and a frontendPort.");
    if (listener.protocol == Protocol::kHttp || listener.protocol == Protocol::kHttps)
      findings.error("InvalidListenerProtocol", listener.pointer,
                     "The protocol of a layer-4 listener is Tcp or Tls; Http and Https belong to 'httpListeners'.");
    if (tls && !listener.ssl_certificate)
      findings.error("TlsListenerMustReferenceSslCert", listener.pointer, name + " must reference an SslCertificate.");
    if (!tls && listener.ssl_profile)
      findings.error("SslProfileOnTcpListener", listener.ssl_profile->pointer,
                     name + " is not Tls, so its SSL profile could never be enforced.");
    if (!tls && !listener.host_names.empty())
      findings.error("HostNamesOnTcpListener", listener.pointer, name + " is not Tls: it never sees a host name.");
    for (const std::string& host : listener.host_names) check_host_name(host, listener, findings);
  }
}

void check_shared_ports(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  std::map<std::string, PortUse> uses;
  for (const HttpListener& listener : gateway.http_listeners)
    if (listener.frontend_ip_configuration && listener.frontend_port)
      check_port_use(listener, uses[group_key(listener)], findings);

  std::map<std::string, const model::Listener*> layer4;
  for (const model::Listener& listener : gateway.listeners) {
    if (!listener.frontend_ip_configuration || !listener.frontend_port) continue;
    const std::string key = group_key(listener);
    const auto [first, fresh] = layer4.emplace(key, &listener);
    const bool apart = listener.protocol == Protocol::kTls && first->second->protocol == Protocol::kTls &&
                       !listener.host_names.empty();
    if (uses.count(key) > 0 || (!fresh && !apart))
      findings.error(kSamePort, listener.pointer,
                     "The layer-4 listener '" + listener.name + "' uses a frontend port that another listener has.");
  }

  std::map<std::uint16_t, const model::FrontendPort*> numbers;
  for (const auto& port : gateway.frontend_ports) {
    const auto [first, fresh] = numbers.emplace(port.port, &port);
    if (!fresh && port.port != 0)
      findings.error("DuplicateFrontendPort", port.pointer,
                     "The port " + std::to_string(port.port) + " is already '" + first->second->name +
                         "'; let both listeners reference that one.");
  }
}

void check_local_addresses(const Subject& subject, Findings& findings) {
  const Gateway& gateway = subject.gateway;
  const model::HostConfig& host = subject.host;
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
