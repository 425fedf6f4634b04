#include "x509/throwaway_pki.h"

#include <gtest/gtest.h>

#include "x509/key_pair.h"
#include "x509/pem.h"
#include "x509/trust_anchors.h"

namespace portcullis::x509 {
namespace {

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2031} / 5 / 6}};

struct ThrowawayPkiTest : testing::Test {
  void SetUp() override {
    auto made = make_throwaway_pki(kNow);
    ASSERT_TRUE(made) << made.error().message;
    pki = std::move(*made);
    auto file = parse_trusted_ca_file(pki.client_ca_pem, kNow);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE(file->warnings.empty());
    auto built = TrustAnchors::build({*file});
    ASSERT_TRUE(built) << built.error().message;
    anchors = *built;
  }
  PathVerdict judge(const ThrowawayIdentity& identity, WallTime at) const {
    return anchors->verify_client_chain(read_pem(identity.chain_pem)->certificates, at, {.verify_issuer_dn = true});
  }

  ThrowawayPki pki;
  std::shared_ptr<const TrustAnchors> anchors;
};

TEST_F(ThrowawayPkiTest, AdmitsTheClientForThirtyDaysAndNoLonger) {
  EXPECT_TRUE(judge(pki.client, kNow).ok);
  EXPECT_TRUE(judge(pki.client, kNow + kThrowawayLifetime - std::chrono::seconds(1)).ok);
  EXPECT_EQ(judge(pki.client, kNow + kThrowawayLifetime + std::chrono::seconds(1)).reason_code, kReasonExpired);
}

TEST_F(ThrowawayPkiTest, TheOldClientHasExpiredAndNothingElseIsWrongWithIt) {
  EXPECT_EQ(judge(pki.old_client, kNow).reason_code, kReasonExpired);
  // Judged while it was valid, only the younger CAs above it are refused: not_yet_valid, at depth 1 and 2.
  const PathVerdict then = judge(pki.old_client, kNow - std::chrono::days(2));
  EXPECT_EQ(then.reason_code, kReasonNotYetValid);
  for (const PathError& error : then.errors) EXPECT_GT(error.depth, 0);
}

TEST_F(ThrowawayPkiTest, TheServersCertificateIsNoClients) {
  EXPECT_EQ(judge(pki.server, kNow).reason_code, kReasonWrongPurpose);
}

TEST_F(ThrowawayPkiTest, EveryIdentityIsAKeyPairOfItsOwn) {
  for (const ThrowawayIdentity* one : {&pki.server, &pki.client, &pki.old_client}) {
    auto pair = load_pem_bundle(one->chain_pem + one->key_pem);
    ASSERT_TRUE(pair) << pair.error().message;
    EXPECT_EQ(pair->chain.size(), 1U);
  }
  EXPECT_FALSE(load_pem_bundle(pki.client.chain_pem + pki.server.key_pem));
}

TEST_F(ThrowawayPkiTest, TwoOfThemShareNothing) {
  const auto other = make_throwaway_pki(kNow);
  ASSERT_TRUE(other);
  EXPECT_NE(other->root_pem, pki.root_pem);
  EXPECT_FALSE(judge(other->client, kNow).ok);
}

TEST_F(ThrowawayPkiTest, TellsWhenAFileEnds) {
  EXPECT_EQ(first_not_after(pki.server.chain_pem), kNow + kThrowawayLifetime);
  EXPECT_EQ(first_not_after(pki.old_client.chain_pem), kNow - std::chrono::days(1));
  for (const char* none : {"", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(first_not_after(none), WallTime::min()) << none;
  }
}

}  // namespace
}  // namespace portcullis::x509
