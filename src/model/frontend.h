// The client's side of the gateway model: addresses, ports, HTTP and layer-4 listeners (azure-semantics §4, §5). Plain
// values; see gateway.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/resource.h"

namespace portcullis::model {

enum class Protocol : std::uint8_t { kHttp, kHttps, kTcp, kTls };

struct FrontendIpConfiguration : SubResource {
  std::string private_ip_address;            // as given; kept, the host file's `bind` decides where to listen
  std::string private_ip_allocation_method;  // Static | Dynamic
  std::string subnet_id;                     // kept, unused
  std::string public_ip_address_id;          // kept, unused
  std::optional<Ref> private_link_configuration;
};

struct FrontendPort : SubResource {
  std::uint16_t port = 0;  // 1–65535
};

// ARM ApplicationGatewayCustomError (azure-semantics §6.6).
struct CustomError {
  std::string status_code;  // canonical spelling: HttpStatus400 …
  std::string custom_error_page_url;
  std::string pointer;
  Given given;
};

struct HttpListener : SubResource {
  std::optional<Ref> frontend_ip_configuration;
  std::optional<Ref> frontend_port;
  Protocol protocol = Protocol::kHttp;
  std::string host_name;                // as given; empty: none
  std::vector<std::string> host_names;  // as given
  bool require_server_name_indication = false;
  std::optional<Ref> ssl_certificate;
  std::optional<Ref> ssl_profile;
  bool enable_http3 = false;
  std::vector<CustomError> custom_errors;  // ARM customErrorConfigurations; replaces the gateway's list entirely
  std::string firewall_policy_id;
};

// ARM listeners[]: layer 4.
struct Listener : SubResource {
  std::optional<Ref> frontend_ip_configuration;
  std::optional<Ref> frontend_port;
  Protocol protocol = Protocol::kTcp;  // Tcp or Tls
  std::optional<Ref> ssl_certificate;
  std::optional<Ref> ssl_profile;
  std::vector<std::string> host_names;  // SNI patterns
};

}  // namespace portcullis::model
