// https: the server proves who it is before a byte of the request leaves.
#include "fetch/test_fetch.h"

namespace portcullis::fetch {
namespace {

using std::chrono::seconds;

struct ClientTlsTest : FetchTest {
  Client& open_trusting(const x509::Issued& anchor) {
    tls::ClientContextOptions options;
    options.roots = {anchor.certificate};
    auto context = tls::ClientContext::create(options);
    EXPECT_TRUE(context);
    ClientOptions with = loopback();
    with.tls = *context;
    return open(std::move(with));
  }
  x509::Issued named(const std::string& san) { return pki.leaf("s", ca, {.eku = "serverAuth", .san = san}); }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("CA", root);
  x509::Issued right = named("DNS:ocsp.example.test,IP:127.0.0.1");
};

TEST_F(ClientTlsTest, FetchesFromTheRightServerAndKeepsTheConnection) {
  open_trusting(root);
  dns["ocsp.example.test"] = {{"127.0.0.1"}};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    PlannedServer& server = serve({.identity = &right, .tls = {.version = version}});
    EXPECT_EQ(outcome(server.named_url("ocsp.example.test")), "200 ok");
    settle();  // tickets come behind the answer
    const auto again = fetch(get(server.named_url("ocsp.example.test")));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->reused);
    EXPECT_EQ(outcome(server.url()), "200 ok") << "by its address";
    EXPECT_EQ(server.connections, 2);
  }
}

TEST_F(ClientTlsTest, RefusesWhoeverIsNotTheServer) {
  open_trusting(root);
  dns["ocsp.example.test"] = {{"127.0.0.1"}};
  const std::string san = "DNS:ocsp.example.test";
  const auto day = std::chrono::hours(24);
  const x509::Issued wrong_host = named("DNS:other.example.test");
  const x509::Issued expired = pki.leaf("s", ca, {.not_after = clock.wall() - day, .eku = "serverAuth", .san = san});
  const x509::Issued self_signed = pki.self_signed_leaf("s", {.eku = "serverAuth", .san = san});
  for (const x509::Issued* identity : {&wrong_host, &expired, &self_signed}) {
    PlannedServer& server = serve({.identity = identity});
    const auto got = fetch(get(server.named_url("ocsp.example.test", "/?sig=secret")));
    EXPECT_EQ(describe(got), "fetch.tls");
    EXPECT_TRUE(got.error().retry_safe);
    EXPECT_NE(got.error().message.find("certificate"), std::string::npos) << got.error().message;
    settle();
    EXPECT_TRUE(server.requests.empty());
  }
  PlannedServer& plain = serve();
  const std::string url = "https://" + plain.endpoint.to_string();
  Outcome out;
  start(get(url), out);
  ASSERT_TRUE(turn_until([&] {
    step();
    plain.say("HTTP/1.1 400 Bad Request\r\n\r\n");
    return out.has_value();
  }));
  EXPECT_EQ(describe(*out), "fetch.tls") << "a server that speaks no TLS";
}

TEST_F(ClientTlsTest, TheMachinesRootsDoNotTrustATestsCa) {
  auto context = tls::ClientContext::create({});
  if (!context) GTEST_SKIP() << context.error().message;
  ClientOptions options = loopback();
  options.tls = *context;
  open(std::move(options));
  PlannedServer& server = serve({.identity = &right});
  EXPECT_EQ(outcome(server.url()), "fetch.tls");
}

TEST_F(ClientTlsTest, ASilentHandshakeEndsByTheDeadline) {
  open_trusting(root);
  PlannedServer& server = serve({.reads = false, .identity = &right});
  Outcome out;
  start(get(server.url()), out);
  settle();
  EXPECT_FALSE(out);
  pass(seconds(31));
  ASSERT_TRUE(out);
  EXPECT_EQ(describe(*out), "fetch.timeout");
  EXPECT_TRUE(out->error().retry_safe);
}

TEST_F(ClientTlsTest, ATruncatedAnswerIsNotTakenForAWholeOne) {
  open_trusting(root);
  for (const bool goodbye : {true, false}) {
    PlannedServer& server =
        serve({.reply = "HTTP/1.1 200 OK\r\n\r\nok", .close = true, .reset = !goodbye, .identity = &right});
    EXPECT_EQ(outcome(server.url()), goodbye ? "200 ok" : "fetch.closed");
  }
}

TEST_F(ClientTlsTest, AServerThatVanishesAtAnyByteIsNoticed) {
  open_trusting(root);
  std::size_t answered = 0;
  for (std::size_t after = 1; answered == 0; after += 13) {
    PlannedServer& server = serve({.identity = &right, .tls = {.vanish_after = after}});
    const std::string got = outcome(server.url());
    if (got == "200 ok") {
      answered = after;
    } else {
      EXPECT_TRUE(got == "fetch.tls" || got == "fetch.closed") << got << " after " << after;
    }
    servers.clear();
  }
  EXPECT_GT(answered, 500U);
}

TEST_F(ClientTlsTest, ACancelledFetchEndsWhereverItStands) {
  open_trusting(root);
  dns["ocsp.example.test"] = {{"127.0.0.1"}};
  for (int turns_before = 0;; ++turns_before) {
    PlannedServer& server = serve({.piece = 5, .identity = &right});
    Outcome out;
    Cancellation cancellation;
    start(get(server.named_url("ocsp.example.test")), out, &cancellation);
    for (int i = 0; i < turns_before && !out; ++i) {
      step();
      turn();
    }
    if (out) {
      EXPECT_EQ(describe(*out), "200 ok");
      EXPECT_GT(turns_before, 8);
      return;
    }
    cancellation.cancel();
    ASSERT_TRUE(finish(out));
    EXPECT_EQ(describe(*out), "fetch.cancelled") << "after " << turns_before << " turns";
    EXPECT_EQ(client->idle(), 0U);
    servers.clear();
  }
}

}  // namespace
}  // namespace portcullis::fetch
