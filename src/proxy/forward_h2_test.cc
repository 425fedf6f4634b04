// The forward loop to backends of HTTP/2: what a client of HTTP/1.1 gets, and what becomes of the shared connection.
#include "http/test_h2_server.h"
#include "proxy/forward.h"
#include "proxy/test_proxy.h"

namespace portcullis::proxy {
namespace {

using std::chrono::seconds;
using Headers = std::vector<std::pair<std::string, std::string>>;

struct ForwardH2Test : ProxyTest {
  // A connection of the proxy's, with a server behind it.
  struct Backend {
    Peer wire;
    http::H2TestServer server;

    void exchange() {
      wire.take();
      server.receive(std::exchange(wire.got, {}));
      const std::string out = server.speak();
      if (!out.empty()) wire.send(out);
    }
  };

  void SetUp() override {
    ProxyTest::SetUp();
    http2 = true;
    publish({"127.0.0.1"});
  }
  std::unique_ptr<Backend> accept_h2() {
    auto backend = std::make_unique<Backend>();
    backend->wire = accept();
    return backend;
  }
  template <class Condition>
  [[nodiscard]] bool until(Backend& backend, Condition condition) {
    return turn_until([&] {
      backend.exchange();
      client.take();
      return condition();
    });
  }
  [[nodiscard]] bool until_requested(Backend& backend, std::int32_t id) {
    return until(backend, [&] { return backend.server.requests[id].ended; });
  }
  [[nodiscard]] bool until_answered(Backend& backend, std::string_view text) {
    return until(backend, [&] { return client.has(text); });
  }
};

TEST_F(ForwardH2Test, ARequestGoesOutAndItsAnswerComesBack) {
  connect();
  client.send("POST /a?b HTTP/1.1\r\nHost: h\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nhi");
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  auto& request = backend->server.requests[1];
  EXPECT_EQ(request.fields[":method"], "POST");
  EXPECT_EQ(request.fields[":path"], "/a?b");
  EXPECT_EQ(request.fields[":authority"], "h");
  EXPECT_EQ(request.fields["x-kept"], "yes");
  EXPECT_EQ(request.fields["content-length"], "2");
  EXPECT_EQ(request.content, "hi");
  backend->server.headers(1, {{":status", "201"}, {"content-length", "2"}, {"x-said", "so"}}, false);
  backend->server.data(1, "ok", true);
  ASSERT_TRUE(until_answered(*backend, "\r\n\r\nok"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 201 Created\r\n", 0), 0U) << client.got;
  EXPECT_TRUE(client.has("x-said: so\r\n"));
  EXPECT_TRUE(logged("\"httpStatus\":201"));
}

TEST_F(ForwardH2Test, ContentOfNoBytesIsARequestThatEnds) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  EXPECT_EQ(backend->server.requests[1].fields["content-length"], "0");
}

TEST_F(ForwardH2Test, TrailersPassBothWays) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n");
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  EXPECT_EQ(backend->server.requests[1].trailers["x-sum"], "7");
  backend->server.headers(1, {{":status", "200"}}, false);
  backend->server.data(1, "answer", false);
  ASSERT_TRUE(until_answered(*backend, "answer"));
  backend->server.headers(1, {{"grpc-status", "0"}}, true);
  ASSERT_TRUE(until_answered(*backend, "grpc-status: 0\r\n\r\n"));
  EXPECT_TRUE(client.has("Transfer-Encoding: chunked\r\n"));
}

TEST_F(ForwardH2Test, RequestsShareOneConnection) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  Peer first = std::move(client);
  connect();
  client.send(kGet);
  ASSERT_TRUE(until_requested(*backend, 3));
  EXPECT_EQ(h2_pool.connections(), 1U);
  backend->server.headers(3, {{":status", "203"}}, true);
  ASSERT_TRUE(until_answered(*backend, "HTTP/1.1 203"));
  backend->server.headers(1, {{":status", "204"}}, true);
  ASSERT_TRUE(until(*backend, [&] {
    first.take();
    return first.has("HTTP/1.1 204");
  }));
}

TEST_F(ForwardH2Test, ManyRequestsAtOnceOpenOneConnection) {
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) {
    connect();
    client.send(kGet);
    clients.push_back(std::move(client));
  }
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 9));
  EXPECT_EQ(h2_pool.connections(), 1U);
}

TEST_F(ForwardH2Test, ARefusedStreamIsSentAgainWhereNothingWasDone) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  nghttp2_submit_rst_stream(backend->server.session, 0, 1, NGHTTP2_REFUSED_STREAM);
  ASSERT_TRUE(until_requested(*backend, 3));
  backend->server.headers(3, {{":status", "200"}}, true);
  ASSERT_TRUE(until_answered(*backend, "HTTP/1.1 200"));
}

TEST_F(ForwardH2Test, AfterGoawayRequestsTakeANewConnection) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  nghttp2_submit_goaway(backend->server.session, 0, 1, NGHTTP2_NO_ERROR, nullptr, 0);
  backend->server.headers(1, {{":status", "200"}}, true);
  ASSERT_TRUE(until_answered(*backend, "HTTP/1.1 200"));
  client.got.clear();
  client.send(kGet);
  const auto next = accept_h2();
  ASSERT_TRUE(until_requested(*next, 1));
  next->server.headers(1, {{":status", "202"}}, true);
  ASSERT_TRUE(until_answered(*next, "HTTP/1.1 202"));
}

TEST_F(ForwardH2Test, AResetBeforeTheHeadIsA502AndOneWithinTheAnswerCutsIt) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  nghttp2_submit_rst_stream(backend->server.session, 0, 1, NGHTTP2_INTERNAL_ERROR);
  ASSERT_TRUE(until_answered(*backend, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  connect();
  client.send(kGet);
  ASSERT_TRUE(until_requested(*backend, 3));
  backend->server.headers(3, {{":status", "200"}}, false);
  backend->server.data(3, "half", false);
  ASSERT_TRUE(until_answered(*backend, "half"));
  nghttp2_submit_rst_stream(backend->server.session, 0, 3, NGHTTP2_INTERNAL_ERROR);
  ASSERT_TRUE(until(*backend, [&] { return client.closed; }));
  EXPECT_FALSE(client.has("0\r\n\r\n")) << "a cut answer must not look whole";
  EXPECT_TRUE(logged("upstream.body_cut_short"));
}

TEST_F(ForwardH2Test, AConnectionThatDiesEndsAllItsRequests) {
  connect();
  client.send(kGet);
  auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  backend.reset();
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  client.got.clear();
  client.send(kGet);
  const auto next = accept_h2();
  ASSERT_TRUE(until_requested(*next, 1));
}

TEST_F(ForwardH2Test, SilenceIsA504AndTheSilentConnectionGetsNoMoreRequests) {
  connect();
  client.send(kGet);
  const auto silent = accept_h2();
  ASSERT_TRUE(until_requested(*silent, 1));
  turns(5);
  pass(seconds(31));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 504", 0), 0U);
  client.got.clear();
  client.send(kGet);
  const auto next = accept_h2();
  ASSERT_TRUE(until_requested(*next, 1));
}

TEST_F(ForwardH2Test, AClientThatGoesResetsItsStreamOnly) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  client.fd.reset();
  ASSERT_TRUE(until(*backend, [&] { return backend->server.requests[1].reset != 0; }));
  EXPECT_EQ(backend->server.requests[1].reset, NGHTTP2_CANCEL);
  connect();
  client.send(kGet);
  ASSERT_TRUE(until_requested(*backend, 3));
}

TEST_F(ForwardH2Test, AClientThatGoesWithinItsUploadLeavesNoHalfRequest) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  const auto backend = accept_h2();
  ASSERT_TRUE(until(*backend, [&] { return backend->server.requests[1].content == "half"; }));
  client.fd.reset();
  ASSERT_TRUE(until(*backend, [&] { return backend->server.requests[1].reset != 0; }));
  EXPECT_FALSE(backend->server.requests[1].ended);
}

TEST_F(ForwardH2Test, AnAnswerBeforeTheUploadEndsIsPassedOn) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  const auto backend = accept_h2();
  ASSERT_TRUE(until(*backend, [&] { return backend->server.requests[1].content == "half"; }));
  backend->server.headers(1, {{":status", "413"}}, true);
  ASSERT_TRUE(until_answered(*backend, "HTTP/1.1 413"));
  ASSERT_TRUE(until(*backend, [&] { return backend->server.requests[1].reset != 0; }));
}

TEST_F(ForwardH2Test, ALargeAnswerIsHeldBackByASlowClient) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  const std::size_t whole = 8U << 20U;
  backend->server.headers(1, {{":status", "200"}, {"content-length", std::to_string(whole)}}, false);
  backend->server.data(1, std::string(whole, 'x'), true);
  // Nobody reads: what has been sent is bounded by windows and the kernel's buffers.
  for (int i = 0; i < 200; ++i) {
    backend->exchange();
    turn();
  }
  EXPECT_GT(backend->server.pending[1].size(), whole / 2);
  ASSERT_TRUE(until(*backend, [&] { return client.got.size() >= whole; }));
}

// One connection serves many clients: those who do not read must not use up what the others need.
TEST_F(ForwardH2Test, ClientsThatDoNotReadHoldBackNobodyElse) {
  std::vector<Peer> stalled;
  std::unique_ptr<Backend> backend;
  std::int32_t id = 1;
  for (int i = 0; i < 12; ++i, id += 2) {
    connect();
    client.send(kGet);
    stalled.push_back(std::move(client));
    if (backend == nullptr) backend = accept_h2();
    ASSERT_TRUE(until_requested(*backend, id));
    backend->server.headers(id, {{":status", "200"}}, false);
    backend->server.data(id, std::string(4U << 20U, 'x'), true);
    for (int turns = 0; turns < 40; ++turns) {
      backend->exchange();
      turn();
    }
  }
  connect();
  client.send(kGet);
  ASSERT_TRUE(until_requested(*backend, id));
  backend->server.headers(id, {{":status", "200"}, {"content-length", "4"}}, false);
  backend->server.data(id, "mine", true);
  EXPECT_TRUE(until_answered(*backend, "\r\n\r\nmine"));
}

TEST_F(ForwardH2Test, WhatTheBackendDidNotTakeIsSentAgainWhateverItIs) {
  connect();
  client.send("DELETE / HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  backend->server.headers(1, {{":status", "200"}}, true);
  ASSERT_TRUE(until_requested(*backend, 3));
  nghttp2_submit_rst_stream(backend->server.session, 0, 3, NGHTTP2_REFUSED_STREAM);
  ASSERT_TRUE(until_requested(*backend, 5));
  EXPECT_EQ(backend->server.requests[5].fields[":method"], "POST");
  backend->server.headers(5, {{":status", "201"}}, true);
  EXPECT_TRUE(until_answered(*backend, "HTTP/1.1 201"));
}

TEST_F(ForwardH2Test, AWebSocketIsRefused) {
  connect();
  client.send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  EXPECT_TRUE(logged("upstream.websocket_over_http2"));
}

TEST_F(ForwardH2Test, WhatIsNotHttp2IsA502) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "PRI * HTTP/2.0"));
  backend.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
}

TEST_F(ForwardH2Test, AnIdleConnectionEndsInTime) {
  connect();
  client.send(kGet);
  const auto backend = accept_h2();
  ASSERT_TRUE(until_requested(*backend, 1));
  backend->server.headers(1, {{":status", "200"}}, true);
  ASSERT_TRUE(until_answered(*backend, "HTTP/1.1 200"));
  pass(seconds(61));
  ASSERT_TRUE(until(*backend, [&] { return backend->wire.closed; }));
  EXPECT_TRUE(backend->server.told_to_go);
}

}  // namespace
}  // namespace portcullis::proxy
