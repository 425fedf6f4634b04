#include "base/strings.h"
#include "tls/test_tls.h"

namespace portcullis::tls {
namespace {

TEST_F(TlsTest, HandshakeProvesTheClientInBothVersions) {
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .sni = "L0.test", .certificate = &client});
    ASSERT_TRUE(link->good()) << link->error();
    const HandshakeInfo& info = link->stream->info();
    EXPECT_EQ(info.sni, "l0.test");
    EXPECT_FALSE(info.resumed);
    EXPECT_EQ(info.original, clock.wall());
    ASSERT_NE(info.peer, nullptr);
    const auto& presented = static_cast<const FakePeer&>(*info.peer).presented;
    ASSERT_EQ(presented.size(), 2U);
    EXPECT_EQ(presented[0], client.certificate);
    EXPECT_EQ(presented[1], ca.certificate);
    EXPECT_EQ(link->stream->protocol(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_FALSE(link->stream->cipher().empty());
    EXPECT_NE(link->stream->client_ciphers().find(link->stream->cipher()), std::string::npos);
  }
}

// Found at P-521, which a client could not have over TLS 1.2.
TEST_F(TlsTest, AClientMayHaveAKeyOfAnyType) {
  open({{.verifier = verifier}});
  for (const x509::TestKey key :
       {x509::TestKey::kP256, x509::TestKey::kP384, x509::TestKey::kP521, x509::TestKey::kRsa2048,
        x509::TestKey::kRsaPss, x509::TestKey::kEd25519, x509::TestKey::kEd448}) {
    const x509::Issued own = pki.leaf("other", ca, {.key = key, .eku = "clientAuth"});
    for (const int version : kBothVersions) {
      const auto link = connect({.version = version, .certificate = &own});
      ASSERT_TRUE(link->good()) << static_cast<int>(key) << ' ' << link->error();
      ASSERT_NE(link->stream->info().peer, nullptr);
    }
  }
}

TEST_F(TlsTest, AListenerMayHaveAKeyOfAnyType) {
  for (const x509::TestKey key : {x509::TestKey::kP384, x509::TestKey::kP521, x509::TestKey::kRsa2048,
                                  x509::TestKey::kRsaPss, x509::TestKey::kEd25519, x509::TestKey::kEd448}) {
    const x509::Issued own = pki.leaf("listener", ca, {.key = key, .eku = "serverAuth"});
    open({{.identity = &own}});
    for (const int version : kBothVersions) {
      const auto link = connect({.version = version});
      EXPECT_TRUE(link->good()) << static_cast<int>(key) << ' ' << link->error();
    }
  }
}

// OpenSSL offers a signature where it finds the type of its keys, and what checks it: all of them, whether or not with
// crypto/tls_library.
TEST_F(TlsTest, ACertificateRequestOffersEverySignatureThatOpenSslKnows) {
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .certificate = &client});
    ASSERT_TRUE(link->good()) << link->error();
    SSL* const ssl = link->client->ssl();
    std::string offered;
    for (int i = 0; i < SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr); ++i) {
      unsigned char signature = 0, hash = 0;
      SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &signature, &hash);
      offered += hex_lower(std::string{static_cast<char>(hash), static_cast<char>(signature)}) + ' ';
    }
    const unsigned char* types = nullptr;
    const std::size_t count = SSL_get0_certificate_types(ssl, &types);
    offered += "types " + hex_lower(std::string(reinterpret_cast<const char*>(types), count));
    const std::string_view both = "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 ";
    EXPECT_EQ(offered, std::string(both) + (version == TLS1_2_VERSION ? "0302 0402 0502 0602 types 010240" : "types "));
  }
}

TEST_F(TlsTest, AClientWithoutACertificateIsNotJudged) {
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version});
    ASSERT_TRUE(link->good()) << link->error();
    EXPECT_EQ(link->stream->info().peer, nullptr);
    EXPECT_EQ(link->client->certificate_requests(), 1);
  }
  EXPECT_EQ(verifier->judged, 0);
}

// Verify mode, versions, CA names and session context are not carried over by SSL_set_SSL_CTX: all must follow the SNI.
TEST_F(TlsTest, SniAppliesTheWholeListenerWhicheverIsTheDefault) {
  const std::vector<std::string> names{ca.certificate.subject_der(), root.certificate.subject_der()};
  const ListenerSpec open_one{.policy = policy_of(TLS1_2_VERSION, TLS1_3_VERSION), .digest = 1};
  const ListenerSpec strict{
      .policy = policy_of(TLS1_3_VERSION, TLS1_3_VERSION), .verifier = verifier, .ca_names = names, .digest = 2};
  for (const bool strict_first : {false, true}) {
    if (strict_first) {
      open({strict, open_one});
    } else {
      open({open_one, strict});
    }
    const char* open_sni = strict_first ? "l1.test" : "l0.test";
    const char* strict_sni = strict_first ? "l0.test" : "l1.test";
    for (const int version : kBothVersions) {
      const auto link = connect({.version = version, .sni = open_sni, .certificate = &client});
      ASSERT_TRUE(link->good()) << link->error();
      EXPECT_EQ(link->client->certificate_requests(), 0);
      EXPECT_EQ(link->stream->info().peer, nullptr);
      EXPECT_EQ(link->stream->info().listener, strict_first ? 1U : 0U);
    }
    const auto old = connect({.version = TLS1_2_VERSION, .sni = strict_sni, .certificate = &client});
    EXPECT_EQ(old->error(), "tls.handshake_failed");
    EXPECT_EQ(old->client->alert(), SSL_AD_PROTOCOL_VERSION);
    const auto link = connect({.sni = strict_sni, .certificate = &client});
    ASSERT_TRUE(link->good()) << link->error();
    EXPECT_EQ(link->stream->protocol(), "TLSv1.3");
    EXPECT_EQ(link->client->certificate_requests(), 1);
    EXPECT_NE(link->stream->info().peer, nullptr);
    EXPECT_EQ(sk_X509_NAME_num(SSL_get0_peer_CA_list(link->client->ssl())), 2);
  }
}

TEST_F(TlsTest, AListenerOf12OnlyNeverSpeaks13) {
  open({{}, {.policy = policy_of(TLS1_2_VERSION, TLS1_2_VERSION)}});
  EXPECT_EQ(connect({.sni = "l1.test"})->stream->protocol(), "TLSv1.2");
  EXPECT_FALSE(connect({.version = TLS1_3_VERSION, .sni = "l1.test"})->good());
}

// ALPN is answered by the listener that the SNI means, not by the one the handshake began with.
TEST_F(TlsTest, Http2IsAgreedOnlyWhereTheListenerHasIt) {
  constexpr std::string_view kBoth = "\x02h2\x08http/1.1";
  constexpr std::string_view kHttp2Only = "\x02h2";
  struct Case {
    int version;
    const char* sni;
    std::string_view offered;
    const char* ciphers;
    std::string_view agreed;
  };
  open({{.http2 = false}, {.digest = 2, .http2 = true}});
  const Case cases[] = {
      {TLS1_3_VERSION, "l0.test", kBoth, nullptr, "http/1.1"},
      {TLS1_3_VERSION, "l1.test", kBoth, nullptr, "h2"},
      {TLS1_3_VERSION, "l0.test", kHttp2Only, nullptr, ""},
      {TLS1_3_VERSION, "l1.test", kHttp2Only, nullptr, "h2"},
      {TLS1_3_VERSION, "l1.test", "", nullptr, ""},
      {TLS1_2_VERSION, "l1.test", kBoth, nullptr, "h2"},
      // RFC 9113 §9.2.2: clients break HTTP/2 off over such a cipher.
      {TLS1_2_VERSION, "l1.test", kBoth, "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256", "http/1.1"},
  };
  for (const Case& one : cases) {
    const auto link = connect({.version = one.version, .sni = one.sni, .alpn = one.offered, .ciphers = one.ciphers});
    ASSERT_TRUE(link->good()) << link->error();
    EXPECT_EQ(link->stream->alpn(), one.agreed) << one.sni << ' ' << link->stream->cipher();
  }
}

TEST_F(TlsTest, ANameThatNobodyServesIsRefusedWithItsAlert) {
  open({{}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .sni = "nobody.test"});
    EXPECT_EQ(link->error(), "tls.handshake_failed");
    EXPECT_EQ(link->client->alert(), SSL_AD_UNRECOGNIZED_NAME);
  }
}

TEST_F(TlsTest, AnSniThatIsNoHostNameCountsAsNone) {
  open({{}});
  for (const char* sni : {"a b.test", "..", "*.test", "caf\xc3\xa9.test"}) {
    const auto link = connect({.sni = sni});
    ASSERT_TRUE(link->good()) << sni;
    EXPECT_EQ(link->stream->info().sni, "");
  }
}

TEST_F(TlsTest, AChainThatTheJudgeRefusesEndsTheHandshakeWithAnAlert) {
  verifier->refuses = true;
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .certificate = &client});
    EXPECT_EQ(link->error(), "tls.presented_over_limits");
    EXPECT_EQ(link->client->alert(), SSL_AD_BAD_CERTIFICATE);
    EXPECT_EQ(link->client->session(), nullptr);
  }
  EXPECT_EQ(store->size(), 0U);
}

TEST_F(TlsTest, AChainOverTheByteLimitIsNeverJudged) {
  open({{.verifier = verifier, .presented_bytes = 512}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .certificate = &client});
    EXPECT_EQ(link->error(), "tls.handshake_failed");
    EXPECT_NE(link->client->alert(), -1);
  }
  EXPECT_EQ(verifier->judged, 0);
}

TEST_F(TlsTest, PossessionOfTheKeyIsProven) {
  open({{.verifier = verifier}});
  const x509::Issued stranger = pki.leaf("client", ca);
  const x509::Issued stolen{client.certificate, stranger.key, client.issuers};
  for (const int version : kBothVersions) {
    // OpenSSL's client refuses to pair them, so it sends no certificate: nobody may be known by it.
    const auto link = connect({.version = version, .certificate = &stolen});
    EXPECT_EQ(link->stream->info().peer, nullptr);
  }
}

TEST_F(TlsTest, BytesMayComeOneByOne) {
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version, .sni = "l0.test", .certificate = &client, .piece = 1});
    ASSERT_TRUE(link->good()) << link->error();
    EXPECT_NE(link->stream->info().peer, nullptr);
  }
}

TEST_F(TlsTest, BytesReadBeforeOpenSslTookOverCount) {
  open({{}});
  for (const std::size_t early : {1U, 5U, 100U, 100'000U}) {
    auto [near, far] = sockets();
    Link link;
    link.client = std::make_unique<TestClient>(std::move(far), ClientOptions{});
    link.client->step();
    std::string first(early, '\0');
    const ssize_t got = ::recv(near.get(), first.data(), first.size(), MSG_DONTWAIT);
    ASSERT_GT(got, 0);
    first.resize(static_cast<std::size_t>(got));
    link.stream = std::make_unique<TlsStream>(std::make_unique<net::TcpStream>(*loop, std::move(near)), *door, first);
    event::spawn(shake(link.stream.get(), event::kNoDeadline, &link.outcome));
    ASSERT_TRUE(finish(link));
    EXPECT_TRUE(link.good()) << link.error();
  }
}

TEST_F(TlsTest, GarbageEndsTheHandshake) {
  open({{.verifier = verifier}});
  std::string noise;
  for (unsigned i = 0, x = 1; i < 50'000; ++i) noise += static_cast<char>((x = x * 1664525U + 1013904223U) >> 24U);
  const std::string cases[] = {"GET / HTTP/1.1\r\n\r\n",
                               std::string(20'000, '\0'),
                               std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x'),
                               std::string("\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9),
                               std::string("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11),
                               std::string("\x15\x03\x03\x00\x02\x02\x28", 7),
                               std::string("\x17\x03\x03\x00\x05hello", 10),
                               noise,
                               "\x16" + noise,
                               ""};
  for (const std::string& bytes : cases) {
    auto link = begin();
    [[maybe_unused]] const auto put = ::send(link->client->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    turns(3);
    link->client->vanish();
    ASSERT_TRUE(turn_until([&] { return link->outcome.has_value(); }));
    EXPECT_FALSE(*link->outcome);
    EXPECT_EQ(link->outcome->error().origin, Origin::kClient);
  }
}

TEST_F(TlsTest, AClientMayVanishAfterAnyByte) {
  open({{.verifier = verifier}});
  for (const int version : kBothVersions) {
    const ClientOptions options{.version = version, .sni = "l0.test", .certificate = &client};
    const std::size_t whole = connect(options)->client->sent();
    ASSERT_GT(whole, 500U);
    for (std::size_t cut = 0; cut < whole - 100; cut += cut < 64 || cut > whole - 200 ? 1 : 5) {
      ClientOptions vanishing = options;
      vanishing.vanish_after = cut;
      auto link = begin(vanishing);
      ASSERT_TRUE(turn_until([&] {
        link->client->step();
        return link->outcome.has_value();
      })) << cut;
      EXPECT_FALSE(*link->outcome) << cut;
      link->stream->shutdown_write();
    }
  }
}

TEST_F(TlsTest, ASilentClientIsGivenUpAtTheDeadline) {
  open({{}});
  auto link = begin();
  turns(3);
  EXPECT_FALSE(link->outcome);
  pass(std::chrono::seconds(31));
  EXPECT_EQ(link->error(), "net.timeout");
}

TEST_F(TlsTest, ACancelledHandshakeEnds) {
  open({{}});
  auto link = begin();
  link->stream->watch().cancel();
  turns(2);
  EXPECT_EQ(link->error(), "net.cancelled");
}

// The kernel takes part of the server's flight: the rest must follow although the client, waiting for it, sends
// nothing.
TEST_F(TlsTest, AFlightThatTheKernelTakesInPartsStallsNoHandshake) {
  ListenerSpec spec{.verifier = verifier};
  for (int i = 0; i < 300; ++i) {
    spec.ca_names.push_back(pki.root(std::string(50, 'x') + std::to_string(i)).certificate.subject_der());
  }
  open({spec});
  for (const int version : kBothVersions) {
    auto [near, far] = sockets();
    const int tiny = 1;
    ASSERT_EQ(setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny), 0);
    Link link;
    link.stream = std::make_unique<TlsStream>(std::make_unique<net::TcpStream>(*loop, std::move(near)), *door, "");
    link.client =
        std::make_unique<TestClient>(std::move(far), ClientOptions{.version = version, .certificate = &client});
    event::spawn(shake(link.stream.get(), loop->in(std::chrono::seconds(30)), &link.outcome));
    for (int i = 0; i < 500 && !link.outcome; ++i) {
      link.client->step();
      turn();
    }
    EXPECT_TRUE(link.outcome && *link.outcome);
    if (!link.outcome) pass(std::chrono::minutes(1));
  }
}

}  // namespace
}  // namespace portcullis::tls
