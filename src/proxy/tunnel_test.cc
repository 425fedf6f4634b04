#include "proxy/tunnel.h"

#include "proxy/test_tunnel.h"

namespace portcullis::proxy {
namespace {

using std::chrono::seconds;

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

}  // namespace
}  // namespace portcullis::proxy
