// The backends' side of the gateway model: pools, HTTP and layer-4 settings, probes, load distribution (azure-semantics
// §5, §7.6–7.8). Plain values; see gateway.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/frontend.h"
#include "model/resource.h"

namespace portcullis::model {

// ARM backendAddresses[]: exactly one of the two is set after validation.
struct BackendAddress {
  std::string fqdn;
  std::string ip_address;
  std::string pointer;
  Given given;
};

struct BackendAddressPool : SubResource {
  std::vector<BackendAddress> backend_addresses;
  std::string backend_ip_configurations;  // ARM backendIPConfigurations as JSON text: kept; Azure fills it in
};

enum class CookieBasedAffinity : std::uint8_t { kDisabled, kEnabled };

struct ConnectionDraining {
  bool enabled = false;
  std::chrono::seconds drain_timeout{30};  // 1–3600; ARM drainTimeoutInSec
  std::string pointer;
  Given given;
};

struct BackendHttpSettings : SubResource {
  std::uint16_t port = 0;  // 1–65535; 0: absent (validate refuses)
  Protocol protocol = Protocol::kHttp;
  CookieBasedAffinity cookie_based_affinity = CookieBasedAffinity::kDisabled;
  std::chrono::seconds request_timeout{30};  // 1–86400; ARM requestTimeout
  std::optional<ConnectionDraining> connection_draining;
  std::string host_name;  // Host override; empty: none
  bool pick_host_name_from_backend_address = false;
  std::string path;  // override prefix, as given; empty: none
  std::string affinity_cookie_name;
  bool dedicated_backend_connection = false;
  bool validate_cert_chain_and_expiry = true;
  bool validate_sni = true;
  std::string sni_name;
  std::optional<Ref> probe;
  bool probe_enabled = false;
  std::vector<Ref> authentication_certificates;
  std::vector<Ref> trusted_root_certificates;
};

// ARM backendSettingsCollection[]: layer 4.
struct BackendSettings : SubResource {
  std::uint16_t port = 0;  // 1–65535; 0: absent
  Protocol protocol = Protocol::kTcp;
  std::optional<std::chrono::seconds> timeout;  // 1–86400
  std::optional<Ref> probe;
  std::vector<Ref> trusted_root_certificates;
  std::string host_name;  // SNI to the backend
  bool pick_host_name_from_backend_address = false;
  bool enable_l4_client_ip_preservation = false;
};

struct ProbeMatch {
  std::optional<std::string> body;        // substring, at most 4,090 characters
  std::vector<std::string> status_codes;  // "200-399", "401"
  std::string pointer;
  Given given;
};

// ARM probes[] (azure-semantics §7.8).
struct Probe : SubResource {
  std::optional<Protocol> protocol;
  std::string host;
  std::string path;
  std::chrono::seconds interval{30};      // 1–86400
  std::chrono::seconds timeout{30};       // 1–86400
  std::uint32_t unhealthy_threshold = 3;  // 1–20
  bool pick_host_name_from_backend_http_settings = false;
  bool pick_host_name_from_backend_settings = false;
  std::uint32_t min_servers = 0;
  std::optional<ProbeMatch> match;
  bool enable_probe_proxy_protocol_header = false;
  std::optional<std::uint32_t> port;  // 1–65535; absent: the settings'
};

struct LoadDistributionTarget : SubResource {
  std::optional<std::uint32_t> weight_per_server;  // 1–100
  std::optional<Ref> backend_address_pool;
};

enum class LoadDistributionAlgorithm : std::uint8_t { kRoundRobin, kLeastConnections, kIpHash };

struct LoadDistributionPolicy : SubResource {
  std::vector<LoadDistributionTarget> load_distribution_targets;
  LoadDistributionAlgorithm load_distribution_algorithm = LoadDistributionAlgorithm::kRoundRobin;
};

}  // namespace portcullis::model
