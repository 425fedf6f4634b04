#include "proxy/tunnel.h"

#include "proxy/test_proxy.h"

namespace portcullis::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kAsk[] =
    "GET /chat?x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p\r\n\r\n";
constexpr char kAgreed[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: p\r\n\r\n";
constexpr std::size_t kBig = 3'000'000;  // more than the kernel holds for two loopback sockets

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

TEST_F(TunnelTest, TheHandshakePassesAndBytesFollowBothWays) {
  Peer backend = ask();
  EXPECT_EQ(backend.got.rfind("GET /chat?x HTTP/1.1\r\n", 0), 0U);
  for (const char* field :
       {"\r\nUpgrade: websocket\r\n", "\r\nConnection: upgrade\r\n", "\r\nSec-WebSocket-Version: 13\r\n",
        "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "\r\nSec-WebSocket-Protocol: p\r\n"}) {
    EXPECT_TRUE(backend.has(field)) << field << backend.got;
  }
  EXPECT_FALSE(backend.has("X-Hop"));
  backend.got.clear();
  backend.send(std::string(kAgreed) + "first");
  ASSERT_TRUE(await(client, "first"));
  EXPECT_EQ(client.got,
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: p\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst");
  EXPECT_EQ(counters.websockets_open.value(), 1);
  client.send("up");
  ASSERT_TRUE(await(backend, "up"));
  client.got.clear();
  const std::string big = noise(kBig);
  pump(backend, client, big);
  EXPECT_TRUE(client.got == big);
  backend.got.clear();
  pump(client, backend, big);
  EXPECT_TRUE(backend.got == big);
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  backend.fd.reset();
  ASSERT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "client");
  EXPECT_TRUE(logged("\"httpStatus\":101"));
  EXPECT_TRUE(logged("\"toBackend\":3000002,\"toClient\":3000005}"));
  EXPECT_TRUE(logged("\"serverStatus\":\"101\""));
  EXPECT_TRUE(logged("\"error_info\":\"ERRORINFO_NO_ERROR\""));
  EXPECT_EQ(counters.websockets.value(), 1U);
  EXPECT_EQ(counters.websockets_open.value(), 0);
  EXPECT_EQ(counters.websocket_to_backend.value(), 3'000'002U);
  EXPECT_EQ(counters.websocket_to_client.value(), 3'000'005U);
}

TEST_F(TunnelTest, NothingBehindTheHeadIsForwardedBeforeTheBackendAgrees) {
  Peer backend = ask(std::string(kAsk) + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  turns(5);
  backend.take();
  EXPECT_FALSE(backend.has("smuggled"));
  backend.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
  turns(5);
  backend.take();
  EXPECT_FALSE(backend.has("smuggled"));
  backend.send(kAgreed);
  EXPECT_TRUE(await(backend, "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")) << "in the tunnel it is the backend's";
  EXPECT_EQ(counters.requests.value(), 1U);
}

TEST_F(TunnelTest, ARefusedUpgradeIsAnOrdinaryAnswer) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                             "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Content-Length: 2\r\n\r\nok",
                             "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}) {
    Peer backend = ask(std::string(kAsk) + kGet);
    backend.send(answer);
    ASSERT_TRUE(await(client, "ok"));
    EXPECT_EQ(client.got.substr(9, 3), std::string(answer).substr(9, 3));
    EXPECT_FALSE(client.has("Upgrade:"));
    EXPECT_TRUE(await_close(backend)) << "who knows whether the backend thinks that it switched";
    Peer next = accept();
    ASSERT_TRUE(await(next, "GET /a HTTP/1.1")) << "what follows is a request of its own";
    next.send(kOk);
    EXPECT_TRUE(turn_until([&] { return pool.idle() == 1; }));
    client.fd.reset();
    pool.clear();
  }
  EXPECT_EQ(counters.websockets_declined.value(), 3U);
}

TEST_F(TunnelTest, AWrongAgreementIsA502) {
  const std::string start = "HTTP/1.1 101 Switching Protocols\r\n", upgrade = "Upgrade: websocket\r\n",
                    connection = "Connection: Upgrade\r\n",
                    accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  const std::string answers[] = {start + upgrade + connection + "\r\n",
                                 start + upgrade + connection + "Sec-WebSocket-Accept: AAAA\r\n\r\n",
                                 start + connection + accept + "\r\n",
                                 start + upgrade + accept + "\r\n",
                                 "HTTP/1.0 101 Switching Protocols\r\n" + upgrade + connection + accept + "\r\n",
                                 start + upgrade + connection + accept + "Content-Length: 3\r\n\r\nabc"};
  for (const std::string& answer : answers) {
    Peer backend = ask();
    backend.send(answer);
    ASSERT_TRUE(await(client, "</html>")) << answer;
    EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U) << answer << client.got;
    EXPECT_TRUE(await_close(backend));
  }
  EXPECT_TRUE(logged("upstream.bad_upgrade"));
}

TEST_F(TunnelTest, ASwitchThatNobodyAskedForIsA502) {
  const std::string asked = kAsk;
  const std::string requests[] = {
      kGet,
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
      "POST" + asked.substr(3), asked.substr(0, asked.find("Sec-WebSocket-Version")) + "\r\n"};
  for (const std::string& request : requests) {
    Peer backend = ask(request);
    EXPECT_FALSE(backend.has("pgrade")) << backend.got;
    backend.send(kAgreed);
    ASSERT_TRUE(await(client, "</html>")) << request;
    EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
    client.fd.reset();
  }
  EXPECT_EQ(counters.websockets.value() + counters.websockets_declined.value(), 0U);
}

TEST_F(TunnelTest, ASilentBackendIsA504) {
  Peer backend = ask();
  pass(seconds(29));
  EXPECT_TRUE((client.take(), client.got.empty()));
  pass(seconds(2));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 504", 0), 0U);
}

TEST_F(TunnelTest, NeverTakesAnIdleConnection) {
  connect();
  client.send(kGet);
  Peer first = accept();
  ASSERT_TRUE(await(first, "\r\n\r\n"));
  first.send(kOk);
  ASSERT_TRUE(await(client, "ok"));
  client.got.clear();
  client.send(kAsk);
  Peer second = accept();
  EXPECT_TRUE(await(second, "Upgrade: websocket"));
}

TEST_F(TunnelTest, EitherSideMayEndFirstAndTheOtherStillSpeaks) {
  for (const bool client_first : {true, false}) {
    Peer backend = open();
    Peer& first = client_first ? client : backend;
    Peer& second = client_first ? backend : client;
    first.send("done");
    ::shutdown(first.fd.get(), SHUT_WR);
    EXPECT_TRUE(await_close(second));
    EXPECT_TRUE(second.has("done"));
    pass(seconds(5));
    second.send("goodbye");
    ::shutdown(second.fd.get(), SHUT_WR);
    EXPECT_TRUE(await(first, "goodbye"));
    EXPECT_TRUE(await_close(first));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_EQ(ended(), client_first ? "client" : "backend");
  }
}

TEST_F(TunnelTest, ASideThatStaysSilentAfterTheOtherEndedIsNotAwaitedForLong) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  for (const bool client_first : {true, false}) {
    Peer backend = open();
    ::shutdown(client_first ? client.fd.get() : backend.fd.get(), SHUT_WR);
    turns(4);
    pass(seconds(9));
    EXPECT_EQ(serving, 1);
    pass(seconds(2));
    pass(seconds(3));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_TRUE(await_close(backend));
    EXPECT_EQ(ended(), "idle");
  }
}

TEST_F(TunnelTest, WhatWasSaidBeforeAnAbruptCloseArrives) {
  Peer backend = open();
  backend.send("last words");
  client.send("unread");
  backend.fd.reset();
  EXPECT_TRUE(await(client, "last words"));
  client.send("more");
  turns(3);
  client.send("more");
  client.fd.reset();
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
}

TEST_F(TunnelTest, EndsWhenNothingMovesForRequestTimeout) {
  Peer backend = open();
  for (int i = 0; i < 4; ++i) {
    pass(seconds(29));
    EXPECT_EQ(serving, 1) << "either way counts";
    Peer& from = i % 2 == 0 ? client : backend;
    from.send("x");
    ASSERT_TRUE(await(i % 2 == 0 ? backend : client, std::string(static_cast<std::size_t>(i / 2 + 1), 'x')));
  }
  pass(seconds(31));
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(await_close(client)) << "an orderly end";
  pass(seconds(3));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "idle");
  EXPECT_TRUE(logged("websocket.idle"));
}

TEST_F(TunnelTest, ASlowReaderHoldsTheOtherBackWithLittleMemory) {
  for (const bool to_client : {true, false}) {
    Peer backend = open();
    Peer& from = to_client ? backend : client;
    Peer& to = to_client ? client : backend;
    const std::size_t taken = stuff(from);
    EXPECT_LT(taken, 12'000'000U) << "what the kernel holds in two sockets and one buffer";
    // Slow, but not idle: it goes on for longer than requestTimeout.
    for (int i = 0; i < 6 && to.got.size() < taken; ++i) {
      pass(seconds(20));
      to.take(2'000'000);
      turns(4);
      EXPECT_EQ(serving, 1);
    }
    EXPECT_TRUE(turn_until([&] {
      to.take();
      return to.got.size() >= taken;
    }));
    client.fd.reset();
    backend.fd.reset();
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  }
}

TEST_F(TunnelTest, AReaderThatTakesNothingLosesTheTunnel) {
  for (const bool to_client : {true, false}) {
    Peer backend = open();
    stuff(to_client ? backend : client);
    pass(seconds(61));
    pass(seconds(5));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_EQ(ended(), to_client ? "client_broke" : "backend_broke");
  }
}

TEST_F(TunnelTest, ADrainEndsItAtTheFirstQuietMoment) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  Peer backend = open();
  last_control->drain();
  turns(2);
  client.send("x");
  ASSERT_TRUE(await(backend, "x"));
  pass(milliseconds(900));
  client.send("y");
  ASSERT_TRUE(await(backend, "y"));
  pass(milliseconds(900));
  EXPECT_EQ(serving, 1);
  pass(milliseconds(300));
  EXPECT_TRUE(await_close(client));
  EXPECT_TRUE(await_close(backend));
  pass(seconds(3));
  EXPECT_EQ(serving, 0);
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelTest, ADrainEndsABusyOneToo) {
  Peer backend = open();
  last_control->drain();
  for (int i = 0; i < 24; ++i) {
    client.send("x");
    turns(3);
    pass(milliseconds(500));
  }
  EXPECT_TRUE(await_close(backend));
  EXPECT_LE(backend.got.size(), 21U);
  client.fd.reset();
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelTest, ADrainEndsOneThatIsStuck) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  Peer backend = open();
  stuff(client);
  last_control->drain();
  turns(3);
  pass(seconds(11));
  turns(3);
  pass(seconds(3));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelTest, ADrainThatBeganBeforeItOpenedCountsToo) {
  Peer backend = ask();
  last_control->drain();
  backend.send(kAgreed);
  ASSERT_TRUE(await(client, "101"));
  pass(seconds(2));
  EXPECT_TRUE(await_close(backend));
  pass(seconds(3));
  EXPECT_EQ(serving, 0);
}

TEST_F(TunnelTest, ACutOffEndsItAtOnceWhateverItWaitsFor) {
  for (const int stage : {0, 1, 2, 3, 4}) {
    Peer backend = stage == 0 ? ask() : open();
    if (stage == 2) stuff(client);
    if (stage == 3) stuff(backend);
    if (stage == 4) ::shutdown(client.fd.get(), SHUT_WR);
    turns(2);
    last_control->cut_off();
    EXPECT_TRUE(turn_until([&] { return serving == 0; })) << stage;
    if (stage > 0) {
      EXPECT_EQ(ended(), "cut_off") << stage;
    }
  }
}

TEST_F(TunnelTest, AClientThatLeavesDuringTheHandshakeTakesTheBackendsConnectionWithIt) {
  Peer backend = ask();
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_TRUE(logged("client.closed"));
}

TEST_F(TunnelTest, EitherEndMayVanishAtAnyStep) {
  for (const bool client_goes : {true, false}) {
    for (std::size_t step = 0; step <= sizeof kAgreed; step += 7) {
      Peer backend = ask();
      backend.send(std::string_view(kAgreed).substr(0, step));
      turns(static_cast<int>(step % 3));
      if (client_goes) {
        client.fd.reset();
      } else {
        backend.fd.reset();
      }
      turns(2);
      backend.fd.reset();
      EXPECT_TRUE(turn_until([&] { return serving == 0 || (client.take(), client.has("</html>")); })) << step;
      client.fd.reset();
      EXPECT_TRUE(turn_until([&] { return serving == 0; })) << step;
    }
    for (const int stuffed : {0, 1, 2, 3}) {
      Peer backend = open();
      if ((stuffed & 1) != 0) stuff(client);
      if ((stuffed & 2) != 0) stuff(backend);
      Peer& goes = client_goes ? client : backend;
      const linger now{1, 0};
      setsockopt(goes.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      goes.fd.reset();
      for (int i = 0; i < 3; ++i) pass(seconds(31));
      EXPECT_TRUE(turn_until([&] { return serving == 0; })) << stuffed;
      if (client_goes) {
        EXPECT_TRUE(turn_until([&] { return (backend.take(), true); }));
      }
    }
  }
  EXPECT_EQ(counters.websockets_open.value(), 0);
}

}  // namespace
}  // namespace portcullis::proxy
