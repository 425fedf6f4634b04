#include "revocation/crl_decision.h"

#include <gtest/gtest.h>

namespace portcullis::revocation {
namespace {

CrlAnswer crl(std::string_view what) {
  CrlAnswer answer;
  answer.reason = {};
  if (what == "good") {
    answer.status = CrlAnswer::Status::kGood;
  } else if (what == "revoked") {
    answer.status = CrlAnswer::Status::kRevoked;
  } else {
    answer.reason = what;
  }
  return answer;
}

RevocationStatus ocsp(Outcome outcome) {
  RevocationStatus status;
  status.outcome = outcome;
  return status;
}

std::string_view shown(const Decision& decision) {
  if (decision.admitted) return decision.by_leniency ? "lenient" : "admitted";
  return decision.reason_code;
}

constexpr std::string_view kRevoked = "client_cert.revoked";
constexpr std::string_view kUnknown = "client_cert.status_unknown";
constexpr std::string_view kFailed = "client_cert.status_request_failed";

TEST(CrlDecision, ListsAlone) {
  const Leniency none;
  EXPECT_EQ(shown(decide(crl("good"), none)), "admitted");
  EXPECT_EQ(shown(decide(crl("revoked"), none)), kRevoked);
  EXPECT_EQ(decide(crl("revoked"), none).log_text, "certificate revoked");
  for (const char* reason : {"crl.missing", "crl.expired", "crl.not_yet_valid"}) {
    EXPECT_EQ(shown(decide(crl(reason), none)), kFailed);
    EXPECT_EQ(decide(crl(reason), none).log_text, "certificate status request failed");
  }
  const Leniency all{true, true, true, true};
  EXPECT_EQ(shown(decide(crl("revoked"), all)), kRevoked);
  EXPECT_EQ(shown(decide(crl("crl.not_yet_valid"), all)), kFailed);
  EXPECT_EQ(shown(decide(crl("crl.missing"), {.no_responder = true})), "lenient");
  EXPECT_EQ(shown(decide(crl("crl.missing"), {.unreachable = true, .expired_response = true})), kFailed);
  EXPECT_EQ(shown(decide(crl("crl.expired"), {.expired_response = true})), "lenient");
  EXPECT_EQ(shown(decide(crl("crl.expired"), {.no_responder = true})), kFailed);
}

TEST(CrlDecision, AListThatCouldNotBeHad) {
  const auto fetched = [](std::string_view had, std::string_view fetch) {
    CrlAnswer answer = crl(had);
    answer.failure = std::make_shared<const CrlFetchFailure>(CrlFetchFailure{fetch, "http://crl.test/", "test"});
    return answer;
  };
  for (const char* fetch : {"crl.unreachable", "crl.timeout", "crl.http_status", "crl.address_denied"}) {
    EXPECT_EQ(shown(decide(fetched("crl.missing", fetch), {})), kFailed);
    EXPECT_EQ(shown(decide(fetched("crl.missing", fetch), {.unreachable = true})), "lenient");
    EXPECT_EQ(shown(decide(fetched("crl.missing", fetch), {false, true, true, true})), kFailed) << fetch;
    EXPECT_EQ(shown(decide(fetched("crl.expired", fetch), {.unreachable = true})), "lenient");
    EXPECT_EQ(shown(decide(fetched("crl.expired", fetch), {.expired_response = true})), "lenient");
    EXPECT_EQ(shown(decide(crl("revoked"), {true, true, true, true})), kRevoked);
    EXPECT_EQ(reason_of(fetched("crl.expired", fetch)), fetch);
  }
  for (const char* fetch :
       {"crl.bad_signature", "crl.malformed", "crl.too_large", "crl.unknown_issuer", "crl.pending"}) {
    for (const char* had : {"crl.missing", "crl.expired"}) {
      EXPECT_EQ(shown(decide(fetched(had, fetch), {true, true, true, true})), kFailed) << fetch;
    }
  }
  EXPECT_EQ(reason_of(crl("crl.expired")), "crl.expired");
  EXPECT_EQ(reason_of(crl("good")), "");
}

TEST(CrlDecision, WhenTheResponderNeedNotBeAsked) {
  for (const bool first : {false, true}) {
    EXPECT_TRUE(settles(crl("revoked"), first));
    EXPECT_EQ(settles(crl("good"), first), first);
    EXPECT_FALSE(settles(crl("crl.expired"), first));
  }
}

TEST(CrlDecision, BothSourcesInEitherOrder) {
  const struct {
    std::string_view lists;
    Outcome responder;
    bool crl_first;
    std::string_view expected;
    bool by_crl;
  } cases[] = {
      {"revoked", Outcome::kGood, false, kRevoked, true},
      {"revoked", Outcome::kGood, true, kRevoked, true},
      {"good", Outcome::kRevoked, false, kRevoked, false},
      {"good", Outcome::kGood, false, "admitted", false},
      {"good", Outcome::kGood, true, "admitted", true},
      {"good", Outcome::kUnknown, false, kUnknown, false},
      {"good", Outcome::kTimeout, false, "admitted", true},
      {"good", Outcome::kBadSignature, false, "admitted", true},
      {"crl.missing", Outcome::kGood, true, "admitted", false},
      {"crl.expired", Outcome::kRevoked, true, kRevoked, false},
      {"crl.expired", Outcome::kUnknown, true, kUnknown, false},
      {"crl.missing", Outcome::kTimeout, false, kFailed, false},
      {"crl.missing", Outcome::kTimeout, true, kFailed, true},
  };
  for (const auto& one : cases) {
    const JointDecision joint = decide_jointly(crl(one.lists), ocsp(one.responder), one.crl_first, {});
    EXPECT_EQ(shown(joint.decision), one.expected) << one.lists << " " << reason_of(one.responder);
    EXPECT_EQ(joint.by_crl, one.by_crl) << one.lists << " " << reason_of(one.responder);
  }
}

TEST(CrlDecision, LeniencyMustCoverBoth) {
  const CrlAnswer missing = crl("crl.missing");
  const RevocationStatus silent = ocsp(Outcome::kTimeout);
  for (const bool first : {false, true}) {
    EXPECT_EQ(shown(decide_jointly(missing, silent, first, {.unreachable = true}).decision), kFailed);
    EXPECT_EQ(shown(decide_jointly(missing, silent, first, {.no_responder = true}).decision), kFailed);
    EXPECT_EQ(shown(decide_jointly(missing, silent, first, {.unreachable = true, .no_responder = true}).decision),
              "lenient");
    EXPECT_EQ(shown(decide_jointly(missing, ocsp(Outcome::kBadSignature), first, {true, true, true, true}).decision),
              kFailed);
  }
}

TEST(CrlDecision, AnOlderRevokedAnswerStillCounts) {
  RevocationStatus silent = ocsp(Outcome::kTimeout);
  silent.answer = SignedAnswer{.status = CertStatus::kRevoked};
  EXPECT_EQ(shown(decide_jointly(crl("good"), silent, false, {}).decision), kRevoked);
}

}  // namespace
}  // namespace portcullis::revocation
