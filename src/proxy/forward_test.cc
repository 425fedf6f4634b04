#include "proxy/forward.h"

#include "proxy/test_proxy.h"

namespace portcullis::proxy {
namespace {

using std::chrono::seconds;

using ForwardTest = ProxyTest;

TEST_F(ForwardTest, ARequestGoesOutCleanAndItsAnswerComesBack) {
  publish({"127.0.0.1"}, {"x-client-cert"});
  connect();
  client.send(
      "GET /a/./b?q HTTP/1.1\r\nHost: h\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX_Client_Cert: me\r\nx-client-cert: me\r\n"
      "Keep-Alive: 5\r\nX-Forwarded-For: 9.9.9.9\r\nX-Kept: yes\r\n\r\n");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  EXPECT_EQ(backend.got.rfind("GET /a/b?q HTTP/1.1\r\n", 0), 0U);
  for (const char* gone : {"X-Hop", "lient_Cert", "lient-cert", "Keep-Alive", "Connection"}) {
    EXPECT_FALSE(backend.has(gone)) << gone;
  }
  EXPECT_TRUE(backend.has("X-Kept: yes\r\n"));
  EXPECT_TRUE(backend.has("9.9.9.9,192.0.2.1:1234") || backend.has("9.9.9.9, 192.0.2.1:1234")) << backend.got;
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Kept: yes\r\n\r\nok");
  ASSERT_TRUE(await(client, "ok"));
  EXPECT_TRUE(client.has("X-Kept: yes\r\n"));
  EXPECT_FALSE(client.has("X-Hop"));
  EXPECT_TRUE(logged("\"httpStatus\":200"));
}

TEST_F(ForwardTest, ARequestWithoutHostGoesOutWithTheBackendsName) {
  connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  EXPECT_TRUE(backend.has("Host: 127.0.0.1\r\n")) << backend.got;
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(await(client, "ok"));
}

TEST_F(ForwardTest, TheBackendsConnectionServesTheNextRequest) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.got.clear();
    backend.send(kOk);
    ASSERT_TRUE(await(client, "ok"));
    client.got.clear();
    client.send(kGet);
  }
  EXPECT_EQ(pool.stats().opened, 1U);
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
}

TEST_F(ForwardTest, AConnectionFoundClosedIsReplacedForWhatMayBeRepeated) {
  for (const char* method : {"GET", "POST"}) {
    connect();
    client.send(kGet);
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.send(kOk);
    ASSERT_TRUE(await(client, "ok"));
    client.got.clear();
    backend.got.clear();
    client.send(std::string(method) + " /b HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.fd.reset();
    if (method[0] == 'P') {
      ASSERT_TRUE(await(client, "</html>"));
      EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
      continue;
    }
    Peer again = accept();
    ASSERT_TRUE(await(again, "GET /b"));
    again.send(kOk);
    ASSERT_TRUE(await(client, "ok"));
    pool.clear();
  }
}

TEST_F(ForwardTest, AFreshConnectionThatClosesIsNotTriedAgain) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  backend.fd.reset();
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  EXPECT_TRUE(logged("upstream.closed_early"));
}

TEST_F(ForwardTest, ADeadAddressIsPassedOverForTheOther) {
  publish({"127.0.0.9", "127.0.0.1", "127.0.0.9"});
  for (int i = 0; i < 3; ++i) {
    connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\nhi"));
    backend.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_TRUE(await(client, "ok"));
  }
  EXPECT_TRUE(logged("\"attempts\":2"));
  EXPECT_FALSE(logged("ERRORINFO_UPSTREAM_NO_LIVE")) << "what the other address answered is no failure";
}

TEST_F(ForwardTest, WhereNobodyAnswersItIsA502) {
  publish({"127.0.0.9", "127.0.0.8"});
  connect();
  client.send(kGet);
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  publish({});
  connect();
  client.send(kGet);
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 502", 0), 0U);
  EXPECT_TRUE(logged("upstream.no_live"));
  EXPECT_TRUE(logged("ERRORINFO_UPSTREAM_NO_LIVE"));
  EXPECT_EQ(counters.upstream_failures.value(), 2U);
}

TEST_F(ForwardTest, ASilentBackendIsA504) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  pass(seconds(29));
  EXPECT_TRUE(client.got.empty());
  pass(seconds(2));
  ASSERT_TRUE(await(client, "</html>"));
  EXPECT_EQ(client.got.rfind("HTTP/1.1 504", 0), 0U);
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(logged("ERRORINFO_UPSTREAM_TIMED_OUT"));
}

TEST_F(ForwardTest, ManySmallChunksLeaveTogether) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", content;
  for (int i = 0; i < 1000; ++i) {
    answer += "1;x=1\r\n" + std::string(1, static_cast<char>('a' + i % 26)) + "\r\n";
    content += static_cast<char>('a' + i % 26);
  }
  backend.send(answer + "0\r\n\r\n");
  ASSERT_TRUE(await(client, "0\r\n\r\n"));
  EXPECT_EQ(client.got.substr(client.got.find("\r\n\r\n") + 4), "3e8\r\n" + content + "\r\n0\r\n\r\n");
}

TEST_F(ForwardTest, AChunkedBodySplitAnywhereStaysTheSame) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n";
  for (std::size_t cut = answer.find("\r\n\r\n") + 4; cut < answer.size(); cut += 3) {
    connect();
    client.send(kGet);
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.send(answer.substr(0, cut));
    turns(3);
    backend.send(answer.substr(cut));
    ASSERT_TRUE(await(client, "T: 1\r\n\r\n")) << cut;
    EXPECT_EQ(unchunked(client.got), "hello world") << cut;
    pool.clear();
  }
}

TEST_F(ForwardTest, ABackendThatBreaksItsFramingNeverLooksComplete) {
  const struct {
    const char* first;
    const char* then;
    bool head_goes;
  } cases[] = {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX", "", false},
               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "zz\r\n", true},
               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "", true},
               {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nabc", "def", true},
               {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "", true}};
  for (const auto& [first, then, head_goes] : cases) {
    connect();
    client.send(kGet);
    Peer backend = accept();
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.send(first);
    turns(3);
    backend.send(then);
    turns(3);
    backend.fd.reset();
    ASSERT_TRUE(head_goes ? await_close(client) : await(client, "</html>"));
    EXPECT_EQ(client.got.rfind(head_goes ? "HTTP/1.1 200" : "HTTP/1.1 502", 0), 0U) << first << then;
    EXPECT_FALSE(client.has("0\r\n\r\n")) << first << then;
    pool.clear();
  }
  EXPECT_TRUE(logged("upstream.body_cut_short"));
  EXPECT_TRUE(logged("ERRORINFO_UPSTREAM_CLOSED_CONNECTION"));
}

TEST_F(ForwardTest, BytesBehindAnAnswerCostTheBackendItsConnection) {
  connect();
  client.send(kGet);
  Peer backend = accept();
  ASSERT_TRUE(await(backend, "\r\n\r\n"));
  backend.send(std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  ASSERT_TRUE(await(client, "ok"));
  ASSERT_TRUE(await_close(backend));
  client.send(kGet);
  Peer next = accept();
  ASSERT_TRUE(await(next, "\r\n\r\n"));
  EXPECT_FALSE(client.has("evil"));
}

// What the server does to connections that outlast its drain.

// What the gateway gives up of an upload is not the client's doing.

// requestTimeout is how long a backend may think, not how long a client may send.

TEST_F(ForwardTest, AnswersWithoutABodyKeepBothConnections) {
  connect();
  const std::pair<const char*, const char*> cases[] = {
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"},
      {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
      {"GET", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  Peer backend = accept();
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    if (i > 0) client.send(std::string(cases[i].first) + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(await(backend, "\r\n\r\n"));
    backend.got.clear();
    backend.send(cases[i].second);
    ASSERT_TRUE(await(client, "\r\n\r\n"));
    EXPECT_FALSE(client.has("Connection: close")) << cases[i].second;
    EXPECT_FALSE(client.has("103"));
    client.got.clear();
  }
  EXPECT_EQ(pool.stats().opened, 1U);
}

// The backend did nothing wrong: the log must not say so.

}  // namespace
}  // namespace portcullis::proxy
