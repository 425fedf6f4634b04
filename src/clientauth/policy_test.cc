#include "clientauth/policy.h"

#include <set>

#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

TEST_F(PolicyTest, TrustDigestIsTheSameForTheSameTrust) {
  EXPECT_EQ(trust_digest(policy(Mode::kStrict)), trust_digest(policy(Mode::kStrict)));
  ClientPolicy one_way = policy(Mode::kStrict), other_way = one_way;
  one_way.anchors = trust({root.pem() + ca.pem(), other_root.pem()});
  other_way.anchors = trust({other_root.pem(), ca.pem() + root.pem()});
  EXPECT_EQ(trust_digest(one_way), trust_digest(other_way));
}

// Whatever decides who is trusted must change the digest (I2).
TEST_F(PolicyTest, TrustDigestChangesWithEachFieldThatDecides) {
  std::set<Digest> seen{trust_digest(policy(Mode::kStrict))};
  const auto differs = [&seen](const ClientPolicy& changed) { return seen.insert(trust_digest(changed)).second; };
  EXPECT_TRUE(differs(policy(Mode::kNone)));
  EXPECT_TRUE(differs(policy(Mode::kPassthrough)));
  ClientPolicy changed = policy(Mode::kStrict);
  changed.verify_issuer_dn = true;
  EXPECT_TRUE(differs(changed));
  changed = policy(Mode::kStrict);
  changed.verify_depth = 9;
  EXPECT_TRUE(differs(changed));
  for (const std::vector<std::string>& files :
       {std::vector{root.pem()}, {other_root.pem()}, {root.pem() + ca.pem(), other_root.pem()}}) {
    changed = policy(Mode::kStrict);
    changed.anchors = trust(files);
    EXPECT_TRUE(differs(changed));
  }
}

TEST_F(PolicyTest, TrustDigestIgnoresWhatDecidesNothing) {
  // Any two passthrough listeners trust alike, with a shadow or without, and so do any two that ask nobody.
  EXPECT_EQ(trust_digest(policy(Mode::kPassthrough, true)), trust_digest(policy(Mode::kPassthrough, false)));
  EXPECT_EQ(trust_digest(policy(Mode::kNone, false)), trust_digest(ClientPolicy{}));
}

TEST_F(PolicyTest, SessionDigestChangesWithEachPart) {
  const Digest trust = trust_digest(policy(Mode::kStrict)), other = trust_digest(policy(Mode::kNone));
  const std::set<Digest> digests{session_digest(trust, "gw/l", "p", "t"), session_digest(other, "gw/l", "p", "t"),
                                 session_digest(trust, "gw/m", "p", "t"), session_digest(trust, "gw/l", "q", "t"),
                                 session_digest(trust, "gw/l", "p", "u"), session_digest(trust, "gw/l", "", "pt"),
                                 session_digest(trust, "gw/lp", "", "t"), session_digest(trust, "gw/l", "pt", ""),
                                 session_digest(trust, "", "gw/l", "pt"), trust};
  EXPECT_EQ(digests.size(), 10U);
  EXPECT_EQ(session_digest(trust, "gw/l", "p", "t"), session_digest(trust, "gw/l", "p", "t"));
}

TEST_F(PolicyTest, ChainsOverTheLimitsAreNotJudgedAtAll) {
  for (const Mode mode : {Mode::kStrict, Mode::kPassthrough}) {
    ClientPolicy limited = policy(mode);
    limited.presented_certificates = 2;
    const auto judge = verifier(limited);
    x509::CertificateList chain = good.presented();
    ASSERT_EQ(chain.size(), 2U);
    EXPECT_NE(judge->judge(chain, kNow), nullptr);
    chain.push_back(root.certificate);
    EXPECT_EQ(judge->judge(chain, kNow), nullptr);
  }
}

TEST_F(PolicyTest, AnRsaKeyOverTheLimitIsNotJudgedWhereverItStands) {
  EVP_PKEY* big = EVP_RSA_gen(4096U);
  const x509::Issued big_leaf = pki.leaf("big", ca, {.eku = "clientAuth", .public_key = big});
  const x509::Issued big_ca = pki.intermediate("Big CA", root, {.public_key = big});
  EVP_PKEY_free(big);
  const x509::Issued small_leaf = pki.leaf("small", ca, {.key = x509::TestKey::kRsa2048, .eku = "clientAuth"});
  ClientPolicy limited = policy(Mode::kPassthrough);
  limited.rsa_bits = 2048;
  const auto judge = verifier(limited);
  EXPECT_NE(judge->judge(small_leaf.presented(), kNow), nullptr);
  EXPECT_EQ(judge->judge(big_leaf.presented(), kNow), nullptr);
  EXPECT_EQ(judge->judge({good.certificate, big_ca.certificate}, kNow), nullptr);
  limited.rsa_bits = 4096;
  EXPECT_NE(verifier(limited)->judge(big_leaf.presented(), kNow), nullptr);
}

TEST_F(PolicyTest, StrictResumesOnlyWhatStillVerifiesUnderTheSameTrust) {
  const auto strict = verifier(policy(Mode::kStrict));
  const auto judged = [&](const x509::Issued& who) { return strict->judge(who.presented(), kNow); };
  EXPECT_TRUE(strict->may_resume(judged(good).get(), kNow, kNow));
  EXPECT_TRUE(strict->may_resume(nullptr, kNow, kNow));
  EXPECT_FALSE(strict->may_resume(judged(expired).get(), kNow, kNow));
  EXPECT_FALSE(strict->may_resume(judged(stranger).get(), kNow, kNow));
  const auto soon_over = judged(dying);
  EXPECT_TRUE(strict->may_resume(soon_over.get(), kNow, kNow + std::chrono::minutes(59)));
  EXPECT_FALSE(strict->may_resume(soon_over.get(), kNow, kNow + std::chrono::hours(2)));
  ClientPolicy other = policy(Mode::kStrict);
  other.verify_issuer_dn = true;
  EXPECT_FALSE(verifier(other)->may_resume(judged(good).get(), kNow, kNow));
  const auto unjudged = verifier(policy(Mode::kPassthrough, false))->judge(good.presented(), kNow);
  EXPECT_FALSE(strict->may_resume(unjudged.get(), kNow, kNow));
}

TEST_F(PolicyTest, PassthroughResumesWhoeverItIs) {
  const auto passing = verifier(policy(Mode::kPassthrough));
  for (const x509::Issued* who : {&good, &expired, &stranger, &self_signed}) {
    const auto record = passing->judge(who->presented(), kNow);
    EXPECT_TRUE(passing->may_resume(record.get(), kNow, kNow + std::chrono::hours(1000)));
  }
}

}  // namespace
}  // namespace portcullis::clientauth
