// For the tests of this room only: a client and a backend whose hands the test has, at both ends of a tunnel. One
// thread.
#pragma once

#include "proxy/test_proxy.h"
#include "proxy/tunnel.h"

namespace portcullis::proxy {

inline constexpr char kAsk[] =
    "GET /chat?x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p\r\n\r\n";
inline constexpr char kAgreed[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: p\r\n\r\n";
inline constexpr std::size_t kBig = 3'000'000;  // more than the kernel holds for two loopback sockets

struct TunnelTest : ProxyTest {
  // A client that asked, and a backend that knows.
  Peer ask(std::string_view request = kAsk) {
    connect();
    client.send(request);
    Peer backend = accept();
    EXPECT_TRUE(await(backend, "\r\n\r\n"));
    return backend;
  }
  Peer open() {
    Peer backend = ask();
    backend.send(kAgreed);
    EXPECT_TRUE(await(client, "\r\n\r\n"));
    EXPECT_EQ(client.got.rfind("HTTP/1.1 101 ", 0), 0U) << client.got;
    client.got.clear();
    backend.got.clear();
    return backend;
  }
  // Sends all of `bytes` from one end while the other takes what comes.
  void pump(Peer& from, Peer& to, std::string_view bytes) {
    const std::size_t whole = to.got.size() + bytes.size();
    EXPECT_TRUE(turn_until([&] {
      const ssize_t put = ::send(from.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
      to.take();
      return to.got.size() >= whole;
    }));
  }
  // How much the gateway and the kernel take from one end while nobody reads at the other.
  std::size_t stuff(Peer& from) {
    const std::string piece(60'000, 'x');
    std::size_t taken = 0;
    for (int still = 0; still < 20; ++still) {
      const ssize_t put = ::send(from.fd.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) {
        taken += static_cast<std::size_t>(put);
        still = 0;
      }
      turn();
    }
    return taken;
  }
  std::string noise(std::size_t size) {
    std::string out(size, '\0');
    std::uint32_t state = 1;
    for (char& c : out) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
    return out;
  }
  std::string ended() {
    const std::string line = log();
    const auto at = line.rfind("\"ended\":\"");
    if (at == std::string::npos) return "nothing";
    return line.substr(at + 9, line.find('"', at + 9) - at - 9);
  }
};

}  // namespace portcullis::proxy
