#include "proxy/forward.h"
#include "proxy/test_proxy.h"

namespace portcullis::proxy {
namespace {

using std::chrono::seconds;

// Requests with bodies, and clients that leave.
using UploadTest = ProxyTest;

TEST_F(UploadTest, AnAnswerMayComeBeforeTheWholeRequest) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "abc"));
  backend.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(await(client, "no"));
  EXPECT_TRUE(client.has("HTTP/1.1 413"));
  EXPECT_TRUE(client.has("Connection: close"));
  EXPECT_TRUE(await_close(client));
  EXPECT_TRUE(await_close(backend));
}

TEST_F(UploadTest, AnUploadThatEndsDuringTheAnswerDoesNotCutIt) {
  for (const char* begun :
       {"HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\na"));
    backend.send(begun);
    turns(4);
    client.send("b");
    ASSERT_TRUE(await(backend, "\r\n\r\nab"));
    turns(4);
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    backend.send(begun[9] == '1' ? whole : whole.substr(std::string_view(begun).size()));
    ASSERT_TRUE(await(client, "hello world")) << client.got;
    pool.clear();
  }
}

TEST_F(UploadTest, CuttingAConnectionOffEndsItsWaitForABackend) {
  for (const char* request : {kGet, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na"}) {
    connect();
    client.send(request);
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    turns(3);
    last_control->cut_off();
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_TRUE(await_close(backend));
  }
}

TEST_F(UploadTest, ABackendsAnswerIsReadAlthoughItTakesNoMore) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n");
  Peer backend = accept();
  const std::string piece(60'000, 'x');
  for (int i = 0; i < 400; ++i) {
    [[maybe_unused]] const auto put = ::send(client.fd.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    turn();
  }
  backend.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(await(client, "\r\n\r\nno"));
}

TEST_F(UploadTest, ABackendThatClosesDuringAnUploadIsA502) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "abc"));
  backend.fd.reset();
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U) << client.got;
  EXPECT_TRUE(logged("ERRORINFO_UPSTREAM_CLOSED_CONNECTION"));
}

TEST_F(UploadTest, ASlowUploadIsNotASilentBackend) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
  Peer backend = accept();
  for (int i = 0; i < 5; ++i) {
    client.send(std::string(20, 'x'));
    turns(3);
    pass(seconds(i < 4 ? 25 : 0));
  }
  ASSERT_TRUE(await(backend, std::string(100, 'x')));
  pass(seconds(29));
  EXPECT_TRUE((client.take(), client.got.empty())) << client.got;
  backend.send(kOk);
  ASSERT_TRUE(await(client, "ok"));
}

TEST_F(UploadTest, ASilentBackendIsA504AfterAnUploadToo) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
  Peer backend = accept();
  pass(seconds(20));
  client.send("hi");
  ASSERT_TRUE(await(backend, "hi"));
  pass(seconds(29));
  EXPECT_TRUE((client.take(), client.got.empty()));
  pass(seconds(2));
  pass(seconds(1));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 504", 0), 0U);
}

TEST_F(UploadTest, AClientThatStopsUploadingIsA408) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "abc"));
  pass(seconds(31));
  EXPECT_TRUE((client.take(), client.got.empty())) << client.got;
  pass(seconds(31));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 408", 0), 0U) << client.got;
  EXPECT_TRUE(await_close(backend));
}

TEST_F(UploadTest, BigBodiesPassBothWays) {
  connect();
  const std::string body(2'000'000, 'b');
  std::string out =
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n" + body + "\r\n0\r\n\r\n";
  const std::size_t decoded = body.size();
  std::unique_ptr<Peer> backend;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(decoded) + "\r\n\r\n" + body;
  const auto push = [](Peer& to, std::string& bytes) {
    const ssize_t put = ::send(to.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0) bytes.erase(0, static_cast<std::size_t>(put));
  };
  push(client, out);
  backend = std::make_unique<Peer>(accept());
  ASSERT_TRUE(turn_until([&] {
    push(client, out);
    backend->take();
    return out.empty() && backend->got.size() > 10 && backend->got.substr(backend->got.size() - 7) == "\r\n0\r\n\r\n";
  }));
  EXPECT_TRUE(unchunked(backend->got) == body);
  ASSERT_TRUE(turn_until([&] {
    push(*backend, answer);
    client.take();
    return client.got.size() > decoded && client.got.size() - client.got.find("\r\n\r\n") - 4 == decoded;
  }));
}

TEST_F(UploadTest, TrailersPassAndIdentityHeadersInThemDoNot) {
  publish({"127.0.0.1"}, {"x-client-cert"});
  connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nX-Client-Cert: me\r\n"
      "X_Client_Cert: me\r\n\r\n");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "X-Sum: 1\r\n"));
  EXPECT_FALSE(backend.has("lient-Cert"));
  EXPECT_FALSE(backend.has("lient_Cert"));
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-After: 1\r\n\r\n");
  ASSERT_TRUE(await(client, "X-After: 1\r\n\r\n"));
}

TEST_F(UploadTest, AClientThatLeavesEndsTheBackendsWork) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(logged("client.closed"));
  EXPECT_TRUE(logged("\"httpStatus\":499"));
  EXPECT_EQ(counters.upstream_failures.value(), 0U);
}

TEST_F(UploadTest, AClientThatLeavesDuringItsUploadIsLoggedAsSuch) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "abc"));
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(logged("ERRORINFO_CLIENT_CLOSED_REQUEST"));
  EXPECT_EQ(counters.upstream_failures.value(), 0U);
}

TEST_F(UploadTest, AClientThatLeavesDuringTheAnswerIsNotTheBackendsFault) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(await(client, "abc"));
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(logged("client.closed"));
  EXPECT_TRUE(logged("ERRORINFO_CLIENT_CLOSED_REQUEST"));
  EXPECT_FALSE(logged("upstream."));
}

TEST_F(UploadTest, AMalformedUploadIsA400AndReachesNobodyWhole) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX");
  Peer backend = accept();
  EXPECT_TRUE(await_close(backend));
  EXPECT_FALSE(backend.has("0\r\n\r\n"));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 400", 0), 0U);
  EXPECT_TRUE(await_close(client));
}

TEST_F(UploadTest, ContinueIsAskedForWhenABackendIsThere) {
  connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  Peer backend = accept();
  ASSERT_TRUE(await(client, "HTTP/1.1 100 Continue\r\n\r\n"));
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  EXPECT_FALSE(backend.has("Expect"));
  client.send("hi");
  ASSERT_TRUE(await(backend, "\r\n\r\nhi"));
  backend.send(kOk);
  ASSERT_TRUE(await(client, "ok"));
}

}  // namespace
}  // namespace portcullis::proxy
