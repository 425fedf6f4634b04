#include "clientauth/test_ocsp_service.h"
#include "clientauth/verdict.h"
#include "revocation/test_crls.h"
#include "x509/sha256.h"

namespace portcullis::clientauth {
namespace {

using revocation::Outcome;

event::Task<void> ask_later(Admission* admission, WallTime at, std::optional<Verdict>* out) {
  auto verdict = co_await admission->verdict(at);
  *out = std::move(verdict);
}

struct OcspVerdictTest : OcspTest {
  std::shared_ptr<Verifier> verifier() {
    ClientPolicy made;
    made.mode = Mode::kStrict;
    made.anchors = PolicyTest::trust({root.pem() + ca.pem()});
    made.ocsp = policy;
    return std::make_shared<Verifier>(std::move(made), nullptr,
                                      std::shared_ptr<const OcspAnswers>(std::shared_ptr<void>(), &answers));
  }
  bool may_resume(const x509::Issued& leaf) {
    const auto by = verifier();
    const WallTime now = loop->wall_now();
    return by->may_resume(by->judge(leaf.presented(), now).get(), now, now);
  }
  std::unique_ptr<Admission> admit(const x509::Issued& leaf, std::shared_ptr<Verifier> by = nullptr) {
    if (by == nullptr) by = verifier();
    return std::make_unique<Admission>(by->judge(leaf.presented(), loop->wall_now()), by, desk.get());
  }
  Verdict verdict(Admission& admission) {
    std::optional<Verdict> out;
    event::spawn(ask_later(&admission, loop->wall_now(), &out));
    EXPECT_TRUE(turn_until([&] { return out.has_value(); }));
    return *out;
  }
  Verdict verdict(const x509::Issued& leaf) {
    const auto admission = admit(leaf);
    return verdict(*admission);
  }
};

TEST_F(OcspVerdictTest, WaitsForTheFirstAnswerAndAdmits) {
  hold = true;
  const auto admission = admit(client);
  admission->begin(loop->wall_now());
  turns(3);
  EXPECT_EQ(requests.size(), 1U) << "asked when the handshake has ended";
  std::optional<Verdict> first, second;
  event::spawn(ask_later(admission.get(), loop->wall_now(), &first));
  event::spawn(ask_later(admission.get(), loop->wall_now(), &second));
  pass(2s);
  EXPECT_FALSE(first);
  let_go();
  for (const auto& one : {first, second}) {
    ASSERT_TRUE(one);
    EXPECT_EQ(one->outcome, Verdict::Outcome::kAdmitted);
    EXPECT_EQ(one->log_value, "SUCCESS");
    EXPECT_EQ(one->ocsp.waited, 2s);
    EXPECT_FALSE(one->ocsp.cache_hit);
  }
  EXPECT_EQ(verdict(client).ocsp.cache_hit, true);
  EXPECT_EQ(verdict(*admission).ocsp.waited, 0s);
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(OcspVerdictTest, RefusesWithTheStringsOfTheField) {
  struct Case {
    std::optional<Outcome> failing;
    int status;
    const char* log_value;
    const char* code;
    const char* reason;
  };
  const char* request_failed = "FAILED:certificate status request failed";
  const std::vector<Case> cases{
      {{}, V_OCSP_CERTSTATUS_REVOKED, "FAILED:certificate revoked", "client_cert.revoked", ""},
      {{},
       V_OCSP_CERTSTATUS_UNKNOWN,
       "FAILED:certificate status unknown",
       "client_cert.status_unknown",
       "ocsp.unknown"},
      {Outcome::kUnreachable, 0, request_failed, "client_cert.status_request_failed", "ocsp.unreachable"},
      {Outcome::kHttpStatus, 0, request_failed, "client_cert.status_request_failed", "ocsp.http_status"},
  };
  for (const Case& one : cases) {
    failing = one.failing;
    says.status = one.status;
    const x509::Issued leaf =
        pki.leaf("c", ca, {.eku = "clientAuth", .extensions = {{"authorityInfoAccess", "OCSP;URI:http://r.test/"}}});
    subject = &leaf;
    const Verdict got = verdict(leaf);
    EXPECT_EQ(got.outcome, Verdict::Outcome::kRefused) << one.code;
    EXPECT_EQ(got.log_value, one.log_value);
    EXPECT_EQ(got.reason_code, one.code);
    EXPECT_EQ(got.ocsp.reason, one.reason);
    EXPECT_EQ(got.variable, "");
  }
  const Verdict unnamed = verdict(other);
  EXPECT_EQ(unnamed.ocsp.reason, "ocsp.no_responder");
  EXPECT_EQ(unnamed.log_value, request_failed);
}

// The review of a live connection: news refuses at once, and what is not known is not asked for.
TEST_F(OcspVerdictTest, WhereItStandsIsWhatIsKnownAndAsksNobody) {
  const auto admission = admit(client);
  EXPECT_EQ(admission->standing(loop->wall_now()).outcome, Verdict::Outcome::kAdmitted);
  turns(3);
  EXPECT_EQ(requests.size(), 0U);
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(verdict(client).reason_code, "client_cert.revoked");
  const Verdict stands = admission->standing(loop->wall_now());
  EXPECT_EQ(stands.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(stands.reason_code, "client_cert.revoked");
  EXPECT_EQ(stands.log_value, "FAILED:certificate revoked");
  EXPECT_TRUE(stands.ocsp.asked) << "the log tells what it stands on";
  ASSERT_NE(stands.ocsp.answer, nullptr);
  EXPECT_EQ(stands.ocsp.answer->status.outcome, Outcome::kRevoked);
  EXPECT_EQ(requests.size(), 1U);
}

// I26: an answer of no long life, or one that nobody has renewed, was the last word all the same.
TEST_F(OcspVerdictTest, I26StandsRevokedUntilANewerGoodAnswer) {
  valid_for.reset();
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  const auto admission = admit(client);
  EXPECT_TRUE(may_resume(client));
  EXPECT_EQ(verdict(*admission).reason_code, "client_cert.revoked");
  EXPECT_FALSE(may_resume(client));
  pass(60s);
  EXPECT_EQ(admission->standing(loop->wall_now()).reason_code, "client_cert.revoked");
  EXPECT_FALSE(may_resume(client));
  EXPECT_TRUE(may_resume(other));
  failing = Outcome::kTimeout;
  policy.leniency.unreachable = true;
  EXPECT_EQ(verdict(client).reason_code, "client_cert.revoked");
  failing.reset();
  says.status = V_OCSP_CERTSTATUS_GOOD;
  valid_for = 3600s;
  pass(60s);
  EXPECT_EQ(verdict(client).outcome, Verdict::Outcome::kAdmitted);
  EXPECT_TRUE(may_resume(client));
}

TEST_F(OcspVerdictTest, AsksNothingAboutAStranger) {
  const x509::Issued other_root = pki.root("Root");
  const x509::Issued stranger = pki.leaf(
      "c", other_root, {.eku = "clientAuth", .extensions = {{"authorityInfoAccess", "OCSP;URI:http://canary.test/"}}});
  const x509::Issued expired = pki.leaf("c", ca,
                                        {.not_after = kNow - 1h,
                                         .eku = "clientAuth",
                                         .extensions = {{"authorityInfoAccess", "OCSP;URI:http://canary.test/"}}});
  for (const x509::Issued* leaf : {&stranger, &expired}) {
    const auto admission = admit(*leaf);
    admission->begin(loop->wall_now());
    const Verdict got = verdict(*admission);
    EXPECT_EQ(got.outcome, Verdict::Outcome::kRefused);
    EXPECT_FALSE(got.ocsp.asked);
  }
  turns(3);
  EXPECT_TRUE(requests.empty());
}

TEST_F(OcspVerdictTest, EndsTheWaitAtTheTimeout) {
  hold = true;
  policy.timeout = 5s;
  const auto admission = admit(client);
  admission->begin(loop->wall_now());
  turns(3);
  std::optional<Verdict> out;
  event::spawn(ask_later(admission.get(), loop->wall_now(), &out));
  pass(4900ms);
  EXPECT_FALSE(out);
  pass(200ms);
  turns(3);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->ocsp.reason, "ocsp.timeout");
  EXPECT_LE(out->ocsp.waited, 5500ms);
}

TEST_F(OcspVerdictTest, WithColdCacheRefuseFailsTheFirstRequestOnly) {
  policy.wait_when_cold = false;
  hold = true;
  const auto admission = admit(client);
  const Verdict first = verdict(*admission);
  EXPECT_EQ(first.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(first.log_value, "FAILED:certificate status request failed");
  EXPECT_EQ(first.ocsp.reason, "ocsp.pending");
  let_go();
  EXPECT_EQ(verdict(*admission).outcome, Verdict::Outcome::kAdmitted);
  EXPECT_EQ(verdict(client).outcome, Verdict::Outcome::kAdmitted);
}

TEST_F(OcspVerdictTest, RefusesTheNextRequestOnceRevoked) {
  const auto admission = admit(client);
  EXPECT_EQ(verdict(*admission).outcome, Verdict::Outcome::kAdmitted);
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  pass(3600s * 90 / 100);
  turns(3);
  EXPECT_EQ(verdict(*admission).reason_code, "client_cert.revoked");
}

// A list may be older than what the responder said.
TEST_F(OcspVerdictTest, I26AGoodListThatComesFirstDoesNotTakeBackARevocation) {
  const auto slot = std::make_shared<CrlSlot>(x509::sha256("here"));
  const std::string bytes = revocation::make_crl(ca, {});
  slot->set(revocation::CrlIndex::build({{revocation::parse_crl(bytes).value().crl, ca.certificate}}));
  ClientPolicy made = verifier()->policy();
  made.crl = CrlPolicy{slot, {}, true, false};
  const auto by = std::make_shared<Verifier>(std::move(made));
  EXPECT_EQ(verdict(*admit(client, by)).log_value, "SUCCESS");
  EXPECT_TRUE(requests.empty()) << "the list settles it";
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_EQ(verdict(client).reason_code, "client_cert.revoked") << "by the responder, on another listener";
  const auto again = admit(client, by);
  const Verdict refused = verdict(*again);
  EXPECT_EQ(refused.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(refused.log_value, "FAILED:certificate revoked");
  EXPECT_NE(refused.ocsp.answer, nullptr);
  EXPECT_TRUE(refused.ocsp.cache_hit);
  EXPECT_EQ(again->standing(loop->wall_now()).reason_code, "client_cert.revoked");
}

TEST_F(OcspVerdictTest, LetsPassWhatTheOperatorAllowsAndSaysSo) {
  failing = Outcome::kTimeout;
  policy.leniency.unreachable = true;
  const Verdict got = verdict(client);
  EXPECT_EQ(got.outcome, Verdict::Outcome::kAdmitted);
  EXPECT_TRUE(got.ocsp.by_leniency);
  EXPECT_EQ(got.ocsp.reason, "ocsp.timeout");
  EXPECT_EQ(got.log_value, "SUCCESS");
}

TEST_F(OcspVerdictTest, AsksForIntermediatesWhenToldTo) {
  policy.intermediates = true;
  policy.responder = "http://override.test/";
  const Verdict got = verdict(client);
  EXPECT_EQ(requests.size(), 2U);
  // The fake responder speaks of the leaf only.
  EXPECT_EQ(got.outcome, Verdict::Outcome::kRefused);
  for (const auto& request : requests) EXPECT_EQ(request.url.substr(0, 21), "http://override.test/");
  signer = &root;
  subject = &ca;
  pass(1min);
  EXPECT_EQ(verdict(client).outcome, Verdict::Outcome::kAdmitted);
  EXPECT_EQ(requests.size(), 3U);
}

TEST_F(OcspVerdictTest, I4ARevokedIntermediateKeepsSessionsFromResuming) {
  policy.intermediates = true;
  policy.responder = "http://override.test/";
  signer = &root;
  subject = &ca;
  says.status = V_OCSP_CERTSTATUS_REVOKED;
  EXPECT_TRUE(may_resume(client));
  EXPECT_EQ(verdict(client).outcome, Verdict::Outcome::kRefused);
  turns(3);
  EXPECT_FALSE(may_resume(client));
  policy.intermediates = false;
  EXPECT_TRUE(may_resume(client)) << "nobody asked about it";
}

TEST_F(OcspVerdictTest, WithoutADeskNobodyPasses) {
  const auto by = verifier();
  Admission admission(by->judge(client.presented(), loop->wall_now()), by);
  EXPECT_EQ(verdict(admission).outcome, Verdict::Outcome::kRefused);
}

TEST_F(OcspVerdictTest, EndsItsWaitWhenTheWorkerCutsOff) {
  hold = true;
  const auto admission = admit(client);
  std::optional<Verdict> out;
  event::spawn(ask_later(admission.get(), loop->wall_now(), &out));
  turns(3);
  EXPECT_FALSE(out);
  desk->give_up();
  turns(3);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->outcome, Verdict::Outcome::kRefused);
}

TEST_F(OcspVerdictTest, SettingsAreOfTheTrustDigest) {
  const auto digest = [&](const std::optional<OcspPolicy>& ocsp) {
    ClientPolicy made = verifier()->policy();
    made.ocsp = ocsp;
    return trust_digest(made);
  };
  std::vector<OcspPolicy> variants(9);
  variants[1].timeout = 1s;
  variants[2].wait_when_cold = false;
  variants[3].intermediates = true;
  variants[4].nonce = true;
  variants[5].responder = "http://x/";
  variants[6].leniency.unreachable = true;
  variants[7].leniency.unknown = true;
  variants[8].leniency.no_responder = true;
  std::set<Digest> seen{digest(std::nullopt)};
  for (const OcspPolicy& one : variants) EXPECT_TRUE(seen.insert(digest(one)).second);
  OcspPolicy last;
  last.leniency.expired_response = true;
  EXPECT_TRUE(seen.insert(digest(last)).second);
  EXPECT_EQ(digest(OcspPolicy{}), digest(OcspPolicy{}));
}

}  // namespace
}  // namespace portcullis::clientauth
