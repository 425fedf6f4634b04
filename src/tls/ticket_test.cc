// Stateless tickets as a hostile or unlucky client brings them: of other keys, damaged, oversized, empty, too late.
#include <openssl/tls1.h>

#include "tls/test_tls.h"
#include "tls/ticket_state.h"

namespace portcullis::tls {
namespace {

using std::chrono::hours;

std::string der_length(std::size_t size) {
  if (size < 128) return std::string(1, static_cast<char>(size));
  std::string digits;
  for (; size > 0; size >>= 8U) digits.insert(digits.begin(), static_cast<char>(size & 0xff));
  return static_cast<char>(0x80 | digits.size()) + digits;
}
std::string der(char tag, std::string_view content) { return tag + der_length(content.size()) + std::string(content); }

std::string ticket_of(const SSL_SESSION* session) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session, &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

// The same session on the client's side, with another ticket. OpenSSL has no call for it: its encoding is rewritten,
// where the ticket is the OCTET STRING in [10].
SessionRef with_ticket(const SSL_SESSION* session, const std::string& ticket) {
  unsigned char* encoded = nullptr;
  const int size = i2d_SSL_SESSION(const_cast<SSL_SESSION*>(session), &encoded);
  std::string text(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
  OPENSSL_free(encoded);
  // The outermost SEQUENCE is over 255 bytes long: 30 82 and two bytes of length.
  CHECK(text.size() > 260 && text[0] == 0x30 && static_cast<unsigned char>(text[1]) == 0x82);
  const std::string before = der('\xAA', der('\x04', ticket_of(session))), after = der('\xAA', der('\x04', ticket));
  const std::size_t at = text.find(before);
  CHECK(at != std::string::npos);
  text = der('\x30', text.substr(4).replace(at - 4, before.size(), after));
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  SessionRef made(d2i_SSL_SESSION(nullptr, &bytes, static_cast<long>(text.size())));
  CHECK(made.native() != nullptr);
  return made;
}

struct TicketTest : TlsTest, testing::WithParamInterface<int> {
  void SetUp() override {
    tickets = TicketKeys::of_this_process();
    open({{.verifier = verifier}, {.verifier = verifier, .digest = 2}, {}});
  }
  std::unique_ptr<Link> full(const char* sni = "l0.test") {
    auto link = connect({.version = GetParam(), .sni = sni, .certificate = &client});
    EXPECT_TRUE(link->good()) << link->error();
    EXPECT_NE(link->client->session(), nullptr);
    return link;
  }
  std::unique_ptr<Link> resume(SSL_SESSION* session, const char* sni = "l0.test") {
    auto link = connect({.version = GetParam(), .sni = sni, .session = session});
    EXPECT_TRUE(link->good()) << link->error();
    EXPECT_EQ(link->client->alert(), -1);
    return link;
  }
  // Silence: the client sees a full handshake, is asked for its certificate, and brings a ticket home again.
  void expect_refused(SSL_SESSION* session, const char* what) {
    const auto link = resume(session);
    EXPECT_FALSE(link->stream->info().resumed) << what;
    EXPECT_EQ(link->stream->info().peer, nullptr) << what;
    EXPECT_EQ(link->client->certificate_requests(), 1) << what;
    ASSERT_NE(link->client->session(), nullptr) << what;
    EXPECT_EQ(SSL_SESSION_has_ticket(link->client->session()), 1) << what;
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, TicketTest, testing::ValuesIn(kBothVersions),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TicketTest, TheServerKeepsNothingAndIssuesOne) {
  const auto first = full();
  EXPECT_EQ(SSL_SESSION_has_ticket(first->client->session()), 1);
  EXPECT_EQ(store->size(), 0U);
  // The name of the key stands in front, in clear; nothing of the certificate does.
  const std::string ticket = ticket_of(first->client->session());
  const TicketKeyPtr key = tickets->sealing(clock.mono());
  EXPECT_EQ(ticket.substr(0, 16), std::string(key->name.begin(), key->name.end()));
  EXPECT_EQ(ticket.find(client.certificate.der().substr(20, 16)), std::string::npos);
  // Each ticket is sealed with an IV of its own.
  EXPECT_NE(ticket.substr(16, 16), ticket_of(full()->client->session()).substr(16, 16));
  const auto second = resume(first->client->session());
  EXPECT_TRUE(second->stream->info().resumed);
  // What only the ticket needed is not held for as long as the connection lives.
  void* data = nullptr;
  std::size_t size = 1;
  SSL_SESSION_get0_ticket_appdata(SSL_get_session(first->client->ssl()), &data, &size);
  EXPECT_EQ(size, 0U);
}

TEST_P(TicketTest, ATicketDamagedAtAnyByteIsRefused) {
  const auto first = full();
  const std::string good = ticket_of(first->client->session());
  EXPECT_TRUE(resume(with_ticket(first->client->session(), good).native())->stream->info().resumed);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    const SessionRef session = with_ticket(first->client->session(), bad);
    const auto link = resume(session.native());
    ASSERT_FALSE(link->stream->info().resumed) << at;
    ASSERT_EQ(link->stream->info().peer, nullptr) << at;
  }
  EXPECT_EQ(verifier->recalled, 1);
}

TEST_P(TicketTest, ATicketCutShortOrGrownIsRefused) {
  const auto first = full();
  const std::string good = ticket_of(first->client->session());
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{31}, std::size_t{32}, std::size_t{63},
        std::size_t{64}, std::size_t{65}, good.size() - 32, good.size() - 16, good.size() - 1}) {
    expect_refused(with_ticket(first->client->session(), good.substr(0, size)).native(), "short");
  }
  for (const std::size_t more : {std::size_t{1}, std::size_t{16}, std::size_t{4096}, 60'000 - good.size()}) {
    expect_refused(with_ticket(first->client->session(), good + std::string(more, 'x')).native(), "long");
  }
  expect_refused(with_ticket(first->client->session(), std::string(64'000, 'x')).native(), "junk");
}

TEST_P(TicketTest, ATicketOfOtherKeysIsRefused) {
  const auto first = full();
  tickets = TicketKeys::of_this_process();
  open({{.verifier = verifier}});
  expect_refused(first->client->session(), "other keys");
  // With the other keys' name on it, so that one is found: the MAC tells.
  const TicketKeyPtr key = tickets->sealing(clock.mono());
  std::string renamed = ticket_of(first->client->session());
  std::copy(key->name.begin(), key->name.end(), renamed.begin());
  expect_refused(with_ticket(first->client->session(), renamed).native(), "renamed");
}

TEST_P(TicketTest, AnotherProcessWithTheSameKeysOpensIt) {
  const std::string file = "00112233445566778899aabbccddeeff" +
                           std::string("f2c1049e7d5b3a86e0917f6c5d2b48a3917ce05f6b3d8a24c1f09e7b5a3d6482") +
                           "0d4e8f1a2b6c7d9350718293a4b5c6d7e8f9012b3c4d5e6f7081a2b3c4d5e6f7\n";
  tickets = *TicketKeys::parse(file);
  open({{.verifier = verifier}});
  const auto first = full();
  const WallTime began = clock.wall();
  pass(hours(1));
  tickets = *TicketKeys::parse(file);
  const auto theirs = std::make_shared<FakeVerifier>();
  open({{.verifier = theirs}});
  const auto second = resume(first->client->session());
  EXPECT_TRUE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().original, began);
  // Another policy there: the same name, but not the same digest.
  open({{.verifier = theirs, .digest = 9}});
  expect_refused(first->client->session(), "other policy");
}

TEST_P(TicketTest, NeverCrossesASessionDigest) {
  const auto first = full();
  for (const char* sni : {"l1.test", "l2.test"}) {
    const auto link = resume(first->client->session(), sni);
    EXPECT_FALSE(link->stream->info().resumed) << sni;
    EXPECT_EQ(link->stream->info().peer, nullptr) << sni;
  }
  EXPECT_EQ(verifier->recalled, 0);
}

TEST_P(TicketTest, KeysAreReplacedWithoutAClientNoticing) {
  const auto first = full();
  pass(hours(7));
  tickets->sealing(clock.mono());
  pass(hours(5));  // the key is 12 hours old
  open({{.verifier = verifier}}, hours(30));
  const auto second = resume(first->client->session());
  ASSERT_TRUE(second->stream->info().resumed);
  // The client has a ticket of the new key now, of the same age.
  SSL_SESSION* renewed = SSL_get_session(second->client->ssl());
  if (GetParam() == TLS1_3_VERSION) renewed = second->client->session();
  ASSERT_NE(renewed, nullptr);
  EXPECT_NE(ticket_of(renewed).substr(0, 16), ticket_of(first->client->session()).substr(0, 16));
  pass(hours(13));
  expect_refused(first->client->session(), "a key of 25 hours");
  const auto third = resume(renewed);
  EXPECT_TRUE(third->stream->info().resumed);
  EXPECT_EQ(third->stream->info().original, first->stream->info().original);
  pass(hours(6));
  expect_refused(SSL_get_session(third->client->ssl()), "over the cap");
}

TEST_P(TicketTest, ARefusingVerifierOrOneThatCannotRecallMeansAFullHandshake) {
  const auto first = full();
  verifier->forgets = true;
  expect_refused(first->client->session(), "forgotten");
  verifier->forgets = false;
  verifier->resumable = false;
  expect_refused(first->client->session(), "not resumable");
}

TEST_P(TicketTest, AClientWithoutACertificateHasATicketToo) {
  const auto first = connect({.version = GetParam(), .sni = "l0.test"});
  ASSERT_NE(first->client->session(), nullptr);
  const auto second = resume(first->client->session());
  EXPECT_TRUE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, nullptr);
  EXPECT_EQ(verifier->recalled, 0);
}

// What does not fit a ticket gets none, and the handshake goes on.
TEST_P(TicketTest, AChainThatDoesNotFitGetsNoTicket) {
  verifier->padding = kMostPeerBytes;
  const auto first = connect({.version = GetParam(), .sni = "l0.test", .certificate = &client});
  ASSERT_TRUE(first->good()) << first->error();
  EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(first->client->ssl())), 0);
  if (GetParam() != TLS1_2_VERSION) return;
  unsigned int id_size = 1;
  SSL_SESSION_get_id(SSL_get_session(first->client->ssl()), &id_size);
  EXPECT_EQ(id_size, 0U);
}

TEST_P(TicketTest, ALeafThatDoesNotFitGetsNoTicket) {
  x509::CertSpec large;
  large.extensions = {{"nsComment", std::string(kMostLeafBytes, 'x')}};
  const x509::Issued heavy = pki.leaf("heavy", ca, large);
  const auto first = connect({.version = GetParam(), .sni = "l0.test", .certificate = &heavy});
  ASSERT_TRUE(first->good()) << first->error();
  EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(first->client->ssl())), 0);
}

TEST_P(TicketTest, ATwoTicketClientIsServedByTheGoodOne) {
  const auto first = full(), other = full("l1.test");
  // The wrong one first: refused; then the right one.
  EXPECT_FALSE(resume(other->client->session())->stream->info().resumed);
  EXPECT_TRUE(resume(first->client->session())->stream->info().resumed);
}

TEST_P(TicketTest, TheWallClockGoingBackIsNoWayAround) {
  const auto first = full();
  const WallTime began = clock.wall();
  clock.set_wall(began - hours(1));
  expect_refused(first->client->session(), "from the future");
  clock.set_wall(began + hours(9));
  expect_refused(first->client->session(), "over the cap");
  clock.set_wall(began + hours(7));
  EXPECT_TRUE(resume(first->client->session())->stream->info().resumed);
}

TEST_P(TicketTest, I3TwentyResumptionsDoNotOutliveTheCap) {
  const auto first = full();
  const WallTime began = clock.wall();
  std::vector<std::unique_ptr<Link>> links;
  SSL_SESSION* last = first->client->session();
  for (int i = 1; i <= 20; ++i) {
    pass(std::chrono::minutes(23));
    links.push_back(resume(last));
    ASSERT_TRUE(links.back()->stream->info().resumed) << i;
    EXPECT_EQ(links.back()->stream->info().original, began);
    if (links.back()->client->session() == nullptr) continue;
    last = links.back()->client->session();
    if (GetParam() == TLS1_2_VERSION) continue;
    // The client is promised what is left, not a lifetime from now on.
    EXPECT_LE(SSL_SESSION_get_ticket_lifetime_hint(last), 8U * 3600 - static_cast<unsigned int>(i) * 23 * 60);
  }
  pass(std::chrono::minutes(21));
  expect_refused(last, "eight hours and a minute");
}

// OpenSSL asks about a ticket of no bytes as well, with no session.
TEST(Tickets, AnEmptyTicketAsksForOne) {
  struct Fixture : TlsTest {
    void TestBody() override {}
  } f;
  f.tickets = TicketKeys::of_this_process();
  f.open({{.verifier = f.verifier}});
  const auto link = f.connect({.version = TLS1_2_VERSION, .certificate = &f.client});
  EXPECT_TRUE(link->good());
  EXPECT_EQ(SSL_SESSION_has_ticket(link->client->session()), 1);
}

// A TLS 1.2 client that does not speak tickets: nothing is kept for it, and its id finds nothing.
TEST(Tickets, ASessionIdFindsNothing) {
  struct Fixture : TlsTest {
    void TestBody() override {}
  } f;
  f.open({{.verifier = f.verifier}});
  const auto by_id = f.connect({.version = TLS1_2_VERSION, .certificate = &f.client});
  ASSERT_NE(by_id->client->session(), nullptr);
  f.tickets = TicketKeys::of_this_process();
  f.open({{.verifier = f.verifier}});
  const auto link = f.connect({.version = TLS1_2_VERSION, .session = by_id->client->session()});
  EXPECT_TRUE(link->good());
  EXPECT_FALSE(link->stream->info().resumed);
  EXPECT_EQ(link->stream->info().peer, nullptr);
}

}  // namespace
}  // namespace portcullis::tls
