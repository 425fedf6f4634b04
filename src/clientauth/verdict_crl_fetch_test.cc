#include "clientauth/test_crl_fetcher.h"
#include "clientauth/test_ocsp_service.h"
#include "clientauth/verdict.h"

namespace portcullis::clientauth {
namespace {

struct FetchVerdictTest : CrlFetchTest {
  std::shared_ptr<Verifier> verifier(const revocation::Leniency& leniency = {}, bool wait = true,
                                     bool intermediates = false) {
    ClientPolicy made;
    made.mode = Mode::kStrict;
    made.anchors = PolicyTest::trust({root.pem() + ca.pem()});
    made.crl = CrlPolicy{held, leniency, false, intermediates, CrlFetchPolicy{5s, wait}};
    return std::make_shared<Verifier>(std::move(made));
  }
  std::unique_ptr<Admission> admit(const x509::Issued& leaf, std::shared_ptr<Verifier> by = nullptr) {
    if (by == nullptr) by = verifier();
    return std::make_unique<Admission>(by->judge(leaf.presented(), loop->wall_now()), by, nullptr, desk.get());
  }
  Verdict verdict(Admission& admission) {
    std::optional<Verdict> out;
    event::spawn(ask(&admission, loop->wall_now(), &out));
    EXPECT_TRUE(turn_until([&] { return out.has_value(); }));
    return *out;
  }
  Verdict verdict(const x509::Issued& leaf, std::shared_ptr<Verifier> by = nullptr) {
    const auto admission = admit(leaf, std::move(by));
    return verdict(*admission);
  }
  static std::string_view reason(const Verdict& verdict) { return revocation::reason_of(verdict.crl.answer); }

  std::shared_ptr<const CrlSlot> held = slot();
};

TEST_F(FetchVerdictTest, WaitsForTheFirstListAndAdmits) {
  served[kUrl] = list();
  hold = true;
  const auto admission = admit(client);
  admission->begin(loop->wall_now());
  turns(3);
  EXPECT_EQ(fetches.size(), 1U) << "asked when the handshake has ended";
  EXPECT_EQ(admission->standing(loop->wall_now()).reason_code, "");
  std::optional<Verdict> first, second;
  event::spawn(ask(admission.get(), loop->wall_now(), &first));
  event::spawn(ask(admission.get(), loop->wall_now(), &second));
  pass(2s);
  EXPECT_FALSE(first);
  let_go();
  for (const auto& one : {first, second}) {
    ASSERT_TRUE(one);
    EXPECT_EQ(one->log_value, "SUCCESS");
    EXPECT_EQ(one->waited_for_lists, 2s);
    EXPECT_TRUE(one->crl.decided);
    ASSERT_NE(one->crl.answer.origin, nullptr);
    EXPECT_EQ(one->crl.answer.origin->from->url, kUrl);
    EXPECT_EQ(one->crl.answer.origin->latency, 2s);
  }
  EXPECT_EQ(verdict(other).waited_for_lists, 0s);
  EXPECT_EQ(fetches.size(), 1U) << "a known list is neither fetched nor waited for";
}

TEST_F(FetchVerdictTest, RevokedByTheListThatCame) {
  served[kUrl] = list({&client});
  const Verdict refused = verdict(client);
  EXPECT_EQ(refused.log_value, "FAILED:certificate revoked");
  EXPECT_EQ(refused.reason_code, "client_cert.revoked");
  EXPECT_EQ(verdict(other).log_value, "SUCCESS");
}

TEST_F(FetchVerdictTest, I20NothingIsFetchedForWhoDoesNotVerify) {
  const x509::Issued stranger_root = pki.root("Stranger");
  const x509::CertSpec spec{.eku = "clientAuth", .extensions = {{"crlDistributionPoints", "URI:" + kUrl}}};
  const x509::Issued stranger = pki.leaf("stranger", stranger_root, spec);
  x509::CertSpec old = spec;
  old.not_after = kNow - 1h;
  const x509::Issued expired = pki.leaf("expired", ca, old);
  for (const x509::Issued* who : {&stranger, &expired}) {
    const auto admission = admit(*who);
    admission->begin(loop->wall_now());
    EXPECT_NE(verdict(*admission).outcome, Verdict::Outcome::kAdmitted);
  }
  turns(3);
  EXPECT_TRUE(fetches.empty());
}

TEST_F(FetchVerdictTest, RefusesInTimeAndSaysWhy) {
  hold = true;
  const auto admission = admit(client);
  std::optional<Verdict> out;
  event::spawn(ask(admission.get(), loop->wall_now(), &out));
  turns(3);
  pass(5s);
  EXPECT_FALSE(out);
  pass(300ms);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->log_value, "FAILED:certificate status request failed");
  EXPECT_EQ(reason(*out), "crl.timeout");
  EXPECT_EQ(out->crl.answer.failure->url, kUrl);
  EXPECT_EQ(verdict(*admission).waited_for_lists, 0ms) << "and does not wait again";
  served[kUrl] = list();
  let_go();
  EXPECT_EQ(verdict(*admission).log_value, "SUCCESS") << "when it has come at last";
}

TEST_F(FetchVerdictTest, AConnectionAsksAgainWhenTheFailureIsForgotten) {
  const auto admission = admit(client);
  EXPECT_EQ(reason(verdict(*admission)), "crl.http_status");
  EXPECT_EQ(reason(verdict(*admission)), "crl.http_status");
  EXPECT_EQ(fetches.size(), 1U);
  pass(2100ms);
  served[kUrl] = list();
  EXPECT_EQ(verdict(*admission).log_value, "SUCCESS");
  EXPECT_EQ(fetches.size(), 2U);
}

TEST_F(FetchVerdictTest, ColdCacheRefuseWaitsForNobody) {
  hold = true;
  served[kUrl] = list();
  const auto admission = admit(client, verifier({true, true, true, true}, false));
  EXPECT_EQ(reason(verdict(*admission)), "crl.pending");
  EXPECT_EQ(verdict(*admission).log_value, "FAILED:certificate status request failed") << "whatever is allowed";
  let_go();
  EXPECT_EQ(verdict(*admission).log_value, "SUCCESS");
}

TEST_F(FetchVerdictTest, AnExpiredListIsFetchedAnewAndCountsUntilThen) {
  served[kUrl] = list({&other});
  EXPECT_EQ(verdict(client).log_value, "SUCCESS");
  served.erase(kUrl);
  pass(66min);
  const Verdict refused = verdict(client);
  EXPECT_EQ(reason(refused), "crl.http_status");
  EXPECT_EQ(refused.crl.answer.reason, "crl.expired");
  EXPECT_EQ(verdict(other).log_value, "FAILED:certificate revoked") << "I26";
  EXPECT_EQ(verdict(other, verifier({true, true, true, true})).log_value, "FAILED:certificate revoked") << "I26";
  EXPECT_TRUE(verdict(client, verifier({.expired_response = true})).crl.by_leniency);
  EXPECT_TRUE(verdict(client, verifier({.unreachable = true})).crl.by_leniency);
  EXPECT_EQ(verdict(client, verifier({false, true, true, false})).outcome, Verdict::Outcome::kRefused);
  served[kUrl] = list({}, 2);
  pass(17s);
  EXPECT_EQ(verdict(client).log_value, "SUCCESS");
}

TEST_F(FetchVerdictTest, LeniencyCoversWhatCouldNotBeHadAndNothingThatIsWrong) {
  const auto all = verifier({true, true, true, true});
  EXPECT_TRUE(verdict(client, all).crl.by_leniency);
  EXPECT_EQ(verdict(client, verifier({false, true, true, true})).outcome, Verdict::Outcome::kRefused);
  served[kUrl] = revocation::make_crl(ca, {.spoil = true});
  pass(3s);
  const Verdict wrong = verdict(client, all);
  EXPECT_EQ(wrong.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(reason(wrong), "crl.bad_signature");
}

// Who stands between can always serve some sound list of another CA: that must not turn "could not be had" or "wrong"
// into what is allowed where certificates name no URL at all.
TEST_F(FetchVerdictTest, AListAboutOthersIsNoLeniencysBusiness) {
  served[kUrl] = revocation::make_crl(root, {});
  const Verdict refused = verdict(client, verifier({true, true, true, true}));
  EXPECT_EQ(refused.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(reason(refused), "crl.not_covered");
}

TEST_F(FetchVerdictTest, WhatIsWrongComesBeforeWhatCouldNotBeHad) {
  const x509::Issued two = named("two", "URI:http://crl.test/gone,URI:http://crl.test/wrong");
  served["http://crl.test/wrong"] = revocation::make_crl(ca, {.spoil = true});
  const Verdict refused = verdict(two, verifier({true, true, true, true}));
  EXPECT_EQ(refused.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(reason(refused), "crl.bad_signature");
}

TEST_F(FetchVerdictTest, FourUrlsAtOneTimeAndOneSuffices) {
  const x509::Issued many = named("many",
                                  "URI:http://crl.test/1,URI:ldap://crl.test/x,URI:http://crl.test/2,"
                                  "URI:http://crl.test/3,URI:https://crl.test/4,URI:http://crl.test/5");
  served["http://crl.test/3"] = list();
  EXPECT_EQ(verdict(many).log_value, "SUCCESS");
  EXPECT_EQ(fetches, (std::vector<std::string>{"http://crl.test/1", "http://crl.test/2", "http://crl.test/3",
                                               "https://crl.test/4"}));
}

TEST_F(FetchVerdictTest, WhoNamesNoUrlIsRefusedAtOnce) {
  const Verdict refused = verdict(pki.leaf("plain", ca));
  EXPECT_EQ(reason(refused), "crl.missing");
  EXPECT_EQ(refused.crl.answer.failure, nullptr);
  EXPECT_TRUE(fetches.empty());
  EXPECT_TRUE(verdict(pki.leaf("plain", ca), verifier({.no_responder = true})).crl.by_leniency);
}

TEST_F(FetchVerdictTest, IntermediatesWhereTheyAreAskedFor) {
  const x509::Issued below =
      pki.intermediate("Below", root, {.extensions = {{"crlDistributionPoints", "URI:http://crl.test/r"}}});
  const x509::Issued who =
      pki.leaf("who", below, {.eku = "clientAuth", .extensions = {{"crlDistributionPoints", "URI:" + kUrl}}});
  ClientPolicy made;
  made.mode = Mode::kStrict;
  made.anchors = PolicyTest::trust({root.pem() + below.pem()});
  held = keeper.slot("below", {{}, true}, {below.certificate, root.certificate});
  made.crl = CrlPolicy{held, {}, false, true, CrlFetchPolicy{5s, true}};
  const auto by = std::make_shared<Verifier>(std::move(made));
  served[kUrl] = revocation::make_crl(below, {});
  served["http://crl.test/r"] =
      revocation::make_crl(root, {.entries = {{revocation::serial_of(below.certificate), {}, {}}}});
  EXPECT_EQ(verdict(who, by).reason_code, "client_cert.revoked");
  EXPECT_EQ(fetches.size(), 2U);
}

TEST_F(FetchVerdictTest, I9AConnectionThatGoesAwayLeavesNothingBehind) {
  served[kUrl] = list();
  hold = true;
  auto admission = admit(client);
  admission->begin(loop->wall_now());
  turns(2);
  admission.reset();
  let_go();
  EXPECT_EQ(says(held, client), "good");
}

TEST_F(FetchVerdictTest, GivingUpEndsTheWait) {
  hold = true;
  const auto admission = admit(client);
  std::optional<Verdict> out;
  event::spawn(ask(admission.get(), loop->wall_now(), &out));
  turns(3);
  desk->give_up();
  turns(2);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->outcome, Verdict::Outcome::kRefused);
}

TEST_F(FetchVerdictTest, APolicyThatChangesWhileItWaitsChangesNotTheAnswer) {
  served[kUrl] = list({&client});
  hold = true;
  const auto admission = admit(client);
  std::optional<Verdict> out;
  event::spawn(ask(admission.get(), loop->wall_now(), &out));
  turns(3);
  ClientPolicy without;
  without.mode = Mode::kStrict;
  without.anchors = PolicyTest::trust({root.pem() + ca.pem()});
  admission->set_verifier(std::make_shared<Verifier>(std::move(without)));
  EXPECT_EQ(verdict(*admission).log_value, "SUCCESS");
  let_go();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->reason_code, "client_cert.revoked");
}

TEST_F(FetchVerdictTest, TheTrustDigestCoversHowListsAreFetched) {
  const auto digest = [this](const std::optional<CrlFetchPolicy>& fetch, bool unreachable = false) {
    ClientPolicy made;
    made.mode = Mode::kStrict;
    made.anchors = PolicyTest::trust({root.pem()});
    made.crl = CrlPolicy{held, {.unreachable = unreachable}, false, false, fetch};
    return trust_digest(made);
  };
  const Digest base = digest(CrlFetchPolicy{});
  EXPECT_NE(digest(std::nullopt), base);
  EXPECT_NE(digest(CrlFetchPolicy{4s, true}), base);
  EXPECT_NE(digest(CrlFetchPolicy{5s, false}), base);
  EXPECT_NE(digest(CrlFetchPolicy{}, true), base);
  EXPECT_EQ(digest(std::nullopt, true), digest(std::nullopt)) << "what could not be reached is nothing to files";
}

// The same with a responder that fails, at once or not before its time.
struct BothVerdictTest : FetchVerdictTest {
  ~BothVerdictTest() override {
    silent = false;
    silence.notify();
    bool done = false;
    event::spawn(OcspTest::finish(&service, &done));
    EXPECT_TRUE(turn_until([&] { return done; }));
  }
  static event::Task<OcspFetched> ask_nobody(BothVerdictTest* self, event::Deadline deadline) {
    ++self->queries;
    while (self->silent) {
      const event::Wake wake = co_await self->silence.wait(deadline);
      if (wake == event::Wake::kTimedOut) co_return OcspTest::failure(revocation::Outcome::kTimeout);
    }
    co_return OcspTest::failure(revocation::Outcome::kUnreachable);
  }
  std::unique_ptr<Admission> admit_to_both(bool crl_first, const revocation::Leniency& leniency = {}) {
    ClientPolicy made;
    made.mode = Mode::kStrict;
    made.anchors = PolicyTest::trust({root.pem() + ca.pem()});
    made.ocsp = OcspPolicy{leniency, 5s};
    made.ocsp->responder = "http://r.test/";
    made.crl = CrlPolicy{held, leniency, crl_first, false, CrlFetchPolicy{5s, true}};
    const auto by = std::make_shared<Verifier>(std::move(made));
    return std::make_unique<Admission>(by->judge(client.presented(), loop->wall_now()), by, &ocsp_desk, desk.get());
  }

  void waits_for_the_list(bool crl_first) {
    served[kUrl] = list();
    hold = true;
    const auto admission = admit_to_both(crl_first);
    admission->begin(loop->wall_now());
    turns(3);
    EXPECT_EQ(queries, 1) << "at one time";
    EXPECT_EQ(fetches.size(), 1U);
    std::optional<Verdict> out;
    event::spawn(ask(admission.get(), loop->wall_now(), &out));
    turns(3);
    EXPECT_FALSE(out);
    EXPECT_EQ(admission->standing(loop->wall_now()).reason_code, "") << "not known to be refused";
    let_go();
    ASSERT_TRUE(out);
    EXPECT_EQ(out->log_value, "SUCCESS");
    EXPECT_TRUE(out->crl.decided);
    EXPECT_EQ(verdict(*admit_to_both(crl_first)).crl.decided, true);
    EXPECT_EQ(fetches.size(), 1U);
  }

  bool silent = false;
  int queries = 0;
  event::Signal silence{*loop};
  OcspAnswers answers;
  OcspService service{*loop, answers, [this](const revocation::OcspRequest&, event::Deadline deadline) {
                        return ask_nobody(this, deadline);
                      }};
  OcspDesk ocsp_desk{*loop, service};
};

TEST_F(BothVerdictTest, AListIsWaitedForWhereTheResponderKnowsNothing) { waits_for_the_list(false); }

TEST_F(BothVerdictTest, AListIsWaitedForWhereItComesFirst) { waits_for_the_list(true); }

TEST_F(BothVerdictTest, BothAreWaitedForAtOneTime) {
  hold = silent = true;
  for (const bool crl_first : {false, true}) {
    held = keeper.slot("strict", {{crl_first ? "/a" : "/b"}, true}, {ca.certificate});
    const auto admission = admit_to_both(crl_first);
    admission->begin(loop->wall_now());
    std::optional<Verdict> out;
    event::spawn(ask(admission.get(), loop->wall_now(), &out));
    turns(3);
    EXPECT_FALSE(out);
    pass(5300ms);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->log_value, "FAILED:certificate status request failed");
    EXPECT_EQ(out->crl.decided, crl_first) << "the first source says why";
    pass(20s);
  }
}

TEST_F(BothVerdictTest, LeniencyMustCoverBothAndTheReviewAgrees) {
  for (const bool crl_first : {false, true}) {
    const auto allowed = admit_to_both(crl_first, {.unreachable = true});
    EXPECT_EQ(verdict(*allowed).outcome, Verdict::Outcome::kAdmitted);
    EXPECT_EQ(allowed->standing(loop->wall_now()).outcome, Verdict::Outcome::kAdmitted);
  }
  served[kUrl] = revocation::make_crl(ca, {.spoil = true});
  pass(20s);
  const auto wrong = admit_to_both(false, {true, true, true, true});
  EXPECT_EQ(verdict(*wrong).outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(wrong->standing(loop->wall_now()).outcome, Verdict::Outcome::kRefused);
}

}  // namespace
}  // namespace portcullis::clientauth
