// Snapshot: a configuration compiled to ready-to-serve, immutable objects. Built on the control thread, published to
// every worker by message, shared by shared_ptr; a request pins the one it started with. Whatever it points to lives as
// long as it does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/ip_address.h"
#include "clientauth/peer_record.h"
#include "model/host_config.h"
#include "routing/host_table.h"
#include "routing/identity_headers.h"
#include "routing/rewrite.h"
#include "tls/server_context.h"
#include "upstream/membership.h"

namespace portcullis::snapshot {

// ARM backendHttpSettingsCollection[] with the pool that a rule sends to.
struct Backend {
  std::string pool_name;
  std::string settings_name;
  std::shared_ptr<const upstream::Membership> members;
  std::uint16_t port = 80;
  std::chrono::seconds request_timeout{30};  // ARM requestTimeout
  std::string host_name;                     // Host override; empty: the client's
  bool host_from_member = false;             // ARM pickHostNameFromBackendAddress
  bool http2 = false;                        // host file backends.NAME.protocol: h2
};

// ARM requestRoutingRules[] of type Basic.
struct Rule {
  std::string name;
  std::uint32_t priority = 0;
  Backend backend;
  routing::RewriteProgram rewrite;
};

// ARM httpListeners[] with the one rule that uses it.
struct Listener {
  std::string name;
  std::string gateway;      // name of the gateway resource
  std::string resource_id;  // of the gateway, for the access log
  std::vector<std::string> hosts;
  std::optional<Rule> rule;
  std::shared_ptr<const clientauth::Verifier> verifier;  // null: no certificate is asked for
  Digest trust;                                          // decides misdirection (I16)
  std::shared_ptr<const tls::ServerContext> tls;         // null: plain HTTP
};

// One local address with all listeners on it, of one protocol.
struct Address {
  Endpoint local;
  std::uint16_t document_port = 0;  // the frontend port as the document has it: what clients and backends see
  bool https = false;
  std::vector<Listener> listeners;
  routing::HostTable hosts;  // indexes into `listeners`
  std::shared_ptr<const tls::Door> door;

  const Listener* find(std::string_view gateway, std::string_view listener) const;
};

struct Snapshot {
  std::uint64_t generation = 0;
  std::vector<std::unique_ptr<const Address>> addresses;
  routing::IdentityHeaders identity_headers;
  model::Limits limits;
  model::ClientCertHeader client_cert_header = model::ClientCertHeader::kOff;

  const Address* find(const Endpoint& local) const;
};

}  // namespace portcullis::snapshot
