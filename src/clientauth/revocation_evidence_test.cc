#include "clientauth/revocation_evidence.h"

#include <gtest/gtest.h>

#include "clientauth/explain.h"
#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using namespace std::chrono_literals;
using revocation::CertStatus;
using revocation::Outcome;
using Source = RevocationEvidence::Source;

struct RevocationEvidenceTest : PolicyTest {
  Verdict heard(Outcome outcome, std::optional<revocation::SignedAnswer> said, std::string detail = "") {
    auto answer = std::make_shared<OcspAnswer>();
    answer->query = std::make_shared<const OcspQuery>(revocation::CertId(good.certificate, good.issuers.front()),
                                                      good.issuers.front(), "http://r.test/", OcspPolicy{});
    answer->status = {outcome, said, std::move(detail)};
    answer->fetched_at = kNow - 90s;
    answer->latency = 12ms;
    Verdict verdict;
    verdict.ocsp = {answer, revocation::reason_of(outcome), 5ms, true, true, false};
    return verdict;
  }
};

TEST_F(RevocationEvidenceTest, OfAVerdictThatAskedNobodyIsNone) {
  const RevocationEvidence evidence = revocation_evidence({}, kNow);
  EXPECT_EQ(evidence.source, Source::kNone);
  EXPECT_EQ(evidence.source_name(), "");
  EXPECT_EQ(describe_revocation({}, kNow), "");
}

TEST_F(RevocationEvidenceTest, TellsWhatAResponderSaid) {
  const Verdict verdict =
      heard(Outcome::kRevoked, revocation::SignedAnswer{CertStatus::kRevoked, kNow - 1h, kNow + 1h, kNow - 2h, 1});
  const RevocationEvidence evidence = revocation_evidence(verdict, kNow);
  EXPECT_EQ(evidence.source_name(), "ocsp");
  EXPECT_EQ(evidence.status, "revoked");
  EXPECT_EQ(evidence.reason, "");
  EXPECT_EQ(evidence.responder, "http://r.test/");
  EXPECT_EQ(evidence.this_update, kNow - 1h);
  EXPECT_EQ(evidence.next_update, kNow + 1h);
  EXPECT_EQ(evidence.revoked_at, kNow - 2h);
  EXPECT_EQ(evidence.revocation_reason, "keyCompromise");
  EXPECT_EQ(evidence.age, 90s);
  EXPECT_EQ(evidence.latency, 12ms);
  EXPECT_EQ(evidence.waited, 5ms);
  EXPECT_TRUE(evidence.cache_hit);
  EXPECT_FALSE(evidence.allowed);
  EXPECT_EQ(describe_revocation(verdict, kNow),
            "OCSP: revoked, by http://r.test/, thisUpdate 2025-12-31T23:00:00.000Z, nextUpdate "
            "2026-01-01T01:00:00.000Z, revoked at 2025-12-31T22:00:00.000Z, 90.000 s old, fetched in 0.012 s");
}

TEST_F(RevocationEvidenceTest, TellsWhyNothingIsKnown) {
  Verdict verdict = heard(Outcome::kTimeout, std::nullopt, "no answer");
  verdict.outcome = Verdict::Outcome::kAdmitted;
  verdict.ocsp.by_leniency = true;
  const RevocationEvidence evidence = revocation_evidence(verdict, kNow);
  EXPECT_EQ(evidence.status, "failed");
  EXPECT_EQ(evidence.reason, "ocsp.timeout");
  EXPECT_EQ(evidence.detail, "no answer");
  EXPECT_EQ(evidence.this_update, std::nullopt);
  EXPECT_EQ(evidence.revoked_at, std::nullopt);
  EXPECT_TRUE(evidence.allowed);
  EXPECT_EQ(describe_revocation(verdict, kNow),
            "OCSP: failed (ocsp.timeout), by http://r.test/, 90.000 s old, fetched in 0.012 s: no answer; allowed by "
            "the host file");
  verdict.ocsp = {nullptr, "ocsp.pending", 0ms, true};
  const RevocationEvidence pending = revocation_evidence(verdict, kNow);
  EXPECT_EQ(pending.status, "failed");
  EXPECT_EQ(pending.responder, std::nullopt);
  EXPECT_EQ(pending.age, std::nullopt);
  EXPECT_EQ(describe_revocation(verdict, kNow), "OCSP: nothing has been heard (ocsp.pending)");
}

TEST_F(RevocationEvidenceTest, TellsWhatAListSaidWhereItDecided) {
  Verdict verdict = heard(Outcome::kGood, revocation::SignedAnswer{CertStatus::kGood, kNow});
  using Status = revocation::CrlAnswer::Status;
  verdict.crl = {{Status::kRevoked, "", kNow - 1h, kNow + 1h, {kNow - 2h, 4}}, true, false};
  const RevocationEvidence evidence = revocation_evidence(verdict, kNow);
  EXPECT_EQ(evidence.source_name(), "crl");
  EXPECT_EQ(evidence.status, "revoked");
  EXPECT_EQ(evidence.next_update, kNow + 1h);
  EXPECT_EQ(evidence.revoked_at, kNow - 2h);
  EXPECT_EQ(evidence.revocation_reason, "superseded");
  EXPECT_EQ(evidence.responder, std::nullopt);
  EXPECT_FALSE(evidence.cache_hit);
  EXPECT_EQ(describe_revocation(verdict, kNow),
            "revocation list: revoked, thisUpdate 2025-12-31T23:00:00.000Z, nextUpdate 2026-01-01T01:00:00.000Z, "
            "revoked at 2025-12-31T22:00:00.000Z");
  verdict.outcome = Verdict::Outcome::kAdmitted;
  verdict.crl = {{}, true, true};
  const RevocationEvidence missing = revocation_evidence(verdict, kNow);
  EXPECT_EQ(missing.reason, "crl.missing");
  EXPECT_EQ(missing.this_update, std::nullopt);
  EXPECT_TRUE(missing.allowed);
  EXPECT_EQ(describe_revocation(verdict, kNow), "revocation list: failed (crl.missing); allowed by the host file");
}

// A leaf whose responder is silent, which the host file allows, under an intermediate that a list revokes.
TEST_F(RevocationEvidenceTest, SaysNotThatTheHostFileAllowedWhoIsRefused) {
  Verdict verdict = heard(Outcome::kTimeout, std::nullopt, "no answer");
  verdict.ocsp.by_leniency = true;
  EXPECT_FALSE(revocation_evidence(verdict, kNow).allowed);
  using Status = revocation::CrlAnswer::Status;
  verdict.crl = {{Status::kRevoked, "", kNow - 1h, kNow + 1h, {kNow - 2h, 4}}, true, false};
  EXPECT_EQ(describe_revocation(verdict, kNow).find("allowed"), std::string::npos);
  verdict.crl.by_leniency = true;
  EXPECT_FALSE(revocation_evidence(verdict, kNow).allowed);
}

TEST_F(RevocationEvidenceTest, TellsWhereAListWasFetchedAndWhyNot) {
  Verdict verdict;
  const auto from = std::make_shared<const revocation::CrlUrl>("http://crl.test/a");
  verdict.crl.decided = true;
  verdict.crl.answer.status = revocation::CrlAnswer::Status::kGood;
  verdict.crl.answer.reason = {};
  verdict.crl.answer.origin =
      std::make_shared<const revocation::CrlOrigin>(revocation::CrlOrigin{from, kNow - 90s, 12ms});
  verdict.waited_for_lists = 15ms;
  const RevocationEvidence good = revocation_evidence(verdict, kNow);
  EXPECT_EQ(good.status, "good");
  EXPECT_EQ(good.url, "http://crl.test/a");
  EXPECT_EQ(good.age, 90s);
  EXPECT_EQ(good.latency, 12ms);
  EXPECT_EQ(good.waited, 15ms);
  EXPECT_EQ(describe_revocation(verdict, kNow),
            "revocation list: good, from http://crl.test/a, 90.000 s old, fetched in 0.012 s");
  // An old list is at hand, and no newer one could be had.
  verdict.crl.answer.status = revocation::CrlAnswer::Status::kUndetermined;
  verdict.crl.answer.reason = "crl.expired";
  verdict.crl.answer.failure = std::make_shared<const revocation::CrlFetchFailure>(
      revocation::CrlFetchFailure{"crl.timeout", "http://crl.test/b", "nothing has come"});
  const RevocationEvidence failed = revocation_evidence(verdict, kNow);
  EXPECT_EQ(failed.reason, "crl.timeout");
  EXPECT_EQ(failed.url, "http://crl.test/b");
  EXPECT_EQ(failed.detail, "nothing has come");
  EXPECT_EQ(failed.age, std::nullopt);
}

}  // namespace
}  // namespace portcullis::clientauth
