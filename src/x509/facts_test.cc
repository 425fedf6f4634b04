#include "x509/facts.h"

#include <gtest/gtest.h>

#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

TEST(CertificateFacts, KeysAndSignaturesByTheirCommonNames) {
  TestPki pki;
  const Issued root = pki.root("Root");
  EXPECT_EQ(facts_of(root.certificate).key, "EC P-256");
  EXPECT_EQ(facts_of(root.certificate).signature, "ecdsa-with-SHA256");
  EXPECT_EQ(facts_of(pki.leaf("a", root, {.key = TestKey::kP384}).certificate).key, "EC P-384");
  EXPECT_EQ(facts_of(pki.leaf("a", root, {.key = TestKey::kRsa2048}).certificate).key, "RSA 2048");
  EXPECT_EQ(facts_of(pki.leaf("a", root, {.key = TestKey::kEd25519}).certificate).key, "ED25519");
}

TEST(CertificateFacts, PurposesAreAbsentOrListed) {
  TestPki pki;
  const Issued root = pki.root("Root");
  EXPECT_FALSE(facts_of(pki.leaf("a", root, {}).certificate).purposes.has_value());
  const auto both = facts_of(pki.leaf("a", root, {.eku = "clientAuth,1.2.3.4"}).certificate).purposes;
  EXPECT_EQ(both, (std::vector<std::string>{"clientAuth", "1.2.3.4"}));
}

TEST(CertificateFacts, ConstraintsAndCriticalExtensions) {
  TestPki pki;
  const Issued root = pki.root("Root", {.path_length = 2, .extensions = {{"nameConstraints", "permitted;DNS:.test"}}});
  const CertificateFacts facts = facts_of(root.certificate);
  EXPECT_TRUE(facts.ca);
  EXPECT_EQ(facts.path_length, 2);
  EXPECT_TRUE(facts.name_constraints);
  EXPECT_EQ(facts.critical, (std::vector<std::string>{"basicConstraints", "keyUsage"}));
  const CertificateFacts leaf = facts_of(pki.leaf("a", root).certificate);
  EXPECT_FALSE(leaf.ca);
  EXPECT_FALSE(leaf.path_length.has_value());
  EXPECT_FALSE(leaf.name_constraints);
}

}  // namespace
}  // namespace portcullis::x509
