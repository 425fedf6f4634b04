// The host file (portcullis.yaml) as typed values: this machine's side of the configuration and every extension to the
// Azure model (product.md, "Two files"). Made by arm/read_host_config, then read-only and free to share. Defaults here
// are the defaults of the product: a HostConfig{} is what an absent file means.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/strings.h"
#include "model/finding.h"

namespace portcullis::model {

template <class T>
using NameMap = std::map<std::string, T, LessIgnoreCase>;

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug };
enum class SessionMode : std::uint8_t { kStateful, kTickets, kOff };
enum class CaNames : std::uint8_t { kAll, kNone };
enum class ClientCertHeader : std::uint8_t { kOff, kLeaf, kChain };  // RFC 9440
enum class ColdCache : std::uint8_t { kWait, kRefuse };
enum class RevocationAction : std::uint8_t { kRefuse, kAllow };
enum class RevocationSource : std::uint8_t { kOcsp, kCrl };
enum class BackendProtocol : std::uint8_t { kHttp1, kH2 };

struct Limits {
  std::uint32_t connections = 100'000;        // at one time, whole process; 1–10,000,000
  std::uint32_t connections_per_ip = 0;       // at one time; 0: no limit
  std::uint32_t handshakes_per_ip_per_s = 0;  // 0: no limit
  std::uint32_t presented_certificates = 10;  // in a client's chain, leaf included; 1–100
  std::uint32_t presented_bytes = 32'768;     // DER bytes of a client's chain; 1,024–1,048,576
  std::uint32_t rsa_bits = 8'192;             // largest RSA key of a client's chain; 2,048–16,384
  std::uint32_t http2_requests = 1'000;       // of one connection; azure-semantics §9.4
  std::uint32_t closures_per_s = 1'000;       // of connections whose client is refused after all; 1–1,000,000
};

struct ClientAuth {
  SessionMode sessions = SessionMode::kStateful;
  std::chrono::seconds session_lifetime = std::chrono::hours(8);  // 1 s – 7 d
  std::string ticket_key_file;
  CaNames ca_names = CaNames::kAll;  // of a strict profile, in the CertificateRequest
  std::uint32_t verify_depth = 10;   // intermediates between leaf and anchor; 0–100
  std::uint32_t journal = 100'000;   // entries kept
  ClientCertHeader client_cert_header = ClientCertHeader::kOff;
};

struct CrlSource {
  std::vector<std::string> files;
  bool fetch = false;
};

struct Revocation {
  std::chrono::milliseconds timeout{5'000};
  ColdCache cold_cache = ColdCache::kWait;
  RevocationAction unreachable = RevocationAction::kRefuse;
  RevocationAction unknown = RevocationAction::kRefuse;
  RevocationAction no_responder = RevocationAction::kRefuse;
  RevocationAction expired_response = RevocationAction::kRefuse;
  bool intermediates = false;
  bool nonce = false;
  std::string responder;
  NameMap<CrlSource> crl;  // by SSL profile
  std::vector<RevocationSource> order{RevocationSource::kOcsp, RevocationSource::kCrl};
};

struct Egress {
  std::vector<std::string> deny{"loopback", "link_local", "multicast"};
  std::vector<std::string> allow;
};

// A key that was given although this build does not act on it: worth one warning at every start.
struct UnsupportedYet {
  std::string key;      // "revocation.timeout"
  std::string feature;  // "revocation checking"
  std::string pointer;
};

struct HostConfig {
  NameMap<std::vector<IpAddress>> bind;          // by frontendIPConfiguration; absent name: 0.0.0.0
  std::map<std::uint16_t, std::uint16_t> ports;  // document's frontend port → local port
  std::uint32_t workers = 0;                     // 0: one a core; at most 1,024
  std::string state_dir = "/var/lib/portcullis";
  std::string access_log_path = "/var/log/portcullis/access.log";  // "-": stdout, "off": none
  LogLevel log_level = LogLevel::kInfo;
  std::string log_path = "-";
  std::string admin_listen = "127.0.0.1:9443";  // or "off"
  bool guard_weakening = false;
  std::string metrics_listen = "off";
  NameMap<std::string> secrets;     // by sslCertificate name or keyVaultSecretId → absolute path
  NameMap<std::string> references;  // JSON text of each value; for template reference() expressions
  std::vector<std::string> unenforced;
  Limits limits;
  ClientAuth client_auth;
  std::string user;  // empty: stay who we are
  Revocation revocation;
  Egress egress;
  NameMap<bool> proxy_protocol;               // by listener
  NameMap<BackendProtocol> backend_protocol;  // by backend settings
  std::string tracing_otlp;

  std::vector<UnsupportedYet> unsupported_yet;

  // Local addresses for a frontend IP configuration: never empty.
  std::vector<IpAddress> bind_addresses(std::string_view frontend_ip_configuration) const;
  // Local port for a frontend port.
  std::uint16_t local_port(std::uint16_t frontend_port) const;
  // Whether the backends of these settings speak HTTP/2.
  bool speaks_http2(const std::string& backend_settings) const;
  // The entry of `revocation.crl` for a profile, under `gateway/name` or else its own name; null: none.
  const CrlSource* crl_source(const std::string& gateway, const std::string& profile) const;
  // The path in `secrets` for a certificate: by name first, then by keyVaultSecretId; null when there is none.
  const std::string* secret_path(std::string_view certificate_name, std::string_view key_vault_secret_id) const;
};

}  // namespace portcullis::model
