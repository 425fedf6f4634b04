#include "clientauth/ocsp_service.h"

#include "clientauth/test_ocsp_service.h"

namespace portcullis::clientauth {
namespace {

using revocation::Outcome;

struct OcspServiceTest : OcspTest {};

TEST_F(OcspServiceTest, AsksOnceForAnyNumberOfConnections) {
  hold = true;
  std::vector<std::shared_ptr<OcspDesk::Check>> checks;
  const auto query = query_of(client);
  for (int i = 0; i < 1000; ++i) checks.push_back(ask(query));
  turns(3);
  EXPECT_EQ(requests.size(), 1U);
  let_go();
  for (const auto& check : checks) {
    EXPECT_EQ(text(*check), "good");
    EXPECT_FALSE(check->cache_hit);
  }
  EXPECT_EQ(requests.size(), 1U);
  EXPECT_EQ(service->counts().shared, 999U);
  EXPECT_TRUE(ask(query)->cache_hit);
}

TEST_F(OcspServiceTest, AsksForEachCertificate) {
  EXPECT_EQ(said(query_of(client)), "good");
  subject = &other;
  EXPECT_EQ(said(query_of(other)), "good");
  EXPECT_EQ(requests.size(), 2U);
}

TEST_F(OcspServiceTest, KeepsAnAnswerUntilItsNextUpdate) {
  const auto query = query_of(client);
  EXPECT_EQ(said(query), "good");
  const auto left_alone = [&] { answers.last(query->key)->used = false; };
  left_alone();
  pass(3599s);
  EXPECT_EQ(said(query), "good");
  EXPECT_EQ(requests.size(), 1U);
  left_alone();
  pass(2s);
  EXPECT_EQ(said(query), "good");
  EXPECT_EQ(requests.size(), 2U);
}

TEST_F(OcspServiceTest, KeepsNoAnswerWithoutNextUpdate) {
  valid_for.reset();
  const auto query = query_of(client);
  const auto first = ask(query);
  turns(3);
  EXPECT_EQ(text(*first), "good");
  EXPECT_EQ(said(query), "good");
  EXPECT_EQ(requests.size(), 2U);
  EXPECT_TRUE(first->answer->superseded);
  const auto last = ask(query);
  turns(3);
  EXPECT_TRUE(last->answer->holds_at(loop->wall_now() + 9s)) << "for the connection that waited for it";
  EXPECT_FALSE(last->answer->holds_at(loop->wall_now() + 11s));
  EXPECT_FALSE(last->answer->usable_at(loop->wall_now()));
}

TEST_F(OcspServiceTest, RemembersFailuresForSecondsAndLongerEachTime) {
  failing = Outcome::kUnreachable;
  const auto query = query_of(client);
  for (const auto memory : {2s, 4s, 8s, 16s, 16s}) {
    EXPECT_EQ(said(query), "ocsp.unreachable");
    const std::size_t asked = requests.size();
    pass(memory - 100ms);
    EXPECT_EQ(said(query), "ocsp.unreachable");
    EXPECT_EQ(requests.size(), asked) << memory.count();
    pass(200ms);
  }
  // A certificate that was not asked about yet has its one query, and success ends it all.
  failing.reset();
  subject = &other;
  EXPECT_EQ(said(query_of(other)), "good");
  subject = &client;
  pass(16s);
  EXPECT_EQ(said(query), "good");
  failing = Outcome::kHttpStatus;
  pass(24h);
  EXPECT_EQ(said(query), "ocsp.http_status");
  pass(4100ms);
  failing.reset();
  EXPECT_EQ(said(query), "good");
}

TEST_F(OcspServiceTest, RefreshesAheadWhileAConnectionHoldsTheAnswer) {
  const auto query = query_of(client);
  const auto held = ask(query);
  turns(3);
  held->answer->used = false;
  EXPECT_EQ(requests.size(), 1U);
  pass(3600s * 60 / 100);
  EXPECT_EQ(requests.size(), 1U);
  pass(3600s * 30 / 100);
  turns(3);
  EXPECT_EQ(requests.size(), 2U);
  EXPECT_EQ(service->counts().refreshes, 1U);
  EXPECT_TRUE(held->answer->superseded);
  // The connection still holds the old one: that is interest enough.
  pass(3600s * 90 / 100);
  turns(3);
  EXPECT_EQ(requests.size(), 3U);
  EXPECT_TRUE(ask(query)->cache_hit);
}

TEST_F(OcspServiceTest, RefreshesNothingThatNobodyUses) {
  const auto query = query_of(client);
  {
    const auto check = ask(query);
    turns(3);
    check->answer->used = false;
  }
  pass(3600s);
  turns(3);
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(OcspServiceTest, TellsThatACertificateTurnedOutToBeRevoked) {
  const auto query = query_of(client);
  const auto held = ask(query);
  turns(3);
  EXPECT_EQ(text(*held), "good");
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  pass(3600s * 90 / 100);
  turns(3);
  EXPECT_EQ(revoked, std::vector<std::string>{query->id.serial()});
  EXPECT_FALSE(held->answer->holds_at(loop->wall_now()));
  EXPECT_EQ(said(query), "revoked");
}

TEST_F(OcspServiceTest, KnowsTheRevokedUntilANewerGoodAnswer) {
  const auto query = query_of(client);
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(said(query), "revoked");
  failing = Outcome::kUnreachable;
  pass(24h);
  EXPECT_EQ(said(query), "revoked");
  pass(24h);
  failing.reset();
  says.status = V_OCSP_CERTSTATUS_UNKNOWN;
  EXPECT_EQ(said(query), "revoked");
  EXPECT_EQ(revoked.size(), 1U) << "it is no news any more";
  pass(24h);
  says.status = V_OCSP_CERTSTATUS_GOOD;
  EXPECT_EQ(said(query), "good");
}

TEST_F(OcspServiceTest, KeepsAGoodAnswerWhileTheResponderIsDown) {
  const auto query = query_of(client);
  const auto held = ask(query);
  turns(3);
  failing = Outcome::kUnreachable;
  pass(3600s * 90 / 100);
  turns(3);
  EXPECT_GT(requests.size(), 1U);
  EXPECT_EQ(said(query), "good");
  pass(3600s);
  turns(3);
  EXPECT_EQ(said(query), "ocsp.unreachable");
  EXPECT_TRUE(answers.last(query->key)->status.answer) << "what is kept for who allows expired answers";
}

struct OcspMemoryTest : OcspServiceTest {
  OcspMemoryTest() { begin(); }
  // As if the process had begun anew: what is known is gone, what was saved is not.
  void begin() {
    desk.reset();
    known.push_back(std::make_unique<OcspAnswers>());
    bool done = false;
    event::spawn(finish(service.get(), &done));
    EXPECT_TRUE(done);
    services.push_back(std::move(service));
    service = std::make_unique<OcspService>(*loop, *known.back(),
                                            [this](revocation::OcspRequest request, event::Deadline deadline) {
                                              return fetch(this, std::move(request), deadline);
                                            });
    service->remember_by({[this](const Digest& key, OcspService::Saved answer) { saved[key] = std::move(answer); },
                          [this](const Digest& key) {
                            const auto found = saved.find(key);
                            return found == saved.end() ? std::nullopt
                                                        : std::optional<OcspService::Saved>(found->second);
                          }});
    desk = std::make_unique<OcspDesk>(*loop, *service);
  }
  std::vector<std::unique_ptr<OcspAnswers>> known;
  std::vector<std::unique_ptr<OcspService>> services;
  std::map<Digest, OcspService::Saved> saved;
};

TEST_F(OcspMemoryTest, AsksNothingThatWasAnsweredBeforeTheRestart) {
  const auto query = query_of(client);
  EXPECT_EQ(said(query), "good");
  ASSERT_EQ(saved.size(), 1U);
  EXPECT_EQ(saved[query->key].until, kNow + 3600s);
  EXPECT_EQ(saved[query->key].this_update, kNow - 1s);
  EXPECT_FALSE(saved[query->key].revoked);
  pass(60s);
  begin();
  EXPECT_EQ(said(query), "good");
  EXPECT_EQ(known.back()->last(query->key)->fetched_at, kNow) << "its age counts from when it was heard";
  EXPECT_EQ(requests.size(), 1U);
  EXPECT_EQ(service->counts().queries, 0U);
  EXPECT_EQ(service->counts().recalled, 1U);
  pass(3541s);
  begin();
  EXPECT_EQ(said(query), "good");
  EXPECT_EQ(requests.size(), 2U) << "it had expired";
}

TEST_F(OcspMemoryTest, KnowsTheRevokedAcrossARestartWithTheResponderDown) {
  const auto query = query_of(client);
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(said(query), "revoked");
  failing = Outcome::kUnreachable;
  pass(48h);
  begin();
  EXPECT_EQ(said(query), "revoked");
  EXPECT_EQ(requests.size(), 2U) << "a newer answer was asked for";
}

TEST_F(OcspMemoryTest, KnowsTheRevokedWhenTheDelegateThatSaidSoHasExpired) {
  const auto query = query_of(client);
  const x509::Issued delegate = pki.leaf("delegate", ca, {.not_after = kNow + 48h, .eku = "OCSPSigning"});
  revocation::TestResponse spec;
  spec.singles.push_back({.about = &client, .status = V_OCSP_CERTSTATUS_REVOKED, .this_update = kNow - 1s});
  spec.signer = &delegate;
  spec.certificates = {&delegate};
  saved[query->key] = {revocation::ocsp_response(spec), true, kNow - 1s, kNow, kNow + 9600h};
  failing = Outcome::kUnreachable;
  pass(72h);
  begin();
  EXPECT_EQ(said(query), "revoked");
  // A good answer is taken as of now only, whatever is said about it.
  spec.singles[0].status = V_OCSP_CERTSTATUS_GOOD;
  saved[query->key] = {revocation::ocsp_response(spec), true, kNow - 1s, kNow, kNow + 9600h};
  pass(72h);
  begin();
  EXPECT_EQ(said(query), "ocsp.unreachable");
}

TEST_F(OcspMemoryTest, SavesWhatTakesARevocationBack) {
  const auto query = query_of(client);
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(said(query), "revoked");
  EXPECT_TRUE(saved[query->key].revoked);
  pass(2h);
  begin();
  says.status = V_OCSP_CERTSTATUS_GOOD;
  valid_for.reset();
  EXPECT_EQ(said(query), "good");
  EXPECT_FALSE(saved[query->key].revoked) << "or the next process would know better";
}

TEST_F(OcspMemoryTest, ChecksWhatWasSaved) {
  const auto query = query_of(client);
  EXPECT_EQ(said(query), "good");
  // Another's answer, and what is no answer at all.
  saved[query->key].response = revocation::ocsp_response(ca, other);
  begin();
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(said(query), "revoked");
  saved[query->key].response = "nonsense";
  begin();
  says.status = V_OCSP_CERTSTATUS_GOOD;
  EXPECT_EQ(said(query), "good");
}

TEST_F(OcspMemoryTest, SavesNoFailureAndNothingWithoutAnEnd) {
  failing = Outcome::kTimeout;
  EXPECT_EQ(said(query_of(client)), "ocsp.timeout");
  failing.reset();
  valid_for.reset();
  subject = &other;
  EXPECT_EQ(said(query_of(other)), "good");
  EXPECT_TRUE(saved.empty());
}

TEST_F(OcspServiceTest, WithoutAResponderSaysSo) {
  EXPECT_EQ(said(query_of(client, "")), "ocsp.no_responder");
  EXPECT_TRUE(requests.empty());
}

TEST_F(OcspServiceTest, ChecksWhatItIsTold) {
  subject = &other;
  EXPECT_EQ(said(query_of(client)), "ocsp.wrong_cert");
  signer = &other;
  subject = &client;
  pass(1min);
  EXPECT_EQ(said(query_of(client)), "ocsp.bad_signature");
}

TEST_F(OcspServiceTest, OutlivesConnectionsThatGoAway) {
  hold = true;
  const auto query = query_of(client);
  { const auto gone = ask(query); }
  auto stays = ask(query);
  turns(3);
  { const auto gone = ask(query); }
  let_go();
  EXPECT_EQ(text(*stays), "good");
}

TEST_F(OcspServiceTest, IsBoundedAndSparesTheRevoked) {
  OcspAnswers few(16);  // one a shard
  OcspAnswers some(64);
  const auto put = [&](OcspAnswers& into, const std::string& url, Outcome outcome) {
    OcspPolicy own;
    own.responder = url;
    auto answer = std::make_shared<OcspAnswer>();
    answer->query = std::make_shared<const OcspQuery>(revocation::CertId(client.certificate, ca.certificate),
                                                      ca.certificate, url, own);
    answer->status.outcome = outcome;
    answer->interest = std::make_shared<const int>(0);
    into.put(answer);
    return answer->query->key;
  };
  std::vector<Digest> known;
  for (int i = 0; i < 8; ++i) known.push_back(put(some, "r" + std::to_string(i), Outcome::kRevoked));
  for (int i = 0; i < 1000; ++i) {
    put(few, std::to_string(i), Outcome::kGood);
    put(some, std::to_string(i), Outcome::kGood);
  }
  EXPECT_LE(few.size(), 16U);
  EXPECT_LE(some.size(), 64U);
  int spared = 0;
  for (const Digest& key : known) spared += some.last(key) != nullptr ? 1 : 0;
  EXPECT_GE(spared, 4);
}

}  // namespace
}  // namespace portcullis::clientauth
