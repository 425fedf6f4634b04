// For the tests of this room only: clients over socketpairs, real backends on loopback that the test plays by hand, and
// the proxy between them. One thread.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "conn/h1.h"
#include "event/test_loop.h"
#include "http/body.h"
#include "net/tcp.h"
#include "proxy/connection.h"
#include "proxy/serve_request.h"
#include "upstream/membership_keeper.h"

namespace portcullis::proxy {

// One end of a connection, in the test's hands.
struct Peer {
  net::Fd fd;
  std::string got;
  bool closed = false;

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Takes what has come, at most `most` bytes.
  void take(std::size_t most = 10'000'000) {
    char chunk[64 * 1024];
    while (fd && most > 0) {
      const ssize_t count = ::recv(fd.get(), chunk, std::min(most, sizeof chunk), MSG_DONTWAIT);
      closed = closed || count == 0;
      if (count <= 0) return;
      got.append(chunk, static_cast<std::size_t>(count));
      most -= static_cast<std::size_t>(count);
    }
  }
  bool has(std::string_view text) const { return got.find(text) != std::string::npos; }
};

struct ProxyTest : event::ManualLoopTest {
  void SetUp() override {
    log_path = testing::TempDir() + "portcullis-proxy-" + std::to_string(getpid()) + ".log";
    ::unlink(log_path.c_str());
    telemetry::AccessLogSink::Options options;
    options.path = log_path;
    auto sink = telemetry::AccessLogSink::open(options);
    ASSERT_TRUE(sink);
    access_log = std::move(*sink);
    auto listening = net::listen_tcp(*Endpoint::parse("127.0.0.1:0"));
    ASSERT_TRUE(listening) << listening.error().message;
    listener = std::move(*listening);
    port = net::local_endpoint(listener.get()).port;
    services = std::make_unique<Services>(*loop, buffers, pool, h2_pool, balancer, counters, access_log->producer());
    publish({"127.0.0.1"});
  }
  void TearDown() override {
    client.fd.reset();
    for (int i = 0; i < 5 && serving > 0; ++i) pass(std::chrono::minutes(2));
    EXPECT_EQ(serving, 0);
    pool.clear();
    h2_pool.close({});
    for (int i = 0; i < 5 && !h2_pool.closed(); ++i) turn();
    services.reset();
    ::unlink(log_path.c_str());
  }

  // A snapshot of one plain listener whose pool has these addresses.
  void publish(const std::vector<std::string>& addresses, const std::vector<std::string>& identity_headers = {},
               std::chrono::seconds request_timeout = std::chrono::seconds(30),
               const Digest& trust = clientauth::trust_digest({})) {
    model::BackendAddressPool document;
    for (const std::string& address : addresses) document.backend_addresses.push_back({"", address, ""});
    snapshot::Rule rule;
    rule.name = "rule";
    rule.backend.pool_name = "pool";
    rule.backend.settings_name = "settings";
    rule.backend.members = keeper.adopt(document);
    rule.backend.port = port;
    rule.backend.request_timeout = request_timeout;
    rule.backend.http2 = http2;
    snapshot::Listener plain;
    plain.name = "plain";
    plain.gateway = "gw";
    plain.trust = trust;
    plain.rule = std::move(rule);
    auto address = std::make_unique<snapshot::Address>();
    address->local = *Endpoint::parse("127.0.0.1:80");
    address->document_port = 8080;
    address->hosts = *routing::HostTable::build({{{}, 1}});
    address->listeners.push_back(std::move(plain));
    auto made = std::make_shared<snapshot::Snapshot>();
    made->addresses.push_back(std::move(address));
    for (const std::string& name : identity_headers) made->identity_headers.add(name);
    made->generation = ++published;
    services->snapshot = made;
  }

  // A new client connection.
  void connect() {
    int fds[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client = Peer{net::Fd(fds[1])};
    ++serving;
    event::spawn(serve(std::make_unique<net::TcpStream>(*loop, net::Fd(fds[0]))));
  }
  event::Task<void> serve(std::unique_ptr<net::TcpStream> stream) {
    {
      ClientConnection connection;
      connection.id = 7;
      connection.client = *Endpoint::parse("192.0.2.1:1234");
      connection.snapshot = services->snapshot;
      connection.address = services->snapshot->addresses.front().get();
      connection.tcp = stream.get();
      conn::Control control;
      last_control = &control;
      const conn::Handler handler = [&](conn::Exchange& exchange) {
        return serve_request(exchange, connection, *services);
      };
      conn::H1Connection driver(*stream, buffers, control, handler, conn::Patience{});
      std::string nothing;
      co_await driver.serve(std::move(nothing));
    }
    stream.reset();
    --serving;
  }

  // The backend's end of the next connection that the proxy makes.
  Peer accept() {
    net::Accepted accepted;
    EXPECT_TRUE(turn_until([&] { return net::try_accept(listener.get(), accepted) == net::AcceptState::kAccepted; }));
    return Peer{std::move(accepted.fd)};
  }
  // Turns until the peer has received `text`.
  [[nodiscard]] bool await(Peer& peer, std::string_view text) {
    return turn_until([&] {
      peer.take();
      return peer.has(text);
    });
  }
  [[nodiscard]] bool await_close(Peer& peer) {
    return turn_until([&] {
      peer.take();
      return peer.closed;
    });
  }
  std::string log() {
    turns(3);
    EXPECT_TRUE(access_log->flush());
    std::ifstream file(log_path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool logged(std::string_view text) {
    const std::string lines = log();
    return lines.find(text) != std::string::npos;
  }

  telemetry::Registry registry;
  Counters counters{registry};
  net::BufferPool buffers;
  upstream::ConnectionPool pool{*loop};
  upstream::H2Pool h2_pool{*loop, buffers};
  upstream::Balancer balancer;
  upstream::MembershipKeeper keeper{*loop, [](std::string, net::Resolver::Callback) {}};
  std::string log_path;
  std::unique_ptr<telemetry::AccessLogSink> access_log;
  std::unique_ptr<Services> services;
  net::Fd listener;
  std::uint16_t port = 0;
  std::uint64_t published = 0;
  bool http2 = false;  // what publish() says of the backend
  Peer client;
  conn::Control* last_control = nullptr;  // of the last connection
  int serving = 0;
};

// The content of a chunked message, or "broken".
inline std::string unchunked(std::string_view message) {
  http::ChunkedDecoder decoder;
  decoder.reset(Origin::kClient);
  std::string content;
  message.remove_prefix(message.find("\r\n\r\n") + 4);
  while (!decoder.done()) {
    const http::BodyStep step = decoder.decode(message);
    message.remove_prefix(step.consumed);
    content += step.data;
    if (step.state == http::BodyStep::State::kNeedMore || step.state == http::BodyStep::State::kRefused) {
      return "broken";
    }
  }
  return content;
}

inline constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
inline constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace portcullis::proxy
