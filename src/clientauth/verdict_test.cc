#include "clientauth/verdict.h"

#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using Outcome = Verdict::Outcome;
using std::chrono::hours;

// The handshake is at kNow, the request `later`.
struct Case {
  const char* name;
  const x509::Issued* client;  // null: none presented
  hours later;
  Outcome strict;
  std::string_view code;
  std::string_view log;  // of Strict
};

struct VerdictTest : PolicyTest {
  std::vector<Case> cases() {
    return {
        {"none", nullptr, hours(0), Outcome::kNoCertificate, "client_cert.missing", "NONE"},
        {"good", &good, hours(0), Outcome::kAdmitted, "", "SUCCESS"},
        {"good later", &good, hours(2), Outcome::kAdmitted, "", "SUCCESS"},
        {"expired", &expired, hours(0), Outcome::kRefused, x509::kReasonExpired, "FAILED:certificate has expired"},
        {"dying before", &dying, hours(0), Outcome::kAdmitted, "", "SUCCESS"},
        {"dying after", &dying, hours(2), Outcome::kRefused, x509::kReasonExpired, "FAILED:certificate has expired"},
        {"early", &early, hours(0), Outcome::kRefused, x509::kReasonNotYetValid, "FAILED:certificate is not yet valid"},
        {"stranger", &stranger, hours(0), Outcome::kRefused, x509::kReasonUntrustedIssuer, "FAILED:"},
        {"server only", &server_only, hours(0), Outcome::kRefused, x509::kReasonWrongPurpose, "FAILED:"},
        {"self-signed", &self_signed, hours(0), Outcome::kRefused, x509::kReasonSelfSigned, "FAILED:"}};
  }
  Admission admit(const std::shared_ptr<Verifier>& judge, const x509::Issued* client) {
    std::shared_ptr<const tls::PeerState> peer;
    if (client != nullptr) peer = judge->judge(client->presented(), kNow);
    return {peer, judge};
  }
};

TEST_F(VerdictTest, StrictAdmitsWhatVerifiesNow) {
  const auto strict = verifier(policy(Mode::kStrict));
  for (const Case& one : cases()) {
    Admission admission = admit(strict, one.client);
    const Verdict verdict = verdict_of(admission, kNow + one.later);
    EXPECT_EQ(verdict.outcome, one.strict) << one.name;
    EXPECT_EQ(verdict.reason_code, one.code) << one.name;
    EXPECT_EQ(verdict.log_value.rfind(one.log, 0), 0U) << one.name << ": " << verdict.log_value;
    EXPECT_EQ(verdict.variable, one.strict == Outcome::kAdmitted ? "SUCCESS" : "") << one.name;
    EXPECT_EQ(verdict.verified(), one.strict == Outcome::kAdmitted) << one.name;
    EXPECT_EQ(verdict.shadow, "") << one.name;
    EXPECT_EQ(admission.peer() != nullptr, one.client != nullptr) << one.name;
  }
}

TEST_F(VerdictTest, PassthroughAdmitsEverybodyAndItsShadowSaysWhatStrictWould) {
  const auto plain = verifier(policy(Mode::kPassthrough, false)), shadowed = verifier(policy(Mode::kPassthrough));
  for (const Case& one : cases()) {
    const char* log = one.client == nullptr ? "NONE" : "PASSTHROUGH";
    for (const auto& judge : {plain, shadowed}) {
      Admission admission = admit(judge, one.client);
      const Verdict verdict = verdict_of(admission, kNow + one.later);
      EXPECT_EQ(verdict.outcome, Outcome::kAdmitted) << one.name;
      EXPECT_EQ(verdict.log_value, log) << one.name;
      EXPECT_EQ(verdict.variable, log) << one.name;
      EXPECT_EQ(verdict.reason_code, "") << one.name;
      EXPECT_FALSE(verdict.verified()) << one.name;
      const bool shadow = judge == shadowed;
      EXPECT_EQ(verdict.shadow.empty(), !shadow) << one.name;
      EXPECT_EQ(verdict.shadow.rfind(shadow ? one.log : "", 0), 0U) << one.name << ": " << verdict.shadow;
      EXPECT_EQ(verdict.shadow_code, shadow ? one.code : std::string_view()) << one.name;
    }
  }
}

// The issuer-DN rule counts in the shadow as it will count in Strict.
TEST_F(VerdictTest, TheShadowKnowsTheIssuerDnRule) {
  const x509::Issued sibling = pki.leaf("sibling", pki.intermediate("Other CA", root));
  for (const bool rule : {false, true}) {
    ClientPolicy passing = policy(Mode::kPassthrough);
    passing.verify_issuer_dn = rule;
    Admission admission = admit(verifier(passing), &sibling);
    const Verdict verdict = verdict_of(admission);
    EXPECT_EQ(verdict.outcome, Outcome::kAdmitted);
    EXPECT_EQ(verdict.shadow_code, rule ? x509::kReasonIssuerDnMismatch : "");
  }
}

TEST_F(VerdictTest, AnAdmissionEndsWithItsPathOrNeverByItself) {
  const auto strict = verifier(policy(Mode::kStrict)), passing = verifier(policy(Mode::kPassthrough));
  EXPECT_EQ(admit(strict, &dying).ends_at(), kNow + hours(1));
  const x509::Issued short_ca = pki.intermediate("Short CA", root, {.not_after = kNow + hours(2)});
  const x509::Issued below = pki.leaf("below", short_ca);
  EXPECT_EQ(admit(strict, &below).ends_at(), kNow + hours(2));
  EXPECT_EQ(admit(strict, &stranger).ends_at(), WallTime::max());
  EXPECT_EQ(admit(strict, nullptr).ends_at(), WallTime::max());
  EXPECT_EQ(admit(passing, &dying).ends_at(), WallTime::max());
  EXPECT_EQ(Admission(nullptr, nullptr).ends_at(), WallTime::max());
}

TEST_F(VerdictTest, AJudgementIsDueWhereAChangedTrustAsksForMore) {
  ClientPolicy others = policy(Mode::kStrict);
  others.anchors = trust({other_root.pem()});
  const auto ours = verifier(policy(Mode::kStrict)), theirs = verifier(others);
  Admission admission = admit(ours, &good);
  EXPECT_FALSE(admission.judgement_due());
  admission.set_verifier(verifier(policy(Mode::kStrict)));
  EXPECT_FALSE(admission.judgement_due());
  admission.set_verifier(theirs);
  EXPECT_TRUE(admission.judgement_due());
  EXPECT_EQ(admission.standing(kNow).reason_code, x509::kReasonUntrustedIssuer);
  EXPECT_FALSE(admission.judgement_due());
  admission.set_verifier(verifier(policy(Mode::kPassthrough)));
  EXPECT_FALSE(admission.judgement_due()) << "everybody passes there";
}

TEST_F(VerdictTest, WhereNobodyIsAskedNothingIsSaid) {
  Admission admission(nullptr, nullptr);
  const Verdict verdict = verdict_of(admission);
  EXPECT_EQ(verdict.outcome, Outcome::kAdmitted);
  EXPECT_EQ(verdict.log_value, "");
  EXPECT_EQ(verdict.variable, "");
  EXPECT_EQ(admission.trust(), trust_digest(ClientPolicy{}));
}

TEST_F(VerdictTest, ARecordJudgedElsewhereIsNeverTrusted) {
  const auto strict = verifier(policy(Mode::kStrict));
  ClientPolicy loose = policy(Mode::kStrict);
  loose.verify_depth = 99;
  for (const auto& elsewhere :
       {verifier(loose), verifier(policy(Mode::kPassthrough)), verifier(policy(Mode::kPassthrough, false))}) {
    Admission admission(elsewhere->judge(good.presented(), kNow), strict);
    const Verdict verdict = verdict_of(admission);
    EXPECT_EQ(verdict.outcome, Outcome::kRefused);
    EXPECT_EQ(verdict.reason_code, x509::kReasonOther);
    EXPECT_EQ(verdict.log_value, "FAILED:certificate rejected");
  }
}

TEST_F(VerdictTest, AChangeOfTrustJudgesTheSameChainAgain) {
  ClientPolicy others = policy(Mode::kStrict);
  others.anchors = trust({other_root.pem()});
  const auto ours = verifier(policy(Mode::kStrict)), theirs = verifier(others);
  Admission ours_first = admit(ours, &good), theirs_first = admit(theirs, &good);
  EXPECT_EQ(verdict_of(theirs_first).outcome, Outcome::kRefused);
  for (int i = 0; i < 2; ++i) {
    ours_first.set_verifier(theirs);
    EXPECT_EQ(ours_first.trust(), theirs->trust());
    EXPECT_EQ(verdict_of(ours_first).reason_code, x509::kReasonUntrustedIssuer);
    ours_first.set_verifier(ours);
    EXPECT_EQ(verdict_of(ours_first).outcome, Outcome::kAdmitted);
  }
  theirs_first.set_verifier(ours);
  EXPECT_EQ(verdict_of(theirs_first).outcome, Outcome::kAdmitted);
}

TEST_F(VerdictTest, ChangesOfModeTakeEffectOnLiveConnections) {
  const auto strict = verifier(policy(Mode::kStrict)), passing = verifier(policy(Mode::kPassthrough, false));
  Admission known = admit(passing, &stranger), unknown = admit(passing, nullptr), trusted = admit(passing, &good);
  for (Admission* admission : {&known, &unknown, &trusted}) {
    EXPECT_EQ(verdict_of(*admission).outcome, Outcome::kAdmitted);
    admission->set_verifier(strict);
  }
  EXPECT_EQ(verdict_of(known).outcome, Outcome::kRefused);
  EXPECT_EQ(verdict_of(unknown).outcome, Outcome::kNoCertificate);
  EXPECT_EQ(verdict_of(trusted).outcome, Outcome::kAdmitted);
  known.set_verifier(passing);
  EXPECT_EQ(verdict_of(known).log_value, "PASSTHROUGH");
  known.set_verifier(nullptr);
  EXPECT_EQ(verdict_of(known).log_value, "");
  // By way of a listener that asks nobody, back to a strict one.
  known.set_verifier(strict);
  EXPECT_EQ(verdict_of(known).outcome, Outcome::kRefused);
  Admission round_about = admit(strict, &good);
  round_about.set_verifier(nullptr);
  round_about.set_verifier(strict);
  EXPECT_EQ(verdict_of(round_about).outcome, Outcome::kAdmitted);
}

TEST_F(VerdictTest, ANewVerifierOfTheSameTrustChangesNothing) {
  Admission admission = admit(verifier(policy(Mode::kStrict)), &good);
  const PeerRecord* before = admission.peer();
  admission.set_verifier(verifier(policy(Mode::kStrict)));
  EXPECT_EQ(verdict_of(admission).outcome, Outcome::kAdmitted);
  EXPECT_EQ(admission.peer(), before);
}

TEST_F(VerdictTest, JudgedAgainAChainKeepsItsIdentityAndItsLimits) {
  ClientPolicy changed = policy(Mode::kStrict);
  changed.verify_depth = 5;
  Admission admission = admit(verifier(policy(Mode::kStrict)), &good);
  const std::string fingerprint = admission.peer()->identity.fingerprint;
  admission.set_verifier(verifier(changed));
  EXPECT_EQ(verdict_of(admission).outcome, Outcome::kAdmitted);
  EXPECT_EQ(admission.peer()->identity.fingerprint, fingerprint);
  changed.presented_certificates = 1;
  changed.verify_depth = 6;
  admission.set_verifier(verifier(changed));
  EXPECT_NE(verdict_of(admission).outcome, Outcome::kAdmitted);
}

TEST_F(VerdictTest, JudgingAgainUsesTheTimeOfTheRequest) {
  ClientPolicy changed = policy(Mode::kStrict);
  changed.verify_depth = 5;
  Admission admission = admit(verifier(policy(Mode::kStrict)), &early);
  EXPECT_EQ(verdict_of(admission).reason_code, x509::kReasonNotYetValid);
  admission.set_verifier(verifier(changed));
  EXPECT_EQ(verdict_of(admission, kNow + hours(48)).outcome, Outcome::kAdmitted);
}

// Passthrough lists differing in CA files have one trust digest, but not one shadow.
TEST_F(VerdictTest, TheShadowFollowsItsCaFiles) {
  ClientPolicy others = policy(Mode::kPassthrough);
  others.anchors = trust({other_root.pem()});
  Admission admission = admit(verifier(policy(Mode::kPassthrough)), &good);
  EXPECT_EQ(verdict_of(admission).shadow, "SUCCESS");
  admission.set_verifier(verifier(others));
  EXPECT_EQ(verdict_of(admission).shadow.rfind("FAILED:", 0), 0U);
  admission.set_verifier(verifier(policy(Mode::kPassthrough, false)));
  EXPECT_EQ(verdict_of(admission).shadow, "");
  // A resumed session brings a record of before the change.
  const auto before = verifier(policy(Mode::kPassthrough))->judge(good.presented(), kNow);
  Admission resumed(before, verifier(others));
  EXPECT_EQ(verdict_of(resumed).shadow.rfind("FAILED:", 0), 0U);
}

}  // namespace
}  // namespace portcullis::clientauth
