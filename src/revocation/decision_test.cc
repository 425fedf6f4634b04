#include "revocation/decision.h"

#include <vector>

#include <gtest/gtest.h>

namespace portcullis::revocation {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
constexpr Leniency kEverything{true, true, true, true};

RevocationStatus signed_status(Outcome outcome, CertStatus status, WallTime this_update = kNow - 1h,
                               WallTime next_update = kNow + 1h) {
  RevocationStatus made;
  made.outcome = outcome;
  made.answer = SignedAnswer{status, this_update, next_update, {}, -1};
  return made;
}
RevocationStatus good(WallTime this_update = kNow - 1h, WallTime next_update = kNow + 1h) {
  return signed_status(Outcome::kGood, CertStatus::kGood, this_update, next_update);
}
RevocationStatus revoked(WallTime this_update = kNow - 1h) {
  return signed_status(Outcome::kRevoked, CertStatus::kRevoked, this_update, this_update + 1h);
}

TEST(Decision, FollowsTheTable) {
  struct Case {
    Outcome outcome;
    bool Leniency::*allowed_by;  // null: by nothing
    const char* log_text;
    const char* reason_code;
    const char* reason;
  };
  const char* failed_text = "certificate status request failed";
  const char* failed_code = "client_cert.status_request_failed";
  const std::vector<Case> cases{
      {Outcome::kRevoked, nullptr, "certificate revoked", "client_cert.revoked", ""},
      {Outcome::kUnknown, &Leniency::unknown, "certificate status unknown", "client_cert.status_unknown",
       "ocsp.unknown"},
      {Outcome::kNoResponder, &Leniency::no_responder, failed_text, failed_code, "ocsp.no_responder"},
      {Outcome::kPending, nullptr, failed_text, failed_code, "ocsp.pending"},
      {Outcome::kUnreachable, &Leniency::unreachable, failed_text, failed_code, "ocsp.unreachable"},
      {Outcome::kAddressDenied, &Leniency::unreachable, failed_text, failed_code, "ocsp.address_denied"},
      {Outcome::kTimeout, &Leniency::unreachable, failed_text, failed_code, "ocsp.timeout"},
      {Outcome::kHttpStatus, &Leniency::unreachable, failed_text, failed_code, "ocsp.http_status"},
      {Outcome::kTryLater, &Leniency::unreachable, failed_text, failed_code, "ocsp.try_later"},
      {Outcome::kMalformed, nullptr, failed_text, failed_code, "ocsp.malformed"},
      {Outcome::kUnauthorized, nullptr, failed_text, failed_code, "ocsp.unauthorized"},
      {Outcome::kWrongCertificate, nullptr, failed_text, failed_code, "ocsp.wrong_cert"},
      {Outcome::kBadSignature, nullptr, failed_text, failed_code, "ocsp.bad_signature"},
      {Outcome::kNotYetValid, nullptr, failed_text, failed_code, "ocsp.not_yet_valid"},
  };
  const std::vector<bool Leniency::*> switches{&Leniency::unreachable, &Leniency::unknown, &Leniency::no_responder,
                                               &Leniency::expired_response};
  for (const Case& one : cases) {
    const RevocationStatus status = failed(one.outcome, "test");
    const Decision strict = decide(status, {});
    EXPECT_FALSE(strict.admitted || strict.by_leniency) << one.reason;
    EXPECT_EQ(strict.log_text, one.log_text);
    EXPECT_EQ(strict.reason_code, one.reason_code);
    EXPECT_EQ(reason_of(one.outcome), one.reason);
    for (const auto allowed : switches) {
      Leniency leniency;
      leniency.*allowed = true;
      const Decision lenient = decide(status, leniency);
      EXPECT_EQ(lenient.admitted, allowed == one.allowed_by) << one.reason;
      EXPECT_EQ(lenient.by_leniency, lenient.admitted) << one.reason;
    }
  }
  const Decision passes = decide(good(), {});
  EXPECT_TRUE(passes.admitted && !passes.by_leniency && passes.log_text.empty() && passes.reason_code.empty());
}

TEST(Decision, OnAnExpiredAnswerNeedsThatToBeAllowed) {
  const Leniency expired{.expired_response = true};
  const RevocationStatus stale_good = signed_status(Outcome::kExpired, CertStatus::kGood);
  EXPECT_FALSE(decide(stale_good, {}).admitted);
  EXPECT_TRUE(decide(stale_good, expired).by_leniency);
  EXPECT_FALSE(decide(stale_good, {.unreachable = true, .unknown = true, .no_responder = true}).admitted);
  const RevocationStatus stale_unknown = signed_status(Outcome::kExpired, CertStatus::kUnknown);
  EXPECT_FALSE(decide(stale_unknown, expired).admitted);
  EXPECT_FALSE(decide(stale_unknown, {.unknown = true}).admitted);
  EXPECT_TRUE(decide(stale_unknown, {.unknown = true, .expired_response = true}).admitted);
  EXPECT_EQ(reason_of(Outcome::kExpired), "ocsp.expired");
  // No newer answer can be had.
  RevocationStatus down = failed(Outcome::kTimeout, "");
  EXPECT_FALSE(decide(down, expired).admitted);
  down.answer = good(kNow - 3h, kNow - 2h).answer;
  EXPECT_FALSE(decide(down, {}).admitted);
  EXPECT_TRUE(decide(down, expired).by_leniency);
}

TEST(Decision, NeverAdmitsTheRevoked) {
  EXPECT_FALSE(decide(revoked(), kEverything).admitted);
  // Whatever became of later questions.
  for (const Outcome outcome : {Outcome::kGood, Outcome::kExpired, Outcome::kUnreachable, Outcome::kUnknown,
                                Outcome::kNoResponder, Outcome::kTimeout}) {
    RevocationStatus later = failed(outcome, "");
    later.answer = revoked().answer;
    EXPECT_EQ(decide(later, kEverything).reason_code, "client_cert.revoked");
  }
}

TEST(WhatIsKnown, RevokedStandsUntilANewerGoodAnswer) {
  for (const Outcome outcome : {Outcome::kUnreachable, Outcome::kTimeout, Outcome::kBadSignature, Outcome::kExpired,
                                Outcome::kNotYetValid, Outcome::kMalformed, Outcome::kNoResponder}) {
    EXPECT_EQ(merged(revoked(), failed(outcome, ""), kNow + 100h).outcome, Outcome::kRevoked);
  }
  EXPECT_EQ(merged(revoked(), signed_status(Outcome::kUnknown, CertStatus::kUnknown, kNow), kNow).outcome,
            Outcome::kRevoked);
  EXPECT_EQ(merged(revoked(kNow - 1h), good(kNow - 1h), kNow).outcome, Outcome::kRevoked) << "not newer";
  EXPECT_EQ(merged(revoked(kNow - 1h), good(kNow - 2h), kNow).outcome, Outcome::kRevoked) << "a replay";
  EXPECT_EQ(merged(revoked(kNow - 2h), good(kNow - 1h), kNow).outcome, Outcome::kGood);
  EXPECT_EQ(merged(good(kNow), revoked(kNow - 1h), kNow).outcome, Outcome::kRevoked) << "whichever is newer";
}

TEST(WhatIsKnown, GoodHoldsUntilItsTimeWhileNoAnswerComes) {
  EXPECT_EQ(merged(good(), failed(Outcome::kUnreachable, ""), kNow).outcome, Outcome::kGood);
  EXPECT_EQ(merged(good(), failed(Outcome::kBadSignature, ""), kNow).outcome, Outcome::kGood);
  EXPECT_EQ(merged(good(), signed_status(Outcome::kUnknown, CertStatus::kUnknown), kNow).outcome, Outcome::kUnknown);
  const RevocationStatus late = merged(good(), failed(Outcome::kTimeout, "x"), kNow + 1h);
  EXPECT_EQ(late.outcome, Outcome::kTimeout);
  ASSERT_TRUE(late.answer) << "kept, for who allows expired answers";
  EXPECT_EQ(late.answer->status, CertStatus::kGood);
  // Through one failure after the other.
  EXPECT_TRUE(merged(late, failed(Outcome::kUnreachable, "y"), kNow + 2h).answer);
}

}  // namespace
}  // namespace portcullis::revocation
