// Worker: one thread with its loop, its own listening sockets, and everything that its connections share. A connection
// never changes worker. Other threads reach it by the methods marked so; they post to its loop.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "clientauth/crl_desk.h"
#include "clientauth/ocsp_desk.h"
#include "conn/exchange.h"
#include "event/loop.h"
#include "net/buffer_pool.h"
#include "net/fd.h"
#include "net/tcp.h"
#include "proxy/connection.h"
#include "server/limits.h"
#include "server/live_connections.h"
#include "server/reviewer.h"
#include "store/store.h"

namespace portcullis::server {

// What all workers share; outlives them.
struct Shared {
  explicit Shared(telemetry::Registry& registry);
  proxy::Counters counters;
  telemetry::Counter& accepted;
  telemetry::Counter& refused_by_limits;
  telemetry::Counter& handshakes;
  telemetry::Counter& resumed;
  telemetry::Counter& handshake_failures;
  telemetry::Counter& http2_connections;
  telemetry::Counter& http2_faults;
  telemetry::Gauge& open;
  ConnectionLimits limits;
  ClosureRate closures;
  ReviewCounters reviews;
  std::atomic<std::uint64_t> next_connection{1};
  telemetry::AccessLogSink* access_log = nullptr;
  clientauth::OcspService* ocsp = nullptr;
  clientauth::CrlFetcher* lists = nullptr;
  store::Store* store = nullptr;
};

class Worker {
 public:
  static Result<std::unique_ptr<Worker>> create(std::size_t index, const Clock& clock, Shared& shared);
  ~Worker();

  void start();  // control thread
  // Any thread. Puts a snapshot in force: opens what `sockets` brings, stops accepting where the snapshot has no
  // address any more, and then calls `done` on the worker's thread.
  void publish(std::shared_ptr<const snapshot::Snapshot> snapshot, std::map<Endpoint, net::Fd> sockets,
               std::function<void()> done);
  // Any thread. Judges live connections again and ends those that would be refused now (server/reviewer.h).
  void review(Review review);
  // Any thread. Accepts no more; ends idle connections now and busy ones after their response.
  void drain();
  // Any thread. Cuts off every connection that is left.
  void cut_off();
  // Any thread. Ends the loop once no connection is left.
  void finish();
  void join();  // control thread

 private:
  struct Acceptor;

  Worker(std::size_t index, std::unique_ptr<event::Loop> loop, Shared& shared);
  void apply(const std::shared_ptr<const snapshot::Snapshot>& snapshot, std::map<Endpoint, net::Fd>& sockets);
  void stop_if_finished();
  event::Task<void> accept_from(std::shared_ptr<Acceptor> acceptor);
  void on_accepted(net::Accepted accepted, const Endpoint& local);
  event::Task<void> serve(net::Accepted accepted, Endpoint local);
  event::Task<void> serve_http(LiveConnection& served);
  event::Task<void> serve_https(LiveConnection& served);
  event::Task<void> serve_tls(LiveConnection& served, std::string first_bytes);
  event::Task<void> serve_http2(LiveConnection& served, tls::TlsStream& stream);
  event::Task<void> serve_plain_on_tls(LiveConnection& served, std::string first_bytes);
  void report_handshake_failure(const LiveConnection& served, const tls::TlsStream& stream, const Error& error);

  std::unique_ptr<event::Loop> loop_;
  Shared& shared_;
  net::BufferPool buffers_;
  clientauth::OcspDesk ocsp_;
  clientauth::CrlDesk lists_;
  upstream::ConnectionPool upstream_;
  upstream::H2Pool upstream_h2_;
  upstream::Balancer balancer_;
  proxy::Services services_;
  std::map<Endpoint, std::shared_ptr<Acceptor>> acceptors_;
  Reviewer reviewer_;
  std::size_t accept_loops_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace portcullis::server
