// What the proxy knows of a client's connection, and what a worker lends to every request. Worker-local.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "clientauth/verdict.h"
#include "event/loop.h"
#include "net/buffer_pool.h"
#include "net/tcp.h"
#include "snapshot/snapshot.h"
#include "store/journal_feed.h"
#include "telemetry/access_log.h"
#include "telemetry/metrics.h"
#include "tls/tls_stream.h"
#include "upstream/balancer.h"
#include "upstream/connection_pool.h"
#include "upstream/h2_connection.h"

namespace portcullis::proxy {

struct ClientConnection;

// What goes on after the request that admitted its client (a tunnel): told whenever that client is judged again, since
// no further request of its own will ask. Enters its connection's list when made, leaves it when destroyed.
class Admitted {
 public:
  explicit Admitted(ClientConnection& connection);
  virtual ~Admitted();
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;

  // Nothing of the connection may be destroyed within this call.
  virtual void judged_again(const clientauth::Verdict& verdict) = 0;

 private:
  friend struct ClientConnection;
  ClientConnection& connection_;
  Admitted* previous_ = nullptr;
  Admitted* next_;
};

// One client connection after its handshake. `address` and `listener` point into `snapshot`, which moves forward when a
// new configuration still has them.
struct ClientConnection {
  std::uint64_t id = 0;
  Endpoint client;
  std::shared_ptr<const snapshot::Snapshot> snapshot;
  const snapshot::Address* address = nullptr;
  const snapshot::Listener* listener = nullptr;  // the handshake's, by SNI; null on plain HTTP
  clientauth::Admission admission{nullptr, nullptr};
  net::TcpStream* tcp = nullptr;
  const tls::TlsStream* tls = nullptr;  // null on plain HTTP
  std::uint64_t requests = 0;
  bool verdict_noted = false;    // in the journal
  Admitted* admitted = nullptr;  // the last made of those that go on

  // Tells those.
  void tell_admitted(const clientauth::Verdict& verdict) const;
  // Takes the configuration in force. False when this connection's address or listener is not in it any more: what runs
  // may end under the old one, no further request may begin.
  bool adopt(const std::shared_ptr<const snapshot::Snapshot>& current);
};

// An unguessable id for a request: 32 lower-case hex digits, as text.
struct TraceId {
  std::array<char, 32> digits;
  operator std::string_view() const { return {digits.data(), digits.size()}; }
};

class TraceIds {
 public:
  TraceIds();
  TraceId next();

 private:
  std::mt19937_64 random_;
};

struct Counters {
  explicit Counters(telemetry::Registry& registry);
  telemetry::Counter& requests;
  telemetry::Counter& admitted;
  telemetry::Counter& refused;
  telemetry::Counter& no_certificate;
  telemetry::Counter& shadow_admitted;  // by a passthrough profile with CA files
  telemetry::Counter& shadow_refused;
  telemetry::Counter& misdirected;
  telemetry::Counter& upstream_failures;
  telemetry::Counter& websockets;
  telemetry::Counter& websockets_declined;
  telemetry::Counter& websocket_to_backend;
  telemetry::Counter& websocket_to_client;
  telemetry::Gauge& websockets_open;
};

struct RequestScratch;

struct Services {
  event::Loop& loop;
  net::BufferPool& buffers;
  upstream::ConnectionPool& connections;
  upstream::H2Pool& h2_connections;
  upstream::Balancer& balancer;
  Counters& counters;
  telemetry::AccessLogSink::Producer access_log;
  store::JournalFeed* journal = nullptr;               // null: there is none
  std::shared_ptr<const snapshot::Snapshot> snapshot;  // in force now
  TraceIds trace_ids;
  std::string log_line;  // scratch of the access log
  std::vector<std::unique_ptr<RequestScratch>> spare_scratch;

  Services(event::Loop& loop, net::BufferPool& buffers, upstream::ConnectionPool& connections,
           upstream::H2Pool& h2_connections, upstream::Balancer& balancer, Counters& counters,
           telemetry::AccessLogSink::Producer access_log);
  ~Services();
};

}  // namespace portcullis::proxy
