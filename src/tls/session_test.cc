#include "tls/test_tls.h"

namespace portcullis::tls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// A session's client outlives the session's use: `first` holds it.
struct SessionTest : TlsTest, testing::WithParamInterface<int> {
  std::unique_ptr<Link> full(const char* sni = "l0.test") {
    auto link = connect({.version = GetParam(), .sni = sni, .certificate = &client});
    EXPECT_TRUE(link->good()) << link->error();
    EXPECT_FALSE(link->stream->info().resumed);
    EXPECT_NE(link->client->session(), nullptr);
    return link;
  }
  // Presents no certificate, so that only the session can say who it is.
  std::unique_ptr<Link> resume(Link& first, const char* sni = "l0.test") {
    auto link = connect({.version = GetParam(), .sni = sni, .session = first.client->session()});
    EXPECT_TRUE(link->good()) << link->error();
    return link;
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, SessionTest, testing::ValuesIn(kBothVersions),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(SessionTest, ResumesWithThePeerAndTimeOfTheFullHandshake) {
  open({{.verifier = verifier}});
  const auto first = full();
  const WallTime began = clock.wall();
  pass(hours(1));
  const auto second = resume(*first);
  EXPECT_TRUE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, first->stream->info().peer);
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
  const auto first = connect({.version = GetParam()});
  const auto second = connect({.version = GetParam(), .certificate = &client, .session = first->client->session()});
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
  const auto second =
      connect({.version = GetParam(), .sni = "l0.test", .certificate = &client, .session = first->client->session()});
  ASSERT_TRUE(second->good()) << second->error();
  EXPECT_EQ(second->client->alert(), -1);
  EXPECT_FALSE(second->stream->info().resumed);
  EXPECT_EQ(verifier->judged, 2);
  EXPECT_NE(second->stream->info().peer, first->stream->info().peer);
  // Refused once is refused for good.
  verifier->resumable = true;
  EXPECT_FALSE(resume(*first)->stream->info().resumed);
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
  open({{.verifier = verifier}});
  const auto first = full();
  EXPECT_TRUE(resume(*first)->stream->info().resumed);
  const auto again = resume(*first);
  EXPECT_EQ(again->stream->info().resumed, GetParam() == TLS1_2_VERSION);
  if (GetParam() == TLS1_2_VERSION) return;
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

TEST_P(SessionTest, WithoutAStoreNothingIsResumed) {
  store = nullptr;
  open({{.verifier = verifier}});
  const auto first = connect({.version = GetParam(), .certificate = &client});
  ASSERT_TRUE(first->good());
  if (first->client->session() == nullptr) return;  // as TLS 1.3 has it
  EXPECT_FALSE(resume(*first)->stream->info().resumed);
}

TEST_P(SessionTest, AnotherDoorsSessionMeansNothing) {
  open({{.verifier = verifier}});
  const auto first = full();
  store = std::make_shared<SessionStore>();
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
  const auto third = connect({.session = second->client->session()});
  EXPECT_TRUE(third->stream->info().resumed);
  EXPECT_EQ(third->stream->info().peer, nullptr);
}

}  // namespace
}  // namespace portcullis::tls
