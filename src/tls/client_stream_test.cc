#include "tls/client_stream.h"

#include <optional>

#include "event/test_loop.h"
#include "tls/test_server.h"

namespace portcullis::tls {
namespace {

using net::IoState;
using std::chrono::seconds;

event::Task<void> shake_client(ClientStream* stream, event::Deadline deadline, std::optional<Result<void>>* out) {
  auto outcome = co_await stream->handshake(deadline);
  *out = std::move(outcome);
}

struct Session {
  std::unique_ptr<ClientStream> stream;
  std::unique_ptr<TestServer> server;
  std::optional<Result<void>> outcome;

  std::string_view error() const { return outcome && !*outcome ? outcome->error().code : std::string_view(); }
  std::string message() const { return outcome && !*outcome ? outcome->error().message : std::string(); }
};

struct ClientStreamTest : event::ManualLoopTest {
  std::shared_ptr<const ClientContext> trusting(const x509::Issued& anchor, std::vector<std::string> alpn = {}) {
    ClientContextOptions options;
    options.roots = {anchor.certificate};
    options.alpn = std::move(alpn);
    auto made = ClientContext::create(options);
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  std::unique_ptr<Session> begin(const std::string& host, const x509::Issued& identity, TestServerOptions options = {},
                                 std::shared_ptr<const ClientContext> context = nullptr) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    if (context == nullptr) context = trusting(root);
    auto session = std::make_unique<Session>();
    auto tcp = std::make_unique<net::TcpStream>(*loop, net::Fd(fds[0]));
    session->stream = std::make_unique<ClientStream>(std::move(tcp), std::move(context), host);
    session->server = std::make_unique<TestServer>(net::Fd(fds[1]), identity, options);
    event::spawn(shake_client(session->stream.get(), loop->in(seconds(30)), &session->outcome));
    return session;
  }
  [[nodiscard]] bool finish(Session& session) {
    return turn_until([&] {
      session.server->step();
      return session.outcome.has_value();
    });
  }
  std::unique_ptr<Session> connect(const std::string& host, const x509::Issued& identity,
                                   TestServerOptions options = {},
                                   std::shared_ptr<const ClientContext> context = nullptr) {
    auto session = begin(host, identity, options, std::move(context));
    EXPECT_TRUE(finish(*session));
    return session;
  }
  x509::Issued named(const std::string& san) { return pki.leaf("server", ca, {.eku = "serverAuth", .san = san}); }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued server = named("DNS:ocsp.example.test,IP:127.0.0.1,IP:::1");
};

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

TEST_F(ClientStreamTest, AcceptsTheRightServerAndMovesBytesBothWays) {
  for (const int version : kVersions) {
    const auto session = connect("ocsp.example.test", server, {.version = version});
    ASSERT_TRUE(session->outcome && *session->outcome) << session->message();
    EXPECT_EQ(session->server->sni(), "ocsp.example.test");
    EXPECT_EQ(session->stream->protocol(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_FALSE(session->stream->cipher().empty());
    EXPECT_EQ(session->stream->alpn(), "");
    const std::string big(300'000, 'x');
    std::string_view left = big;
    std::string down;
    session->server->write("answer");
    ASSERT_TRUE(turn_until([&] {
      left.remove_prefix(session->stream->try_write(left).bytes);
      session->server->step();
      char chunk[64];
      const net::IoResult got = session->stream->try_read(chunk, sizeof chunk);
      down.append(chunk, got.bytes);
      return session->server->received().size() == big.size() && down == "answer";
    }));
    EXPECT_EQ(session->server->received(), big);
    session->server->say_goodbye();
    EXPECT_TRUE(turn_until([&] {
      char byte;
      return session->stream->try_read(&byte, 1).state == IoState::kEof;
    }));
  }
}

TEST_F(ClientStreamTest, AServerMayHaveAKeyOfAnyType) {
  for (const x509::TestKey key : {x509::TestKey::kP384, x509::TestKey::kP521, x509::TestKey::kRsa2048,
                                  x509::TestKey::kRsaPss, x509::TestKey::kEd25519, x509::TestKey::kEd448}) {
    const x509::Issued other = pki.leaf("server", ca, {.key = key, .eku = "serverAuth", .san = "DNS:a.example.test"});
    for (const int version : kVersions) {
      const auto session = connect("a.example.test", other, {.version = version});
      EXPECT_TRUE(session->outcome && *session->outcome) << static_cast<int>(key) << ' ' << session->message();
    }
  }
}

TEST_F(ClientStreamTest, RefusesEveryCertificateButTheRightOne) {
  const x509::Issued other_root = pki.root("Other Root");
  const x509::Issued other_ca = pki.intermediate("Other CA", other_root);
  const auto day = std::chrono::hours(24);
  const std::string san = "DNS:ocsp.example.test";
  struct Case {
    const char* claim;
    x509::Issued identity;
    const char* host = "ocsp.example.test";
    bool sends_chain = true;
  };
  const std::vector<Case> cases{
      {"another name", named("DNS:www.example.test")},
      {"a name below", named("DNS:a.ocsp.example.test")},
      {"no names, the right CN", pki.leaf("ocsp.example.test", ca, {.eku = "serverAuth"})},
      {"a partial wildcard", named("DNS:oc*.example.test")},
      {"a wildcard for two labels", named("DNS:*.test")},
      {"an address in a DNS name", named("DNS:127.0.0.1"), "127.0.0.1"},
      {"another address", named("IP:127.0.0.2"), "127.0.0.1"},
      {"a name for an address", named("DNS:localhost"), "[::1]"},
      {"expired", pki.leaf("s", ca, {.not_after = clock.wall() - day, .eku = "serverAuth", .san = san})},
      {"not yet valid", pki.leaf("s", ca, {.not_before = clock.wall() + day, .eku = "serverAuth", .san = san})},
      {"self-signed", pki.self_signed_leaf("s", {.eku = "serverAuth", .san = san})},
      {"another root", pki.leaf("s", other_ca, {.eku = "serverAuth", .san = san})},
      {"no intermediate", server, "ocsp.example.test", false},
      {"a client's certificate", pki.leaf("s", ca, {.eku = "clientAuth", .san = san})},
      {"a weak key", pki.leaf("s", ca, {.key = x509::TestKey::kRsa1024, .eku = "serverAuth", .san = san})},
      {"a weak digest", pki.leaf("s", ca, {.eku = "serverAuth", .san = san, .digest = "SHA1"})},
  };
  for (const Case& one : cases) {
    for (const int version : kVersions) {
      const auto session = connect(one.host, one.identity, {.version = version, .sends_chain = one.sends_chain});
      EXPECT_EQ(session->error(), "tls.server_certificate") << one.claim << ": " << session->message();
      EXPECT_NE(session->message().find(one.host), std::string::npos) << one.claim;
      char byte;
      EXPECT_EQ(session->stream->try_read(&byte, 1).state, IoState::kFailed) << one.claim;
      EXPECT_EQ(session->stream->try_write("x").state, IoState::kFailed) << one.claim;
    }
  }
}

TEST_F(ClientStreamTest, AcceptsWildcardsOfOneLabelAndAddresses) {
  const x509::Issued wildcard = named("DNS:*.example.test");
  for (const auto& [host, identity] : {std::pair<const char*, const x509::Issued*>{"ocsp.example.test", &wildcard},
                                       {"127.0.0.1", &server},
                                       {"[::1]", &server}}) {
    const auto session = connect(host, *identity);
    EXPECT_TRUE(session->outcome && *session->outcome) << host << ": " << session->message();
    EXPECT_EQ(session->server->sni(), identity == &server ? "" : host) << "an address is no SNI";
  }
}

TEST_F(ClientStreamTest, JudgesDatesByTheLoopsClock) {
  clock.set_wall(x509::kTestNotAfter + std::chrono::hours(24));
  turn();
  const auto session = connect("ocsp.example.test", server);
  EXPECT_EQ(session->error(), "tls.server_certificate");
  EXPECT_NE(session->message().find("expired"), std::string::npos) << session->message();
}

TEST_F(ClientStreamTest, AnEmptyHostIsRefusedInsteadOfUnchecked) {
  const auto session = connect("", server);
  EXPECT_EQ(session->error(), "tls.handshake_failed");
}

TEST_F(ClientStreamTest, SpeaksNothingOlderThanTls12) {
  const auto session = connect("ocsp.example.test", server, {.version = TLS1_1_VERSION});
  EXPECT_EQ(session->error(), "tls.handshake_failed") << session->message();
}

TEST_F(ClientStreamTest, OffersItsProtocolsAndReportsTheChosenOne) {
  const auto session = connect("ocsp.example.test", server, {.alpn = "h2"}, trusting(root, {"h2", "http/1.1"}));
  ASSERT_TRUE(session->outcome && *session->outcome) << session->message();
  EXPECT_EQ(session->stream->alpn(), "h2");
}

TEST_F(ClientStreamTest, AServerThatSpeaksNoTlsOrLeavesIsAnError) {
  for (const char* first : {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x03\x00\x02\x02\x28", ""}) {
    auto session = begin("ocsp.example.test", server);
    const std::string_view bytes = *first == '\x15' ? std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7) : first;
    session->server->write_raw(bytes);
    turn();
    session->server->vanish();
    EXPECT_TRUE(turn_until([&] { return session->outcome.has_value(); }));
    EXPECT_EQ(session->error(), bytes.empty() ? "net.reset" : "tls.handshake_failed") << session->message();
  }
}

TEST_F(ClientStreamTest, AServerThatVanishesAtAnyByteOfTheHandshakeIsNoticed) {
  for (const int version : kVersions) {
    std::size_t whole = 0;
    {
      const auto session = connect("ocsp.example.test", server, {.version = version});
      ASSERT_TRUE(session->outcome && *session->outcome);
      // The last flight (1.3: two tickets after the handshake; 1.2: Finished) may be needed or not: stop before it.
      whole = session->server->sent() - (version == TLS1_3_VERSION ? 600 : 1);
    }
    for (std::size_t after = 1; after < whole; after += 7) {
      const auto session = connect("ocsp.example.test", server, {.version = version, .vanish_after = after});
      EXPECT_EQ(session->error(), "net.reset") << after << " of " << whole << ": " << session->message();
    }
  }
}

TEST_F(ClientStreamTest, ASilentServerEndsByTheDeadlineAndCancellationEndsAnyWait) {
  auto silent = begin("ocsp.example.test", server);
  turns(3);
  EXPECT_FALSE(silent->outcome);
  pass(seconds(31));
  EXPECT_EQ(silent->error(), "net.timeout");

  auto cancelled = begin("ocsp.example.test", server);
  turn();
  cancelled->stream->watch().cancel();
  turns(2);
  EXPECT_EQ(cancelled->error(), "net.cancelled");
}

TEST_F(ClientStreamTest, AnEndWithoutGoodbyeIsNoEndOfContent) {
  const auto session = connect("ocsp.example.test", server);
  ASSERT_TRUE(session->outcome && *session->outcome);
  session->server->write("half");
  session->server->vanish();
  std::string got;
  IoState last = IoState::kDone;
  EXPECT_TRUE(turn_until([&] {
    char chunk[64];
    const net::IoResult result = session->stream->try_read(chunk, sizeof chunk);
    got.append(chunk, result.bytes);
    last = result.state;
    return last == IoState::kFailed || last == IoState::kEof;
  }));
  EXPECT_EQ(got, "half");
  EXPECT_EQ(last, IoState::kFailed);
}

// Messages that hold no content: without a bound one read would take them for as long as the server sends them.
TEST_F(ClientStreamTest, AFloodOfKeyUpdatesEndsTheConnection) {
  const auto session = connect("ocsp.example.test", server, {.version = TLS1_3_VERSION});
  ASSERT_TRUE(session->outcome && *session->outcome);
  bool broken = false;
  for (int round = 0; round < 20 && !broken; ++round) {
    for (int i = 0; i < 4000; ++i) {
      SSL_key_update(session->server->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(session->server->ssl());
    }
    session->server->write("");
    turn();
    char chunk[64];
    broken = session->stream->try_read(chunk, sizeof chunk).state == IoState::kFailed;
  }
  EXPECT_TRUE(broken);
}

TEST(ClientContext, RefusesWhatItCannotTrustOrOffer) {
  ClientContextOptions options;
  options.alpn = {""};
  auto made = ClientContext::create(options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "tls.context");

  ClientContextOptions suites;
  suites.policy.cipher_list = "NO-SUCH-SUITE";
  made = ClientContext::create(suites);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "tls.context");
}

}  // namespace
}  // namespace portcullis::tls
