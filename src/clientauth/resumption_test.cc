// Real handshakes, judged by the real verifier, under a clock that the test moves: what has become of the certificate
// between two handshakes decides, in every way that sessions are kept (mtls-invariants I4, L7).
#include "clientauth/test_policies.h"
#include "tls/test_tls.h"

namespace portcullis::clientauth {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct Kind {
  int version;
  bool tickets;
};

struct ResumptionTest : tls::TlsTest, testing::WithParamInterface<Kind> {
  ResumptionTest() {
    clock.set_wall(kNow);
    if (GetParam().tickets) tickets = tls::TicketKeys::of_this_process();
  }
  std::shared_ptr<Verifier> trusting(const std::string& pems, Mode mode = Mode::kStrict) {
    ClientPolicy policy;
    policy.mode = mode;
    policy.anchors = PolicyTest::trust({pems});
    return std::make_shared<Verifier>(std::move(policy), std::make_shared<ChainCache>());
  }
  // Asks responders, which have said what is in `answers`.
  std::shared_ptr<Verifier> asking_responders(const std::string& pems) {
    ClientPolicy policy;
    policy.mode = Mode::kStrict;
    policy.anchors = PolicyTest::trust({pems});
    policy.ocsp.emplace();
    return std::make_shared<Verifier>(std::move(policy), std::make_shared<ChainCache>(), answers);
  }
  // The answer to the one question about the client of `link`.
  void hear(const tls::Link& link, revocation::Outcome outcome) {
    const auto& record = static_cast<const PeerRecord&>(*link.stream->info().peer);
    ASSERT_EQ(record.ocsp.size(), 1U);
    auto answer = std::make_shared<OcspAnswer>();
    answer->query = record.ocsp.front();
    answer->status.outcome = outcome;
    answers->put(std::move(answer));
  }
  // Comes back with the newest session of `link`, and leaves there what came of it.
  bool resumes(std::unique_ptr<tls::Link>& link, const x509::Issued* who) {
    auto again = shake_hands(who, link->client->session());
    const bool resumed = again->stream->info().resumed;
    EXPECT_EQ(again->client->certificate_requests(), resumed ? 0 : 1);
    // TLS 1.2 goes on with the session that it has.
    if (!resumed || again->client->session() != nullptr) link = std::move(again);
    return resumed;
  }
  void serve(const std::shared_ptr<Verifier>& who) {
    gate = who;
    open({{.verifier = who}}, hours(24));
  }
  std::unique_ptr<tls::Link> shake_hands(const x509::Issued* who, SSL_SESSION* session = nullptr) {
    auto link = connect({.version = GetParam().version, .sni = "l0.test", .certificate = who, .session = session});
    EXPECT_TRUE(link->good()) << link->error();
    return link;
  }
  Verdict verdict(const tls::Link& link) {
    Admission admission(link.stream->info().peer, gate);
    return verdict_of(admission, clock.wall());
  }
  std::shared_ptr<Verifier> gate;
  std::shared_ptr<OcspAnswers> answers = std::make_shared<OcspAnswers>();
};

constexpr Kind kKinds[] = {
    {TLS1_2_VERSION, false}, {TLS1_3_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
INSTANTIATE_TEST_SUITE_P(Kinds, ResumptionTest, testing::ValuesIn(kKinds), [](const auto& info) {
  return std::string(info.param.version == TLS1_2_VERSION ? "Tls12" : "Tls13") + (info.param.tickets ? "Ticket" : "Id");
});

TEST_P(ResumptionTest, L7ACertificateThatExpiresBetweenTwoHandshakes) {
  const x509::Issued dying = pki.leaf("dying", ca, {.not_after = kNow + hours(1), .eku = "clientAuth"});
  serve(trusting(root.pem()));
  auto link = shake_hands(&dying);
  EXPECT_EQ(verdict(*link).outcome, Verdict::Outcome::kAdmitted);
  clock.set_wall(kNow + minutes(59));
  const auto in_time = shake_hands(nullptr, link->client->session());
  EXPECT_TRUE(in_time->stream->info().resumed);
  EXPECT_EQ(verdict(*in_time).outcome, Verdict::Outcome::kAdmitted);
  clock.set_wall(kNow + hours(1));
  // The connection that is open, the one that resumes, and the one that asks anew.
  EXPECT_EQ(verdict(*in_time).reason_code, x509::kReasonExpired);
  SSL_SESSION* last = in_time->client->session() != nullptr ? in_time->client->session() : link->client->session();
  const auto resumed = shake_hands(nullptr, last);
  EXPECT_FALSE(resumed->stream->info().resumed);
  EXPECT_EQ(resumed->client->certificate_requests(), 1);
  EXPECT_EQ(verdict(*resumed).outcome, Verdict::Outcome::kNoCertificate);
  const auto again = shake_hands(&dying, last);
  EXPECT_FALSE(again->stream->info().resumed);
  EXPECT_EQ(verdict(*again).reason_code, x509::kReasonExpired);
}

TEST_P(ResumptionTest, I4AnIntermediateThatExpiresBetweenTwoHandshakes) {
  const x509::Issued short_ca = pki.intermediate("Short CA", root, {.not_after = kNow + hours(1)});
  const x509::Issued who = pki.leaf("who", short_ca);
  serve(trusting(root.pem()));
  const auto link = shake_hands(&who);
  EXPECT_EQ(verdict(*link).outcome, Verdict::Outcome::kAdmitted);
  clock.set_wall(kNow + hours(2));
  const auto resumed = shake_hands(&who, link->client->session());
  EXPECT_FALSE(resumed->stream->info().resumed);
  EXPECT_EQ(verdict(*resumed).reason_code, x509::kReasonExpired);
}

TEST_P(ResumptionTest, I4ARevocationThatBecomesKnownBetweenTwoHandshakes) {
  const x509::Issued other = pki.leaf("other", ca);
  serve(asking_responders(root.pem()));
  auto link = shake_hands(&client), bystander = shake_hands(&other);
  EXPECT_TRUE(resumes(link, &client)) << "nothing is known";
  for (const revocation::Outcome said : {revocation::Outcome::kGood, revocation::Outcome::kTimeout}) {
    hear(*link, said);
    EXPECT_TRUE(resumes(link, &client)) << "the verdict on the request tells";
  }
  const std::size_t before = store->size();
  hear(*link, revocation::Outcome::kRevoked);
  EXPECT_FALSE(resumes(link, &client)) << "a full handshake, in silence";
  EXPECT_EQ(store->size(), before - (GetParam().tickets ? 0 : 1)) << "forgotten, and no new one kept";
  if (GetParam().tickets) {
    EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(link->client->ssl())), 0);
  }
  EXPECT_TRUE(resumes(bystander, &other)) << "nobody else is concerned";
  hear(*link, revocation::Outcome::kGood);
  link = shake_hands(&client);
  EXPECT_TRUE(resumes(link, &client)) << "taken back";
}

// The session digest stands still here, as if it were blind to trust: the peer's own trust has to tell.
TEST_P(ResumptionTest, I4ATrustThatChangedBetweenTwoHandshakes) {
  serve(trusting(root.pem()));
  const auto link = shake_hands(&client);
  const x509::Issued twin = pki.root("Root");  // the same name, another key
  serve(trusting(twin.pem()));
  const auto resumed = shake_hands(&client, link->client->session());
  EXPECT_FALSE(resumed->stream->info().resumed);
  EXPECT_EQ(verdict(*resumed).outcome, Verdict::Outcome::kRefused);
}

TEST_P(ResumptionTest, ARefusedClientHasNothingToResume) {
  const x509::Issued stranger = pki.leaf("stranger", pki.root("Elsewhere"));
  serve(trusting(root.pem()));
  const auto link = shake_hands(&stranger);
  EXPECT_EQ(verdict(*link).outcome, Verdict::Outcome::kRefused);
  const SSL_SESSION* session = SSL_get_session(link->client->ssl());
  if (GetParam().tickets) {
    EXPECT_EQ(SSL_SESSION_has_ticket(session), 0);
  }
  EXPECT_EQ(store->size(), 0U);
}

// A resumed shadow verdict is the one that a full handshake would get.
TEST_P(ResumptionTest, AShadowVerdictComesBack) {
  const x509::Issued dead = pki.leaf("dead", ca, {.not_after = kNow - hours(1), .eku = "clientAuth"});
  serve(trusting(root.pem(), Mode::kPassthrough));
  for (const x509::Issued* who : {&std::as_const(client), &dead}) {
    const auto link = shake_hands(who);
    const auto resumed = shake_hands(nullptr, link->client->session());
    EXPECT_TRUE(resumed->stream->info().resumed);
    EXPECT_EQ(verdict(*resumed).log_value, "PASSTHROUGH");
    EXPECT_EQ(verdict(*resumed).shadow, verdict(*link).shadow);
    EXPECT_EQ(verdict(*resumed).shadow == "SUCCESS", who == &client);
    const auto& was = static_cast<const PeerRecord&>(*link->stream->info().peer);
    const auto& is = static_cast<const PeerRecord&>(*resumed->stream->info().peer);
    EXPECT_EQ(is.presented, was.presented);
    EXPECT_EQ(is.identity.fingerprint, was.identity.fingerprint);
  }
}

}  // namespace
}  // namespace portcullis::clientauth
