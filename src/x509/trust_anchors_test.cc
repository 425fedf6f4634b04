#include "x509/trust_anchors.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "x509/internal/owned.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

constexpr WallTime kNow = kTestNotBefore + std::chrono::hours(24 * 365 * 7);
constexpr auto kDay = std::chrono::hours(24);

using Anchors = std::shared_ptr<const TrustAnchors>;

// One uploaded file for each list.
Anchors trust(const std::vector<std::vector<const Issued*>>& files) {
  std::vector<TrustedCaFile> parsed;
  for (const auto& parts : files) {
    std::string text;
    for (const Issued* part : parts) text += part->pem();
    auto file = parse_trusted_ca_file(text, kNow);
    CHECK(file.has_value());
    parsed.push_back(std::move(*file));
  }
  auto anchors = TrustAnchors::build(parsed);
  CHECK(anchors.has_value());
  return *anchors;
}

CertificateList chain(const std::vector<const Issued*>& parts) {
  CertificateList list;
  for (const Issued* part : parts) list.push_back(part->certificate);
  return list;
}

bool reported(const PathVerdict& verdict, int code) {
  return std::any_of(verdict.errors.begin(), verdict.errors.end(), [&](PathError e) { return e.code == code; });
}

void expect_refused(const PathVerdict& verdict, std::string_view reason, std::string_view text, const char* name) {
  EXPECT_FALSE(verdict.ok) << name;
  EXPECT_EQ(verdict.reason_code, reason) << name;
  EXPECT_EQ(verdict.reason_text, text) << name;
  EXPECT_FALSE(verdict.errors.empty()) << name;
  EXPECT_NE(verdict.error, X509_V_OK) << name;
  EXPECT_EQ(verdict.anchor_file, -1) << name;
}

class ClientChain : public ::testing::Test {
 protected:
  TestPki pki;
  Issued root = pki.root("Root");
  Issued ca = pki.intermediate("CA", root);
  Issued leaf = pki.leaf("client", ca);
  Anchors full = trust({{&root, &ca}});
  Anchors root_only = trust({{&root}});
};

TEST_F(ClientChain, GoodOnesPass) {
  const Issued no_eku = pki.leaf("no eku", ca, {});
  const Issued both = pki.leaf("both", ca, {.eku = "serverAuth,clientAuth"});
  const Issued rsa = pki.leaf("rsa", ca, {.key = TestKey::kRsa2048, .eku = "clientAuth"});
  const Issued ed25519 = pki.leaf("ed", ca, {.key = TestKey::kEd25519, .eku = "clientAuth"});
  const Issued direct = pki.leaf("direct", root);
  struct Case {
    const char* name;
    const Anchors& anchors;
    std::vector<const Issued*> presented;
  };
  for (const Case& c : {
           Case{"intermediate from the upload", full, {&leaf}},
           Case{"intermediate from the client", root_only, {&leaf, &ca}},
           Case{"root sent too", root_only, {&leaf, &ca, &root}},
           Case{"sent in disorder", root_only, {&leaf, &root, &ca}},
           Case{"no EKU", full, {&no_eku}},
           Case{"both EKUs", full, {&both}},
           Case{"RSA", full, {&rsa}},
           Case{"Ed25519", full, {&ed25519}},
           Case{"directly under the root", root_only, {&direct}},
       }) {
    const PathVerdict verdict = c.anchors->verify_client_chain(chain(c.presented), kNow, {});
    EXPECT_TRUE(verdict.ok) << c.name << ": " << verdict.reason_text;
    EXPECT_EQ(verdict.error, X509_V_OK) << c.name;
    EXPECT_TRUE(verdict.errors.empty()) << c.name;
    EXPECT_EQ(verdict.reason_text, "") << c.name;
    EXPECT_EQ(verdict.reason_code, "") << c.name;
    EXPECT_EQ(verdict.anchor_file, 0) << c.name;
    ASSERT_FALSE(verdict.path.empty()) << c.name;
    EXPECT_TRUE(verdict.path.front() == c.presented.front()->certificate) << c.name;
    EXPECT_TRUE(verdict.path.back() == root.certificate) << c.name;
  }
}

TEST_F(ClientChain, BadOnesAreRefusedWithTheirStrings) {
  const Issued stranger_root = pki.root("Stranger");
  const Issued stranger_ca = pki.intermediate("Stranger CA", stranger_root);
  const Issued stranger = pki.leaf("client", stranger_ca);
  const Issued expired = pki.leaf("expired", ca, {.not_after = kNow - kDay, .eku = "clientAuth"});
  const Issued future = pki.leaf("future", ca, {.not_before = kNow + kDay, .eku = "clientAuth"});
  const Issued server = pki.leaf("server", ca, {.eku = "serverAuth"});
  const Issued self = pki.self_signed_leaf("self");
  const Issued weak = pki.leaf("weak", ca, {.key = TestKey::kRsa1024, .eku = "clientAuth"});
  const Issued expired_ca = pki.intermediate("Old CA", root, {.not_after = kNow - kDay});
  const Issued below_expired = pki.leaf("client", expired_ca);
  const Issued server_ca = pki.intermediate("Server CA", root, {.eku = "serverAuth"});
  const Issued below_server_ca = pki.leaf("client", server_ca);
  const Issued tight = pki.intermediate("Tight", root, {.path_length = 0});
  const Issued too_deep = pki.intermediate("Too deep", tight);
  const Issued below_deep = pki.leaf("client", too_deep);
  const Issued odd = pki.leaf("odd", ca, {.eku = "clientAuth", .extensions = {{"1.2.3.4", "critical,ASN1:UTF8:x"}}});
  const Issued constrained = pki.intermediate(
      "Constrained", root, {.extensions = {{"nameConstraints", "critical,permitted;DNS:example.com"}}});
  const Issued outside = pki.leaf("outside", constrained, {.eku = "clientAuth", .san = "DNS:evil.test"});
  const Issued not_a_ca = pki.leaf("not a ca", root);
  const Issued below_leaf = pki.leaf("client", not_a_ca);
  struct Case {
    const char* name;
    std::vector<const Issued*> presented;
    std::string_view reason;
    std::string_view text;
  };
  for (const Case& c : {
           Case{"expired", {&expired}, kReasonExpired, "certificate has expired"},
           Case{"not yet valid", {&future}, kReasonNotYetValid, "certificate is not yet valid"},
           Case{"expired intermediate", {&below_expired, &expired_ca}, kReasonExpired, "certificate has expired"},
           Case{"serverAuth only", {&server}, kReasonWrongPurpose, "unsupported certificate purpose"},
           Case{"serverAuth-only CA",
                {&below_server_ca, &server_ca},
                kReasonWrongPurpose,
                "unsupported certificate purpose"},
           Case{"lone leaf of a stranger",
                {&stranger},
                kReasonUntrustedIssuer,
                "unable to verify the first certificate"},
           Case{"stranger with intermediate",
                {&stranger, &stranger_ca},
                kReasonUntrustedIssuer,
                "unable to get local issuer certificate"},
           Case{"stranger with root",
                {&stranger, &stranger_ca, &stranger_root},
                kReasonUntrustedIssuer,
                "self-signed certificate in certificate chain"},
           Case{"self-signed leaf", {&self}, kReasonSelfSigned, "self-signed certificate"},
           Case{"RSA 1024", {&weak}, kReasonWeakKey, "EE certificate key too weak"},
           Case{"path length", {&below_deep, &too_deep, &tight}, kReasonPathLength, "path length constraint exceeded"},
           Case{"name constraints", {&outside, &constrained}, kReasonNameConstraints, "permitted subtree violation"},
           Case{"unknown critical extension", {&odd}, kReasonCriticalExtension, "unhandled critical extension"},
           // OpenSSL says "invalid CA certificate" first, and leaves this.
           Case{"leaf as a CA", {&below_leaf, &not_a_ca}, kReasonWrongPurpose, "unsupported certificate purpose"},
       }) {
    expect_refused(full->verify_client_chain(chain(c.presented), kNow, {}), c.reason, c.text, c.name);
  }
}

TEST_F(ClientChain, MissingIntermediateLeavesBothErrors) {
  const PathVerdict verdict = root_only->verify_client_chain(chain({&leaf}), kNow, {});
  expect_refused(verdict, kReasonUntrustedIssuer, "unable to verify the first certificate", "missing intermediate");
  ASSERT_EQ(verdict.errors.size(), 2U);
  EXPECT_EQ(verdict.errors[0].code, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  EXPECT_EQ(verdict.errors[1].code, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
}

TEST_F(ClientChain, PathThatEndsInAnUploadedIntermediateSaysSo) {
  const Issued elsewhere = pki.root("Elsewhere");
  const Issued orphan = pki.intermediate("Orphan", elsewhere);
  const Issued below = pki.leaf("client", orphan);
  const Anchors anchors = trust({{&root, &orphan}});
  expect_refused(anchors->verify_client_chain(chain({&below}), kNow, {}), kReasonIncompleteChain,
                 "unable to get issuer certificate", "orphan");
}

TEST_F(ClientChain, ForgedSignatureIsRefused) {
  expect_refused(full->verify_client_chain({forged(leaf.certificate)}, kNow, {}), kReasonBadSignature,
                 "certificate signature failure", "forged");
}

TEST_F(ClientChain, Sha1SignatureIsRefused) {
  const Issued rsa_root = pki.root("RSA Root", {.key = TestKey::kRsa2048});
  const Issued sha1 = pki.leaf("client", rsa_root, {.eku = "clientAuth", .digest = "SHA1"});
  expect_refused(trust({{&rsa_root}})->verify_client_chain(chain({&sha1}), kNow, {}), kReasonWeakKey,
                 "CA signature digest algorithm too weak", "SHA-1");
}

TEST_F(ClientChain, SameNameWithAnotherKeyIsNoAnchor) {
  for (const bool key_ids : {true, false}) {
    const Issued real = pki.root("Twin", {.key_ids = key_ids});
    const Issued fake = pki.root("Twin", {.key_ids = key_ids});
    const Issued below_fake = pki.leaf("client", fake, {.eku = "clientAuth", .key_ids = key_ids});
    for (const auto& presented : {chain({&below_fake}), chain({&below_fake, &fake})}) {
      EXPECT_FALSE(trust({{&real}})->verify_client_chain(presented, kNow, {}).ok);
    }
  }
}

TEST_F(ClientChain, TwinRootsAreBothTried) {
  // A CA that renewed its key under its old name, without key identifiers to tell the two apart.
  const Issued old_root = pki.root("Twin", {.key_ids = false});
  const Issued new_root = pki.root("Twin", {.key_ids = false});
  const Issued below_old = pki.leaf("client", old_root, {.eku = "clientAuth", .key_ids = false});
  const Issued below_new = pki.leaf("client", new_root, {.eku = "clientAuth", .key_ids = false});
  const Anchors anchors = trust({{&old_root}, {&new_root}});
  for (const bool issuer_dn : {false, true}) {
    const PathVerdict first = anchors->verify_client_chain(chain({&below_old}), kNow, {.verify_issuer_dn = issuer_dn});
    const PathVerdict second = anchors->verify_client_chain(chain({&below_new}), kNow, {.verify_issuer_dn = issuer_dn});
    EXPECT_TRUE(first.ok);
    EXPECT_EQ(first.anchor_file, 0);
    EXPECT_TRUE(second.ok);
    EXPECT_EQ(second.anchor_file, 1);
  }
}

TEST_F(ClientChain, SeveralErrorsNeverPass) {
  const Issued bad = pki.leaf("bad", ca, {.not_after = kNow - kDay, .eku = "serverAuth"});
  const PathVerdict verdict = full->verify_client_chain(chain({&bad}), kNow, {});
  EXPECT_FALSE(verdict.ok);
  EXPECT_TRUE(reported(verdict, X509_V_ERR_INVALID_PURPOSE));
  EXPECT_TRUE(reported(verdict, X509_V_ERR_CERT_HAS_EXPIRED));
  EXPECT_EQ(verdict.error, verdict.errors.back().code);
}

TEST_F(ClientChain, DepthLimitCountsIntermediates) {
  std::vector<Issued> line{root};
  CertificateList presented;
  for (int i = 0; i < 4; ++i) line.push_back(pki.intermediate("CA " + std::to_string(i), line.back()));
  const Issued deep = pki.leaf("deep", line.back());
  presented = deep.presented();
  EXPECT_TRUE(root_only->verify_client_chain(presented, kNow, {.max_depth = 4}).ok);
  const PathVerdict refused = root_only->verify_client_chain(presented, kNow, {.max_depth = 3});
  EXPECT_FALSE(refused.ok);
  EXPECT_TRUE(reported(refused, X509_V_ERR_CERT_CHAIN_TOO_LONG));
}

TEST_F(ClientChain, ClientsNewerCopyOfAnExpiredUploadedCaIsUsed) {
  const Issued stale = pki.intermediate("Renewed", root, {.not_after = kNow - kDay});
  const Issued fresh = pki.intermediate("Renewed", root, {.public_key = stale.key.native()});
  const Issued below = pki.leaf("client", stale);
  const Anchors anchors = trust({{&root, &stale}});
  EXPECT_TRUE(anchors->verify_client_chain(chain({&below, &fresh}), kNow, {}).ok);
  EXPECT_FALSE(anchors->verify_client_chain(chain({&below}), kNow, {}).ok);
}

TEST_F(ClientChain, EarliestEndIsOverTheWholePath) {
  const WallTime soon = kNow + kDay;
  const Issued short_ca = pki.intermediate("Short", root, {.not_after = soon});
  const Issued below = pki.leaf("client", short_ca);
  const PathVerdict verdict = root_only->verify_client_chain(below.presented(), kNow, {});
  ASSERT_TRUE(verdict.ok);
  EXPECT_EQ(verdict.earliest_not_after, soon);
  EXPECT_TRUE(root_only->verify_client_chain(below.presented(), soon - std::chrono::milliseconds(1), {}).ok);
  EXPECT_FALSE(root_only->verify_client_chain(below.presented(), soon, {}).ok);
}

TEST_F(ClientChain, NothingPresentedIsRefused) {
  const PathVerdict verdict = full->verify_client_chain({}, kNow, {});
  EXPECT_FALSE(verdict.ok);
  EXPECT_EQ(verdict.reason_code, kReasonOther);
}

TEST_F(ClientChain, ControlBytesInNamesAreRefused) {
  const auto named = [](int type, const std::string& value) {
    X509_NAME* name = X509_NAME_new();
    CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, type, internal::bytes_of(value),
                                     static_cast<int>(value.size()), -1, 0) == 1);
    return internal::Owned<X509_NAME, X509_NAME_free>(name);
  };
  const auto nul = named(V_ASN1_UTF8STRING, std::string("admin\0.evil", 11));
  const auto newline = named(V_ASN1_PRINTABLESTRING, "a\nb");
  const auto wide = named(V_ASN1_BMPSTRING, std::string("\0a\0b", 4));
  const Issued bad_nul = pki.leaf("", ca, {.eku = "clientAuth", .subject = nul.get()});
  const Issued bad_newline = pki.leaf("", ca, {.eku = "clientAuth", .subject = newline.get()});
  const Issued good_wide = pki.leaf("", ca, {.eku = "clientAuth", .subject = wide.get()});
  // IA5String "a\0b" as a dNSName, given as DER: 30 05 82 03 61 00 62.
  const Issued bad_san =
      pki.leaf("san", ca, {.eku = "clientAuth", .extensions = {{"subjectAltName", "DER:30:05:82:03:61:00:62"}}});
  EXPECT_TRUE(full->verify_client_chain(chain({&good_wide}), kNow, {}).ok);
  for (const Issued* bad : {&bad_nul, &bad_newline, &bad_san}) {
    expect_refused(full->verify_client_chain(chain({bad}), kNow, {}), kReasonMalformedName,
                   "control character in a certificate name", "control byte");
  }
}

TEST_F(ClientChain, IssuerDnMustBeTheExtractedOne) {
  const Issued sibling = pki.intermediate("Sibling", root);
  const Issued below_sibling = pki.leaf("client", sibling);
  EXPECT_TRUE(full->verify_client_chain(chain({&leaf}), kNow, {.verify_issuer_dn = true}).ok);
  EXPECT_TRUE(full->verify_client_chain(chain({&below_sibling, &sibling}), kNow, {}).ok);
  const PathVerdict verdict =
      full->verify_client_chain(chain({&below_sibling, &sibling}), kNow, {.verify_issuer_dn = true});
  expect_refused(verdict, kReasonIssuerDnMismatch, "unable to verify the client certificate issuer", "sibling");
  EXPECT_EQ(verdict.error, X509_V_ERR_CERT_REJECTED);
  EXPECT_EQ(verdict.path.size(), 3U);
}

TEST_F(ClientChain, AnotherFilesCaCannotLendItsName) {
  const Issued other_root = pki.root("Other Root");
  const Issued thief = pki.intermediate("CA", other_root);  // copies the DN that the first file yields
  const Issued below_thief = pki.leaf("client", thief);
  const Issued other_ca = pki.intermediate("Other CA", other_root);
  const Issued below_other = pki.leaf("client", other_ca);
  const Anchors anchors = trust({{&root, &ca}, {&other_root, &other_ca}});
  const VerifyOptions rule{.verify_issuer_dn = true};
  const PathVerdict own = anchors->verify_client_chain(chain({&leaf}), kNow, rule);
  EXPECT_TRUE(own.ok);
  EXPECT_EQ(own.anchor_file, 0);
  const PathVerdict second = anchors->verify_client_chain(chain({&below_other}), kNow, rule);
  EXPECT_TRUE(second.ok);
  EXPECT_EQ(second.anchor_file, 1);
  expect_refused(anchors->verify_client_chain(chain({&below_thief, &thief}), kNow, rule), kReasonIssuerDnMismatch,
                 "unable to verify the client certificate issuer", "thief");
  EXPECT_TRUE(anchors->verify_client_chain(chain({&below_thief, &thief}), kNow, {}).ok);
}

TEST_F(ClientChain, CrossSignedCaPassesUnderTheFileThatNamesIt) {
  const Issued other_root = pki.root("Other Root");
  const Issued cross = pki.intermediate("CA", other_root, {.public_key = ca.key.native()});
  const Anchors anchors = trust({{&other_root}, {&root, &ca}});
  for (const auto& presented : {chain({&leaf}), chain({&leaf, &cross}), chain({&leaf, &cross, &ca})}) {
    const PathVerdict verdict = anchors->verify_client_chain(presented, kNow, {.verify_issuer_dn = true});
    EXPECT_TRUE(verdict.ok) << verdict.reason_text;
    EXPECT_EQ(verdict.anchor_file, 1);
  }
}

TEST_F(ClientChain, RefusalUnderTheRuleKeepsTheRealReason) {
  const Issued expired = pki.leaf("expired", ca, {.not_after = kNow - kDay, .eku = "clientAuth"});
  const PathVerdict verdict = full->verify_client_chain(chain({&expired}), kNow, {.verify_issuer_dn = true});
  EXPECT_EQ(verdict.reason_code, kReasonExpired);
}

TEST_F(ClientChain, LeavesTheErrorQueueAsItWas) {
  const Issued stranger = pki.leaf("client", pki.root("Stranger"));
  ERR_clear_error();
  EXPECT_FALSE(full->verify_client_chain(chain({&stranger}), kNow, {}).ok);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST_F(ClientChain, ManyThreadsShareOneTrust) {
  const Issued expired = pki.leaf("expired", ca, {.not_after = kNow - kDay, .eku = "clientAuth"});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        if (!full->verify_client_chain({leaf.certificate}, kNow, {}).ok) ++wrong;
        if (full->verify_client_chain({expired.certificate}, kNow, {}).ok) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(TrustAnchors, EmptyTrustIsRefused) {
  const auto anchors = TrustAnchors::build({});
  ASSERT_FALSE(anchors);
  EXPECT_EQ(anchors.error().code, "trust.no_anchors");
}

TEST(TrustAnchors, CaNamesOccurOnce) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued a = pki.intermediate("A", root);
  const Issued b = pki.intermediate("B", root);
  const Anchors anchors = trust({{&root, &a}, {&root, &b}});
  const std::vector<std::string> expected{root.certificate.subject_der(), a.certificate.subject_der(),
                                          b.certificate.subject_der()};
  EXPECT_EQ(anchors->ca_names(), expected);
}

TEST(TrustAnchors, IssuerNamesAreTheSourcesOfTheIssuerDnRuleOnce) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued upper = pki.intermediate("Upper", root);
  const Issued lower = pki.intermediate("Lower", upper);
  const Issued lone = pki.root("Lone");
  const Issued namesake = pki.root("Lone");
  const Anchors anchors = trust({{&upper, &root, &lower}, {&lone}, {&lower, &root, &upper}, {&namesake}, {&root}});
  const std::vector<std::string> expected{lower.certificate.subject_der(), lone.certificate.subject_der(),
                                          root.certificate.subject_der()};
  EXPECT_EQ(anchors->issuer_names(), expected);
}

TEST(TrustAnchors, DigestFollowsTheTrustAndNothingElse) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued a = pki.intermediate("A", root);
  const Issued b = pki.intermediate("B", root);
  const Issued rekeyed = pki.root("Root");
  const Digest base = trust({{&root, &a}, {&rekeyed}})->digest();
  EXPECT_EQ(base, trust({{&rekeyed}, {&root, &a}})->digest()) << "order of files";
  EXPECT_EQ(base, trust({{&a, &root}, {&rekeyed}})->digest()) << "order within a file";
  EXPECT_EQ(base, trust({{&root, &a}, {&rekeyed}, {&rekeyed}})->digest()) << "a file uploaded twice";
  EXPECT_NE(base, trust({{&root, &a}})->digest()) << "a file less";
  EXPECT_NE(base, trust({{&root}, {&rekeyed}})->digest()) << "an intermediate less";
  EXPECT_NE(trust({{&root}})->digest(), trust({{&rekeyed}})->digest()) << "same DN, other key";
  // The first of two equal chains names the issuer, so here the order within the file is part of the trust.
  EXPECT_NE(trust({{&root, &a, &b}})->digest(), trust({{&root, &b, &a}})->digest()) << "other issuer DN";
}

}  // namespace
}  // namespace portcullis::x509
