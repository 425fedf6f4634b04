#include "server/worker.h"

#include "base/strings.h"
#include "conn/h1.h"
#include "conn/h2.h"
#include "proxy/journal_record.h"
#include "proxy/plain_on_tls.h"
#include "proxy/serve_request.h"
#include "telemetry/log.h"
#include "tls/tls_stream.h"

namespace portcullis::server {

using event::Deadline;
using event::Task;
using event::Wake;
using telemetry::log_debug;
using telemetry::log_info;
using telemetry::log_warn;

namespace {

// From the first byte to the end of the handshake; also how long a silent connection may stay before it.
constexpr std::chrono::seconds kHandshakePatience{30};
// What a worker does when the machine has no descriptor left: waits for some to be closed.
constexpr std::chrono::milliseconds kNoDescriptorPause{50};
constexpr int kAcceptBurst = 64;

// azure-semantics §6.5: an idle HTTP/2 connection is kept longer than one of HTTP/1.1.
conn::Patience http2_patience() {
  conn::Patience patience;
  patience.keep_alive = std::chrono::seconds(180);
  return patience;
}

}  // namespace

Shared::Shared(telemetry::Registry& registry)
    : counters(registry),
      accepted(registry.counter("portcullis_connections_accepted_total", "Connections accepted.")),
      refused_by_limits(
          registry.counter("portcullis_connections_refused_total", "Connections closed at once because of a limit.")),
      handshakes(registry.counter("portcullis_tls_handshakes_total", "TLS handshakes completed.")),
      resumed(registry.counter("portcullis_tls_resumptions_total", "TLS handshakes that resumed a session.")),
      handshake_failures(registry.counter("portcullis_tls_handshake_failures_total", "TLS handshakes that failed.")),
      http2_connections(registry.counter("portcullis_http2_connections_total", "Connections that speak HTTP/2.")),
      http2_faults(registry.counter("portcullis_http2_faults_total",
                                    "HTTP/2 connections ended because their client broke the protocol or flooded.")),
      open(registry.gauge("portcullis_connections_open", "Connections open now.")),
      reviews(registry) {}

struct Worker::Acceptor {
  Acceptor(event::Loop& loop, net::Fd socket, const Endpoint& at)
      : fd(std::move(socket)), watch(loop, fd.get()), local(at) {}
  net::Fd fd;
  event::Watch watch;
  Endpoint local;
};

Worker::Worker(std::size_t index, std::unique_ptr<event::Loop> loop, Shared& shared)
    : loop_(std::move(loop)),
      shared_(shared),
      ocsp_(*loop_, *shared.ocsp),
      lists_(*loop_, *shared.lists),
      upstream_(*loop_),
      upstream_h2_(*loop_, buffers_),
      balancer_(index),
      services_(*loop_, buffers_, upstream_, upstream_h2_, balancer_, shared.counters, shared.access_log->producer()),
      reviewer_(*loop_, services_, shared.closures, shared.reviews, [this] { stop_if_finished(); }) {
  services_.journal = &shared.store->add_feed();
}

Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::create(std::size_t index, const Clock& clock, Shared& shared) {
  auto loop = event::Loop::create(clock);
  if (!loop) return forward_error(loop);
  return std::unique_ptr<Worker>(new Worker(index, std::move(*loop), shared));
}

void Worker::start() {
  thread_ = std::thread([this] {
    loop_->run();
    upstream_.clear();
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::publish(std::shared_ptr<const snapshot::Snapshot> snapshot, std::map<Endpoint, net::Fd> sockets,
                     std::function<void()> done) {
  auto moved = std::make_shared<std::map<Endpoint, net::Fd>>(std::move(sockets));
  loop_->post([this, snapshot = std::move(snapshot), moved, done = std::move(done)] {
    apply(snapshot, *moved);
    done();
  });
}

void Worker::apply(const std::shared_ptr<const snapshot::Snapshot>& snapshot, std::map<Endpoint, net::Fd>& sockets) {
  services_.snapshot = snapshot;
  balancer_.clear();
  for (auto it = acceptors_.begin(); it != acceptors_.end();) {
    if (snapshot->find(it->first) != nullptr) {
      ++it;
      continue;
    }
    it->second->watch.cancel();
    it = acceptors_.erase(it);
  }
  reviewer_.live().for_each([&snapshot](LiveConnection& served) {
    const snapshot::Listener* listener = served.connection.listener;
    const snapshot::Address* address = snapshot->find(served.connection.address->local);
    const bool gone = address == nullptr || address->https != served.connection.address->https;
    if (gone || (listener != nullptr && address->find(listener->gateway, listener->name) == nullptr)) served.drain();
  });
  reviewer_.review(Review{Review::Cause::kTrust, {}});
  if (draining_) return;
  for (auto& [endpoint, fd] : sockets) {
    auto acceptor = std::make_shared<Acceptor>(*loop_, std::move(fd), endpoint);
    if (acceptor->watch.cancelled()) log_warn("accept.not_watched", {{"address", endpoint.to_string()}});
    acceptors_[endpoint] = acceptor;
    ++accept_loops_;
    event::spawn(accept_from(std::move(acceptor)));
  }
}

void Worker::review(Review review) {
  loop_->post([this, review = std::move(review)] { reviewer_.review(review); });
}

void Worker::drain() {
  loop_->post([this] {
    draining_ = true;
    for (auto& [endpoint, acceptor] : acceptors_) acceptor->watch.cancel();
    acceptors_.clear();
    reviewer_.live().for_each([](LiveConnection& served) { served.drain(); });
  });
}

void Worker::cut_off() {
  loop_->post([this] {
    ocsp_.give_up();
    lists_.give_up();
    reviewer_.live().for_each([](LiveConnection& served) {
      served.control.cut_off();
      if (served.watch != nullptr) served.watch->cancel();
    });
  });
}

void Worker::finish() {
  loop_->post([this] {
    finishing_ = true;
    stop_if_finished();
  });
}

void Worker::stop_if_finished() {
  if (!finishing_ || !reviewer_.live().empty() || accept_loops_ != 0 || reviewer_.walking()) return;
  if (std::exchange(finished_, true)) return;
  upstream_h2_.close([this] { loop_->stop(); });
}

Task<void> Worker::accept_from(std::shared_ptr<Acceptor> acceptor) {
  MonoTime complained{};
  for (;;) {
    const Wake wake = co_await acceptor->watch.readable(event::kNoDeadline);
    const bool last = wake != Wake::kReady;
    // What already waits in the backlog is served even when this address is being given up.
    net::AcceptState state = net::AcceptState::kAccepted;
    for (int i = 0; i < kAcceptBurst; ++i) {
      net::Accepted accepted;
      state = net::try_accept(acceptor->fd.get(), accepted);
      if (state == net::AcceptState::kAccepted) on_accepted(std::move(accepted), acceptor->local);
      if (state == net::AcceptState::kNothing || state == net::AcceptState::kNoDescriptors) break;
    }
    if (state == net::AcceptState::kNothing) {
      if (last) break;
      acceptor->watch.not_readable();
    } else if (state == net::AcceptState::kNoDescriptors) {
      if (last) break;
      if (loop_->now() - complained > std::chrono::seconds(10)) {
        complained = loop_->now();
        log_warn("accept.no_descriptors", {{"address", acceptor->local.to_string()},
                                           {"do", "raise the limit of open files, or lower limits.connections"}});
      }
      const Deadline pause = loop_->in(kNoDescriptorPause);
      co_await event::sleep_until(*loop_, pause);
    } else {
      co_await event::yield(*loop_);
    }
  }
  acceptor.reset();
  --accept_loops_;
  stop_if_finished();
}

void Worker::on_accepted(net::Accepted accepted, const Endpoint& local) {
  const IpAddress client = accepted.peer.address;
  const auto answer = shared_.limits.enter(client);
  if (answer != ConnectionLimits::Answer::kAccept) {
    shared_.refused_by_limits.add();
    log_debug("connection.over_limit", {{"client", client.to_string()}});
    return;
  }
  shared_.accepted.add();
  shared_.open.add(1);
  event::spawn(serve(std::move(accepted), local));
}

Task<void> Worker::serve(net::Accepted accepted, Endpoint local) {
  const IpAddress client = accepted.peer.address;
  {
    LiveConnection served;
    served.connection.id = shared_.next_connection.fetch_add(1, std::memory_order_relaxed);
    served.connection.client = accepted.peer;
    served.connection.snapshot = services_.snapshot;
    served.connection.address = services_.snapshot->find(local);
    served.tcp = std::make_unique<net::TcpStream>(*loop_, std::move(accepted.fd));
    served.connection.tcp = served.tcp.get();
    served.watch = &served.tcp->watch();
    // The address may have been given up between the connection's arrival and this moment.
    if (served.connection.address != nullptr) {
      reviewer_.enter(served);
      if (draining_) served.drain();
      if (served.connection.address->https) {
        co_await serve_https(served);
      } else {
        co_await serve_http(served);
      }
      reviewer_.leave(served);
    }
  }
  shared_.limits.leave(client);
  shared_.open.add(-1);
  stop_if_finished();
}

Task<void> Worker::serve_http(LiveConnection& served) {
  const conn::Handler handler = [this, &served](conn::Exchange& exchange) {
    return proxy::serve_request(exchange, served.connection, services_);
  };
  conn::H1Connection driver(*served.tcp, buffers_, served.control, handler, conn::Patience{});
  std::string nothing;
  co_await driver.serve(std::move(nothing));
  if (driver.cut_short()) served.tcp->reset_on_close();
}

Task<void> Worker::serve_https(LiveConnection& served) {
  const Deadline deadline = loop_->in(kHandshakePatience);
  std::string first_bytes;
  {
    const Wake wake = co_await served.watch->readable(deadline);
    if (wake != Wake::kReady) co_return;
    net::Buffer buffer = buffers_.small();
    const net::IoResult got = served.tcp->try_read(buffer.data(), buffer.size());
    if (got.bytes == 0) co_return;
    first_bytes.assign(buffer.data(), got.bytes);
    served.silent = false;
  }
  if (!shared_.limits.may_handshake(served.connection.client.address, loop_->now())) {
    shared_.refused_by_limits.add();
    proxy::journal_failed_handshake(served.connection, nullptr, "limits.handshakes_per_ip_per_s", "", services_);
    co_return;
  }
  // A TLS record begins with its type, and the first is a handshake (22). A letter begins a request line.
  if (is_ascii_alpha(first_bytes.front())) {
    co_await serve_plain_on_tls(served, std::move(first_bytes));
  } else {
    co_await serve_tls(served, std::move(first_bytes));
  }
}

Task<void> Worker::serve_plain_on_tls(LiveConnection& served, std::string first_bytes) {
  const conn::Handler handler = [this, &served](conn::Exchange& exchange) {
    return proxy::serve_plain_on_tls(exchange, served.connection, services_);
  };
  conn::H1Connection driver(*served.tcp, buffers_, served.control, handler, conn::Patience{});
  co_await driver.serve(std::move(first_bytes));
}

Task<void> Worker::serve_tls(LiveConnection& served, std::string first_bytes) {
  const Deadline deadline = loop_->in(kHandshakePatience);
  proxy::ClientConnection& connection = served.connection;
  // The session callbacks point into this snapshot's doors until the stream is gone.
  const std::shared_ptr<const snapshot::Snapshot> pinned = connection.snapshot;
  tls::TlsStream stream(std::move(served.tcp), *connection.address->door, first_bytes);
  std::string().swap(first_bytes);
  const Result<void> shaken = co_await stream.handshake(deadline);
  if (!shaken) {
    report_handshake_failure(served, stream, shaken.error());
    stream.shutdown_write();
    served.watch = nullptr;
    co_return;
  }
  const tls::HandshakeInfo& info = stream.info();
  shared_.handshakes.add();
  if (info.resumed) shared_.resumed.add();
  connection.tls = &stream;
  connection.listener = &connection.address->listeners[info.listener];
  connection.admission = clientauth::Admission(info.peer, connection.listener->verifier, &ocsp_, &lists_);
  connection.admission.begin(loop_->wall_now());
  proxy::journal_handshake(connection, services_);
  reviewer_.handshake_done(served);
  bool cut_short = false;
  if (stream.alpn() == "h2") {
    co_await serve_http2(served, stream);
  } else {
    const conn::Handler handler = [this, &served](conn::Exchange& exchange) {
      return proxy::serve_request(exchange, served.connection, services_);
    };
    conn::H1Connection driver(stream, buffers_, served.control, handler, conn::Patience{});
    std::string nothing;
    co_await driver.serve(std::move(nothing));
    cut_short = driver.cut_short();
  }
  // close_notify says that everything was sent: a response that broke off must not look whole.
  if (cut_short) {
    stream.tcp().reset_on_close();
  } else {
    stream.shutdown_write();
  }
  served.watch = nullptr;
}

Task<void> Worker::serve_http2(LiveConnection& served, tls::TlsStream& stream) {
  shared_.http2_connections.add();
  const conn::Handler handler = [this, &served](conn::Exchange& exchange) {
    return proxy::serve_request(exchange, served.connection, services_);
  };
  http::H2Limits limits;
  limits.requests = served.connection.snapshot->limits.http2_requests;
  conn::H2Connection driver(stream, buffers_, served.control, handler, http2_patience(), limits);
  std::string nothing;
  co_await driver.serve(std::move(nothing));
  if (driver.fault().empty()) co_return;
  shared_.http2_faults.add();
  log_info("http2.fault", {{"connection", served.connection.id},
                           {"client", served.connection.client.to_string()},
                           {"code", driver.fault()},
                           {"requests", driver.requests()}});
}

void Worker::report_handshake_failure(const LiveConnection& served, const tls::TlsStream& stream, const Error& error) {
  shared_.handshake_failures.add();
  log_info("tls.handshake_failed", {{"connection", served.connection.id},
                                    {"client", served.connection.client.to_string()},
                                    {"address", served.connection.address->local.to_string()},
                                    {"code", error.code},
                                    {"reason", error.message}});
  // What the gateway itself ends is nobody's failure.
  if (error.code == "net.cancelled") return;
  proxy::journal_failed_handshake(served.connection, &stream, error.code, error.message, services_);
}

}  // namespace portcullis::server
