#include "x509/internal/proven_links.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "base/lever.h"
#include "x509/internal/owned.h"
#include "x509/test_pki.h"
#include "x509/trust_anchors.h"

namespace portcullis::x509::internal {
namespace {

constexpr std::time_t kNow = 1'700'000'000;
const WallTime kWallNow{std::chrono::seconds(kNow)};
constexpr auto kDay = std::chrono::hours(24);

struct Switch {
  explicit Switch(const char* to) { setenv(kProvenLinksLever, to, 1); }
  ~Switch() { unsetenv(kProvenLinksLever); }
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;
};

class ProvenLinksTest : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv(kProvenLinksLever); }  // these test the lever itself
  void upload(std::initializer_list<const Issued*> cas) {
    links.add_root(root.certificate);
    for (const Issued* child : cas) {
      links.prove(child->certificate, root.certificate);
      for (const Issued* issuer : cas) links.prove(child->certificate, issuer->certificate);
    }
  }
  bool covers(std::initializer_list<const Certificate*> path, std::time_t at = kNow) const {
    const Owned<STACK_OF(X509), free_stack> stack(sk_X509_new_null());
    for (const Certificate* certificate : path) CHECK(sk_X509_push(stack.get(), certificate->native()) > 0);
    return links.cover(stack.get(), at);
  }
  static void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

  TestPki pki;
  Issued root = pki.root("Root");
  Issued upper = pki.intermediate("Upper", root);
  Issued lower = pki.intermediate("Lower", upper);
  Issued leaf = pki.leaf("client", lower);
  ProvenLinks links;
};

TEST_F(ProvenLinksTest, CoversAPathOfUploadedCas) {
  upload({&lower, &upper});
  EXPECT_TRUE(covers({&leaf.certificate, &lower.certificate, &upper.certificate, &root.certificate}));
}

TEST_F(ProvenLinksTest, NeverCoversACopyThatIsNotTheUploadedCertificateItself) {
  upload({&lower, &upper});
  const auto copy = Certificate::from_der(lower.certificate.der());
  ASSERT_TRUE(copy);
  EXPECT_FALSE(covers({&leaf.certificate, &*copy, &upper.certificate, &root.certificate}));
}

TEST_F(ProvenLinksTest, NeverCoversAGapOrAnotherEnd) {
  upload({&lower, &upper});
  EXPECT_FALSE(covers({&leaf.certificate, &lower.certificate, &root.certificate}));
  EXPECT_FALSE(covers({&leaf.certificate, &lower.certificate, &upper.certificate}));
  EXPECT_FALSE(covers({&leaf.certificate, &root.certificate}));
  EXPECT_FALSE(covers({}));
}

TEST_F(ProvenLinksTest, AForgedCaIsNotProven) {
  const Certificate bad = forged(upper.certificate);
  links.add_root(root.certificate);
  links.prove(bad, root.certificate);
  links.prove(lower.certificate, bad);
  EXPECT_FALSE(covers({&leaf.certificate, &lower.certificate, &bad, &root.certificate}));
}

TEST_F(ProvenLinksTest, AnIssuerThatMaySignNoCertificatesProvesNothing) {
  const Issued mute = pki.intermediate("Mute", root, {.extensions = {{"keyUsage", "critical,cRLSign"}}});
  const Issued below = pki.leaf("client", mute);
  links.add_root(root.certificate);
  links.prove(mute.certificate, root.certificate);
  EXPECT_FALSE(covers({&below.certificate, &mute.certificate, &root.certificate}));
}

TEST_F(ProvenLinksTest, EveryDateCounts) {
  const WallTime later = kWallNow + kDay;
  for (const int which : {0, 1, 2}) {
    const auto spec = [&](int position) { return CertSpec{.not_after = position == which ? later : kTestNotAfter}; };
    const Issued own = pki.root("Own", spec(2));
    const Issued ca = pki.intermediate("CA", own, spec(1));
    const Issued below = pki.leaf("client", ca, spec(0));
    links.add_root(own.certificate);
    links.prove(ca.certificate, own.certificate);
    EXPECT_TRUE(covers({&below.certificate, &ca.certificate, &own.certificate})) << which;
    EXPECT_FALSE(covers({&below.certificate, &ca.certificate, &own.certificate}, kNow + 86'401)) << which;
    EXPECT_FALSE(covers({&below.certificate, &ca.certificate, &own.certificate}, 1'500'000'000)) << which;
  }
}

TEST_F(ProvenLinksTest, CanBeSwitchedOff) {
  const Switch off("off");
  upload({&lower, &upper});
  EXPECT_FALSE(covers({&leaf.certificate, &lower.certificate, &upper.certificate, &root.certificate}));
}

// What clients may come with, good and bad, under the same upload with the switch on and off: no verdict differs in
// anything.
TEST_F(ProvenLinksTest, NoVerdictDependsOnIt) {
  const Issued stale = pki.intermediate("Stale", root, {.not_after = kWallNow - kDay});
  const Issued fresh = pki.intermediate("Stale", root, {.public_key = stale.key.native()});
  const Issued narrow =
      pki.intermediate("Narrow", root, {.extensions = {{"nameConstraints", "critical,permitted;DNS:allowed.test"}}});
  const Issued flat = pki.intermediate("Flat", root, {.path_length = 0});
  const Issued deep = pki.intermediate("Deep", flat);
  const Issued mute = pki.intermediate("Mute", root, {.extensions = {{"keyUsage", "critical,cRLSign"}}});
  const Issued stranger = pki.root("Stranger");
  std::string text;
  std::vector<const Issued*> issuers{&root, &lower, &upper, &stale, &narrow, &flat, &deep, &mute};
  for (const Issued* part : issuers) text += part->pem();

  std::vector<CertificateList> chains{leaf.presented(),
                                      {leaf.certificate},
                                      {forged(leaf.certificate), lower.certificate},
                                      {leaf.certificate, forged(lower.certificate)},
                                      {lower.certificate},
                                      {root.certificate},
                                      {stranger.certificate}};
  issuers.push_back(&stranger);
  for (const Issued* issuer : issuers) {
    for (const CertSpec& spec : std::vector<CertSpec>{
             CertSpec{}, CertSpec{.eku = "serverAuth"}, CertSpec{.not_after = kWallNow - kDay},
             CertSpec{.not_before = kWallNow + kDay}, CertSpec{.san = "DNS:other.test"}, CertSpec{.digest = "SHA1"},
             CertSpec{.extensions = {{"1.2.3.4", "critical,ASN1:NULL"}}}}) {
      const Issued client = pki.leaf("client", *issuer, spec);
      chains.push_back({client.certificate});
      chains.push_back(client.presented());
      chains.push_back({client.certificate, fresh.certificate});
      chains.push_back({forged(client.certificate)});
    }
  }

  const auto build = [&text] {
    auto file = parse_trusted_ca_file(text, kWallNow);
    CHECK(file.has_value());
    return *TrustAnchors::build({*file});
  };
  const auto proven = build();
  const auto plain = [&build] {
    const Switch off("off");
    return build();
  }();
  int passed = 0;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    for (const bool rule : {false, true}) {
      const VerifyOptions options{.verify_issuer_dn = rule};
      const PathVerdict with = proven->verify_client_chain(chains[i], kWallNow, options);
      const PathVerdict without = plain->verify_client_chain(chains[i], kWallNow, options);
      EXPECT_EQ(with.ok, without.ok) << i;
      EXPECT_EQ(with.error, without.error) << i;
      EXPECT_EQ(with.reason_code, without.reason_code) << i;
      EXPECT_EQ(with.reason_text, without.reason_text) << i;
      EXPECT_EQ(with.path, without.path) << i;
      EXPECT_EQ(with.earliest_not_after, without.earliest_not_after) << i;
      ASSERT_EQ(with.errors.size(), without.errors.size()) << i;
      for (std::size_t e = 0; e < with.errors.size(); ++e) {
        EXPECT_EQ(with.errors[e].code, without.errors[e].code) << i;
        EXPECT_EQ(with.errors[e].depth, without.errors[e].depth) << i;
      }
      passed += with.ok ? 1 : 0;
    }
  }
  EXPECT_GT(passed, 10);
}

}  // namespace
}  // namespace portcullis::x509::internal
