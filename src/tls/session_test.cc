#include "tls/test_tls.h"

namespace portcullis::tls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Kind {
  int version;
  bool tickets;  // else stateful
};

// A session's client outlives the session's use: `first` holds it.
struct SessionTest : TlsTest, testing::WithParamInterface<Kind> {
  SessionTest() {
    if (GetParam().tickets) tickets = TicketKeys::of_this_process();
  }
  std::unique_ptr<Link> full(const char* sni = "l0.test") {
    auto link = connect({.version = GetParam().version, .sni = sni, .certificate = &client});
    EXPECT_TRUE(link->good()) << link->error();
    EXPECT_FALSE(link->stream->info().resumed);
    EXPECT_NE(link->client->session(), nullptr);
    return link;
  }
  // Presents no certificate, so that only the session can say who it is.
  std::unique_ptr<Link> resume(Link& first, const char* sni = "l0.test") {
    auto link = connect({.version = GetParam().version, .sni = sni, .session = first.client->session()});
    EXPECT_TRUE(link->good()) << link->error();
    return link;
  }
};

constexpr Kind kKinds[] = {
    {TLS1_2_VERSION, false}, {TLS1_3_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
INSTANTIATE_TEST_SUITE_P(Kinds, SessionTest, testing::ValuesIn(kKinds), [](const auto& info) {
  return std::string(info.param.version == TLS1_2_VERSION ? "Tls12" : "Tls13") + (info.param.tickets ? "Ticket" : "Id");
});

const FakePeer& peer_of(const Link& link) { return static_cast<const FakePeer&>(*link.stream->info().peer); }

TEST_P(SessionTest, ResumesWithThePeerAndTimeOfTheFullHandshake) {
  open({{.verifier = verifier}});
  const auto first = full();
  const WallTime began = clock.wall();
  pass(hours(1));
  const auto second = resume(*first);
  EXPECT_TRUE(second->stream->info().resumed);
  ASSERT_NE(second->stream->info().peer, nullptr);
  EXPECT_EQ(peer_of(*second).presented.front(), peer_of(*first).presented.front());
  EXPECT_EQ(second->stream->info().peer == first->stream->info().peer, !GetParam().tickets);
  if (GetParam().tickets) {
    EXPECT_EQ(peer_of(*second).note, peer_of(*first).presented.at(1).der());
    EXPECT_EQ(store->size(), 0U);
  }
  EXPECT_EQ(second->stream->info().original, began);
  EXPECT_EQ(second->client->certificate_requests(), 0);
  ASSERT_EQ(verifier->asked.size(), 1U);
  EXPECT_EQ(verifier->asked[0].second, began);
  EXPECT_EQ(verifier->judged, 1);
}

TEST_P(SessionTest, OriginalTimeSurvivesAChainOfResumptions) {
  open({{.verifier = verifier}}, hours(3));
  const WallTime began = clock.wall();
  auto link = full();
  const auto first = std::move(link);
  Link* last = first.get();
  std::vector<std::unique_ptr<Link>> links;
  for (int i = 0; i < 2; ++i) {
    pass(hours(1));
    links.push_back(resume(*last));
    ASSERT_TRUE(links.back()->stream->info().resumed);
    EXPECT_EQ(links.back()->stream->info().original, began);
    // In TLS 1.2 the same session goes on.
    if (links.back()->client->session() != nullptr) last = links.back().get();
  }
  // Resuming never makes a session younger.
  pass(hours(1));
  EXPECT_FALSE(resume(*last)->stream->info().resumed);
}

TEST_P(SessionTest, ASessionWithoutACertificateStaysWithout) {
  open({{.verifier = verifier}});
  const auto first = connect({.version = GetParam().version});
  const auto second =
      connect({.version = GetParam().version, .certificate = &client, .session = first->client->session()});
  ASSERT_TRUE(second->good());
  EXPECT_TRUE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, nullptr);
}

TEST_P(SessionTest, NeverCrossesASessionDigest) {
  const auto other = std::make_shared<FakeVerifier>();
  open({{.verifier = verifier, .digest = 1}, {.verifier = other, .digest = 2}, {.digest = 3}});
  const auto first = full();
  for (const char* sni : {"l1.test", "l2.test"}) {
    const auto crossed = resume(*first, sni);
    EXPECT_FALSE(crossed->stream->info().resumed) << sni;
    EXPECT_EQ(crossed->stream->info().peer, nullptr) << sni;
    EXPECT_EQ(crossed->client->certificate_requests(), sni[1] == '1' ? 1 : 0);
  }
  EXPECT_TRUE(other->asked.empty());
}

TEST_P(SessionTest, ARefusedResumptionIsAFullHandshakeInSilence) {
  open({{.verifier = verifier}});
  const auto first = full();
  verifier->resumable = false;
  const auto second = connect(
      {.version = GetParam().version, .sni = "l0.test", .certificate = &client, .session = first->client->session()});
  ASSERT_TRUE(second->good()) << second->error();
  EXPECT_EQ(second->client->alert(), -1);
  EXPECT_FALSE(second->stream->info().resumed);
  EXPECT_EQ(verifier->judged, 2);
  EXPECT_NE(second->stream->info().peer, first->stream->info().peer);
  // Refused once is refused for good where it can be forgotten.
  verifier->resumable = true;
  EXPECT_EQ(resume(*first)->stream->info().resumed, GetParam().tickets);
}

TEST_P(SessionTest, EndsWithItsLifetime) {
  for (const auto& [age, resumes] : {std::pair{seconds(99), true}, {seconds(100), false}, {seconds(-10), false}}) {
    open({{.verifier = verifier}}, seconds(100));
    const auto first = full();
    const WallTime began = clock.wall();
    clock.set_wall(began + age);
    EXPECT_EQ(resume(*first)->stream->info().resumed, resumes) << age.count();
    clock.set_wall(began);
  }
}

TEST_P(SessionTest, IsGoodForOneUseInTls13) {
  if (GetParam().tickets) GTEST_SKIP() << "a ticket cannot be forgotten";
  open({{.verifier = verifier}});
  const auto first = full();
  EXPECT_TRUE(resume(*first)->stream->info().resumed);
  const auto again = resume(*first);
  EXPECT_EQ(again->stream->info().resumed, GetParam().version == TLS1_2_VERSION);
  if (GetParam().version == TLS1_2_VERSION) return;
  EXPECT_EQ(again->stream->info().peer, nullptr);
}

TEST_P(SessionTest, AClientThatVanishesKeepsItsSession) {
  open({{.verifier = verifier}});
  const auto first = full();
  first->client->vanish();
  turns(2);
  char byte = 0;
  EXPECT_EQ(first->stream->try_read(&byte, 1).state, net::IoState::kEof);
  first->stream.reset();
  EXPECT_TRUE(resume(*first)->stream->info().resumed);
}

TEST_P(SessionTest, WithoutStoreAndKeysThereIsNoSession) {
  store = nullptr;
  tickets = nullptr;
  open({{.verifier = verifier}, {}});
  for (const char* sni : {"l0.test", "l1.test"}) {
    const auto first = connect({.version = GetParam().version, .sni = sni, .certificate = &client});
    ASSERT_TRUE(first->good());
    unsigned int id_size = 0;
    SSL_SESSION_get_id(SSL_get_session(first->client->ssl()), &id_size);
    EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(first->client->ssl())), 0);
    if (GetParam().version == TLS1_2_VERSION) {
      EXPECT_EQ(id_size, 0U);
    } else {
      EXPECT_EQ(first->client->session(), nullptr);
    }
  }
}

// What a client was given under one setting means nothing under another.
TEST_P(SessionTest, MeansNothingWhereSessionsAreKeptAnotherWay) {
  open({{.verifier = verifier}});
  const auto first = full();
  for (int other = 0; other < 2; ++other) {
    tickets = GetParam().tickets ? nullptr : TicketKeys::of_this_process();
    if (other == 1) tickets = nullptr, store = nullptr;
    open({{.verifier = verifier}});
    const auto second = resume(*first);
    EXPECT_FALSE(second->stream->info().resumed);
    EXPECT_EQ(second->stream->info().peer, nullptr);
    EXPECT_EQ(second->client->alert(), -1);
  }
}

TEST_P(SessionTest, AnotherDoorsSessionMeansNothing) {
  open({{.verifier = verifier}});
  const auto first = full();
  store = std::make_shared<SessionStore>();
  if (GetParam().tickets) tickets = TicketKeys::of_this_process();
  open({{.verifier = verifier}});
  const auto second = resume(*first);
  EXPECT_FALSE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, nullptr);
}

// A session that is looked up but cannot be used (its hash is not the suite's) must not lend its peer.
TEST_F(TlsTest, ASessionLookedUpButNotUsedLendsNoPeer) {
  const auto with_suite = [&](const char* suite) {
    return make_door({{.policy = policy_of(TLS1_3_VERSION, TLS1_3_VERSION, suite), .verifier = verifier}});
  };
  const auto first_door = with_suite("TLS_AES_128_GCM_SHA256");
  const auto second_door = with_suite("TLS_AES_256_GCM_SHA384");
  door = first_door;
  const auto first = connect({.certificate = &client});
  ASSERT_TRUE(first->good());
  door = second_door;
  const auto second = connect({.session = first->client->session()});
  ASSERT_TRUE(second->good()) << second->error();
  EXPECT_EQ(verifier->asked.size(), 1U);  // it was looked up
  EXPECT_FALSE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, nullptr);
  // Nor through the session that this handshake made.
  if (second->client->session() == nullptr) GTEST_SKIP() << "this OpenSSL issues no ticket after such a handshake";
  const auto third = connect({.session = second->client->session()});
  EXPECT_TRUE(third->stream->info().resumed);
  EXPECT_EQ(third->stream->info().peer, nullptr);
}

}  // namespace
}  // namespace portcullis::tls
