#include <set>

#include "clientauth/test_policies.h"
#include "clientauth/verdict.h"
#include "revocation/test_crls.h"
#include "x509/sha256.h"

namespace portcullis::clientauth {
namespace {

using revocation::SignedCrl;
using revocation::TestCrl;

struct CrlVerdictTest : PolicyTest {
  std::shared_ptr<Verifier> with_lists(const revocation::Leniency& leniency = {}, bool intermediates = false) {
    ClientPolicy made = policy(Mode::kStrict);
    made.crl = CrlPolicy{slot, leniency, false, intermediates};
    return verifier(std::move(made));
  }
  // The list of the issuing CA with these on it is in force.
  void publish(const std::vector<const x509::Issued*>& revoked, const x509::Issued& by) {
    TestCrl crl;
    for (const x509::Issued* who : revoked) crl.entries.push_back({revocation::serial_of(who->certificate), {}, {}});
    const std::string bytes = revocation::make_crl(by, crl);
    lists.push_back({revocation::parse_crl(bytes).value().crl, by.certificate});
    slot->set(revocation::CrlIndex::build(lists));
  }
  Admission admit(const x509::Issued& leaf, const std::shared_ptr<Verifier>& by) {
    return {by->judge(leaf.presented(), kNow), by};
  }

  std::shared_ptr<CrlSlot> slot = std::make_shared<CrlSlot>(x509::sha256("here"));
  std::vector<SignedCrl> lists;
};

TEST_F(CrlVerdictTest, RefusesFromTheMomentThatAListRevokes) {
  publish({}, ca);
  const auto by = with_lists();
  Admission admission = admit(good, by);
  const Verdict before = verdict_of(admission);
  EXPECT_EQ(before.log_value, "SUCCESS");
  EXPECT_TRUE(before.crl.decided);
  EXPECT_TRUE(by->may_resume(admission.peer(), kNow, kNow));
  EXPECT_EQ(admission.standing(kNow).reason_code, "");
  lists.clear();
  publish({&good}, ca);
  const Verdict after = verdict_of(admission);
  EXPECT_EQ(after.outcome, Verdict::Outcome::kRefused);
  EXPECT_EQ(after.log_value, "FAILED:certificate revoked");
  EXPECT_EQ(after.reason_code, "client_cert.revoked");
  EXPECT_EQ(after.variable, "");
  EXPECT_EQ(admission.standing(kNow).reason_code, "client_cert.revoked");
  EXPECT_FALSE(by->may_resume(admission.peer(), kNow, kNow)) << "I4";
}

TEST_F(CrlVerdictTest, I11NoListIsNotGood) {
  Admission admission = admit(good, with_lists());
  const Verdict verdict = verdict_of(admission);
  EXPECT_EQ(verdict.log_value, "FAILED:certificate status request failed");
  EXPECT_EQ(verdict.reason_code, "client_cert.status_request_failed");
  EXPECT_EQ(verdict.crl.answer.reason, "crl.missing");
  EXPECT_EQ(admission.standing(kNow).reason_code, "") << "not known to be";
  Admission lenient = admit(good, with_lists({.no_responder = true}));
  const Verdict allowed = verdict_of(lenient);
  EXPECT_EQ(allowed.outcome, Verdict::Outcome::kAdmitted);
  EXPECT_TRUE(allowed.crl.by_leniency);
}

TEST_F(CrlVerdictTest, AskedForIntermediatesItLooksThemUpToo) {
  publish({}, ca);
  publish({&ca}, root);
  Admission leaf_only = admit(good, with_lists());
  EXPECT_EQ(verdict_of(leaf_only).outcome, Verdict::Outcome::kAdmitted);
  Admission whole = admit(good, with_lists({}, true));
  EXPECT_EQ(verdict_of(whole).reason_code, "client_cert.revoked");
}

TEST_F(CrlVerdictTest, WhoDoesNotVerifyIsNotLookedUp) {
  publish({&expired, &stranger}, ca);
  for (const x509::Issued* who : {&expired, &stranger}) {
    Admission admission = admit(*who, with_lists());
    const Verdict verdict = verdict_of(admission);
    EXPECT_FALSE(verdict.crl.decided);
    EXPECT_NE(verdict.reason_code, "client_cert.revoked");
  }
}

TEST_F(CrlVerdictTest, I2TheTrustDigestCoversWhereListsComeFrom) {
  const auto digest = [this](const std::optional<CrlPolicy>& crl) {
    ClientPolicy made = policy(Mode::kStrict);
    made.crl = crl;
    return trust_digest(made);
  };
  const auto elsewhere = std::make_shared<CrlSlot>(x509::sha256("elsewhere"));
  const auto twin = std::make_shared<CrlSlot>(x509::sha256("here"));
  const std::vector<std::optional<CrlPolicy>> different{
      std::nullopt,
      CrlPolicy{slot},
      CrlPolicy{elsewhere},
      CrlPolicy{slot, {.no_responder = true}},
      CrlPolicy{slot, {.expired_response = true}},
      CrlPolicy{slot, {}, true},
      CrlPolicy{slot, {}, false, true},
  };
  std::set<Digest> seen;
  for (const auto& one : different) EXPECT_TRUE(seen.insert(digest(one)).second);
  publish({&good}, ca);
  EXPECT_EQ(digest(CrlPolicy{slot}), digest(CrlPolicy{twin})) << "not what the lists say: sessions survive a new list";
}

}  // namespace
}  // namespace portcullis::clientauth
