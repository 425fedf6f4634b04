#include "revocation/ocsp_response.h"

#include <gtest/gtest.h>

#include "revocation/test_ocsp.h"

namespace portcullis::revocation {
namespace {

using namespace std::chrono_literals;
using x509::Issued;
using x509::TestKey;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};

struct OcspResponse : testing::Test {
  RevocationStatus check(const std::string& der, std::string_view nonce = {}) const {
    return check_ocsp_response(der, CertId(client.certificate, ca.certificate), ca.certificate, kNow, nonce);
  }
  RevocationStatus check(TestResponse spec, std::string_view nonce = {}) const {
    return check(ocsp_response(spec), nonce);
  }
  Outcome outcome(const TestResponse& spec) const { return check(spec).outcome; }
  Outcome outcome(const std::string& der) const { return check(der).outcome; }
  TestSingle good() const {
    TestSingle single;
    single.about = &client;
    single.this_update = kNow - 1h;
    single.next_update = kNow + 1h;
    return single;
  }
  TestSingle revoked() const {
    TestSingle single = good();
    single.status = V_OCSP_CERTSTATUS_REVOKED;
    single.revoked_at = kNow - 24h;
    return single;
  }
  TestResponse by(const Issued& signer) const {
    TestResponse spec;
    spec.singles.push_back(good());
    spec.signer = &signer;
    return spec;
  }
  TestResponse by_delegate(const Issued& delegate) const {
    TestResponse spec = by(delegate);
    spec.certificates.push_back(&delegate);
    return spec;
  }

  x509::TestPki pki;
  Issued root = pki.root("Root");
  Issued ca = pki.intermediate("CA", root);
  Issued client = pki.leaf("client", ca);
  Issued other = pki.leaf("other", ca);
  Issued delegate = pki.leaf("delegate", ca, {.eku = "OCSPSigning"});
};

TEST_F(OcspResponse, SaysGoodWithItsDates) {
  const RevocationStatus status = check(by(ca));
  EXPECT_EQ(status.outcome, Outcome::kGood) << status.detail;
  ASSERT_TRUE(status.answer);
  EXPECT_EQ(status.answer->status, CertStatus::kGood);
  EXPECT_EQ(status.answer->this_update, kNow - 1h);
  EXPECT_EQ(status.answer->next_update, kNow + 1h);
}

TEST_F(OcspResponse, SaysRevokedWithTimeAndReason) {
  TestResponse spec = by(ca);
  spec.singles = {revoked()};
  const RevocationStatus status = check(spec);
  EXPECT_EQ(status.outcome, Outcome::kRevoked);
  ASSERT_TRUE(status.answer);
  EXPECT_EQ(status.answer->revoked_at, kNow - 24h);
  EXPECT_EQ(revocation_reason_name(status.answer->revocation_reason), "keyCompromise");
  spec.singles[0].reason = -1;
  EXPECT_EQ(check(spec).answer->revocation_reason, -1);
}

TEST_F(OcspResponse, SaysUnknown) {
  TestResponse spec = by(ca);
  spec.singles[0].status = V_OCSP_CERTSTATUS_UNKNOWN;
  EXPECT_EQ(outcome(spec), Outcome::kUnknown);
}

TEST_F(OcspResponse, MayComeFromTheIssuerOrItsDelegate) {
  EXPECT_EQ(outcome(by(ca)), Outcome::kGood);
  EXPECT_EQ(outcome(by_delegate(delegate)), Outcome::kGood);
  TestResponse by_key = by_delegate(delegate);
  by_key.by_key = true;
  EXPECT_EQ(outcome(by_key), Outcome::kGood);
  by_key.certificates = {&other, &ca, &delegate};
  EXPECT_EQ(outcome(by_key), Outcome::kGood);
  for (const TestKey key : {TestKey::kEd25519, TestKey::kRsa2048, TestKey::kP384}) {
    EXPECT_EQ(outcome(by_delegate(pki.leaf("d", ca, {.key = key, .eku = "OCSPSigning"}))), Outcome::kGood);
  }
}

TEST_F(OcspResponse, IsRefusedFromAnyOtherSigner) {
  const Issued other_root = pki.root("Root");
  const Issued other_ca = pki.intermediate("CA", other_root);
  const std::vector<std::pair<const char*, Issued>> signers{
      {"no OCSPSigning", pki.leaf("d", ca, {.eku = "clientAuth"})},
      {"no extended key usage at all", pki.leaf("d", ca, {.eku = ""})},
      {"any extended key usage", pki.leaf("d", ca, {.eku = "anyExtendedKeyUsage"})},
      {"expired", pki.leaf("d", ca, {.not_after = kNow - 1h, .eku = "OCSPSigning"})},
      {"not valid yet", pki.leaf("d", ca, {.not_before = kNow + 1h, .eku = "OCSPSigning"})},
      {"issued by the root, not by the issuer", pki.leaf("d", root, {.eku = "OCSPSigning"})},
      {"issued by an intermediate below the issuer",
       pki.leaf("d", pki.intermediate("below", ca), {.eku = "OCSPSigning"})},
      {"issued by another CA of the same name", pki.leaf("d", other_ca, {.eku = "OCSPSigning"})},
      {"issued by another CA without key ids", pki.leaf("d", other_ca, {.eku = "OCSPSigning", .key_ids = false})},
      {"a CA of the same name", other_ca},
      {"the root above", root},
      {"self-signed", pki.self_signed_leaf("d", {.eku = "OCSPSigning"})},
      {"key usage without signatures",
       pki.leaf("d", ca, {.eku = "OCSPSigning", .extensions = {{"keyUsage", "critical,keyEncipherment"}}})},
      {"unknown critical extension",
       pki.leaf("d", ca, {.eku = "OCSPSigning", .extensions = {{"1.2.3.4", "critical,DER:0500"}}})},
      {"weak key", pki.leaf("d", ca, {.key = TestKey::kRsa1024, .eku = "OCSPSigning"})},
      {"signed with SHA-1", pki.leaf("d", ca, {.eku = "OCSPSigning", .digest = "SHA1"})},
      {"the client itself", client},
  };
  for (const auto& [what, signer] : signers) {
    const RevocationStatus status = check(by_delegate(signer));
    EXPECT_EQ(status.outcome, Outcome::kBadSignature) << what;
    EXPECT_FALSE(status.answer) << what;
    EXPECT_FALSE(status.detail.empty()) << what;
    TestResponse by_key = by_delegate(signer);
    by_key.by_key = true;
    EXPECT_EQ(outcome(by_key), Outcome::kBadSignature) << what;
  }
  EXPECT_EQ(outcome(by(delegate)), Outcome::kBadSignature) << "its certificate is missing";
}

TEST_F(OcspResponse, HasASignatureThatHolds) {
  TestResponse spec = by(ca);
  spec.broken_signature = true;
  EXPECT_EQ(outcome(spec), Outcome::kBadSignature);
  spec = by_delegate(delegate);
  spec.broken_signature = true;
  EXPECT_EQ(outcome(spec), Outcome::kBadSignature);
  spec = by(ca);
  spec.digest = "SHA1";
  EXPECT_EQ(outcome(spec), Outcome::kBadSignature);
  // Nobody can turn what was said into "good".
  TestResponse said = by(ca);
  said.singles = {revoked()};
  const std::string der = ocsp_response(said);
  for (std::size_t at = 0; at < der.size(); at += 7) {
    std::string changed = der;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_NE(outcome(changed), Outcome::kGood) << at;
  }
}

TEST_F(OcspResponse, IsAboutThisCertificate) {
  TestResponse spec = by(ca);
  spec.singles[0].about = &other;
  EXPECT_EQ(outcome(spec), Outcome::kWrongCertificate);
  spec.singles.clear();
  EXPECT_EQ(outcome(spec), Outcome::kWrongCertificate);
  // Another CA's certificate with our serial number would have another issuer hash.
  spec.singles = {good()};
  spec.singles[0].issuer = &root;
  EXPECT_EQ(outcome(spec), Outcome::kWrongCertificate);
  // Hashes that were not asked for are not recognised.
  spec.singles = {good()};
  spec.singles[0].id_digest = EVP_sha256();
  EXPECT_EQ(outcome(spec), Outcome::kWrongCertificate);
}

TEST_F(OcspResponse, MayHoldSeveralAnswers) {
  TestResponse spec = by(ca);
  TestSingle stranger = revoked();
  stranger.about = &other;
  spec.singles = {stranger, good(), stranger};
  EXPECT_EQ(outcome(spec), Outcome::kGood);
  // Of two about the same certificate, revoked counts, wherever it stands and however old it is.
  TestSingle old = revoked();
  old.this_update = kNow - 20h;
  old.next_update = kNow - 10h;
  spec.singles = {good(), old};
  EXPECT_EQ(outcome(spec), Outcome::kRevoked);
  spec.singles = {old, good()};
  EXPECT_EQ(outcome(spec), Outcome::kRevoked);
  // Else the latest.
  TestSingle unknown = good();
  unknown.status = V_OCSP_CERTSTATUS_UNKNOWN;
  unknown.this_update = kNow - 30min;
  spec.singles = {good(), unknown};
  EXPECT_EQ(outcome(spec), Outcome::kUnknown);
  spec.singles = {unknown, good()};
  EXPECT_EQ(outcome(spec), Outcome::kUnknown);
  unknown.this_update = kNow - 2h;
  spec.singles = {unknown, good()};
  EXPECT_EQ(outcome(spec), Outcome::kGood);
}

TEST_F(OcspResponse, HoldsBetweenItsDatesGiveOrTakeFiveMinutes) {
  struct Case {
    std::chrono::seconds this_update;
    std::optional<std::chrono::seconds> next_update;
    Outcome expected;
  };
  const std::vector<Case> cases{
      {0s, 0s, Outcome::kGood},
      {299s, 1000s, Outcome::kGood},
      {300s, 1000s, Outcome::kGood},
      {301s, 1000s, Outcome::kNotYetValid},
      {-1000s, -300s, Outcome::kGood},
      {-1000s, -301s, Outcome::kExpired},
      {-299s, std::nullopt, Outcome::kGood},
      {-301s, std::nullopt, Outcome::kExpired},
      {301s, std::nullopt, Outcome::kNotYetValid},
      {-10s, -20s, Outcome::kMalformed},
  };
  for (const Case& one : cases) {
    TestResponse spec = by(ca);
    spec.singles[0].this_update = kNow + one.this_update;
    spec.singles[0].next_update.reset();
    if (one.next_update) spec.singles[0].next_update = kNow + *one.next_update;
    EXPECT_EQ(outcome(spec), one.expected) << one.this_update.count();
  }
  TestResponse stale = by(ca);
  stale.singles[0].next_update = kNow - 1h;
  EXPECT_EQ(check(stale).answer->status, CertStatus::kGood) << "kept, for who allows expired answers";
}

TEST_F(OcspResponse, OfARevokedCertificateCountsAfterItsTime) {
  TestResponse spec = by(ca);
  spec.singles = {revoked()};
  spec.singles[0].next_update = kNow - 30min;
  EXPECT_EQ(outcome(spec), Outcome::kRevoked);
  spec.singles[0].next_update.reset();
  EXPECT_EQ(outcome(spec), Outcome::kRevoked);
  spec.singles[0].this_update = kNow + 1h;
  EXPECT_EQ(outcome(spec), Outcome::kNotYetValid);
}

TEST_F(OcspResponse, WithoutAnAnswerSaysWhy) {
  const std::vector<std::pair<int, Outcome>> cases{
      {OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, Outcome::kMalformed},
      {OCSP_RESPONSE_STATUS_INTERNALERROR, Outcome::kTryLater},
      {OCSP_RESPONSE_STATUS_TRYLATER, Outcome::kTryLater},
      {OCSP_RESPONSE_STATUS_SIGREQUIRED, Outcome::kUnauthorized},
      {OCSP_RESPONSE_STATUS_UNAUTHORIZED, Outcome::kUnauthorized},
      {4, Outcome::kMalformed},
      {99, Outcome::kMalformed},
  };
  for (const auto& [status, expected] : cases) {
    TestResponse spec;
    spec.response_status = status;
    EXPECT_EQ(outcome(spec), expected) << status;
  }
  // "successful", and nothing in it.
  EXPECT_EQ(outcome(std::string("\x30\x03\x0a\x01\x00", 5)), Outcome::kMalformed);
}

TEST_F(OcspResponse, IsReadStrictly) {
  const std::string der = ocsp_response(by(ca));
  EXPECT_EQ(outcome(std::string()), Outcome::kMalformed);
  EXPECT_EQ(outcome(std::string("<html>It works!</html>")), Outcome::kMalformed);
  EXPECT_EQ(outcome(der + '\0'), Outcome::kMalformed);
  EXPECT_EQ(outcome(der.substr(0, der.size() - 1)), Outcome::kMalformed);
  for (std::size_t size = 0; size < der.size(); size += 13) {
    EXPECT_EQ(outcome(der.substr(0, size)), Outcome::kMalformed) << size;
  }
  EXPECT_EQ(outcome(std::string(kMaxOcspResponse + 1, '\x30')), Outcome::kMalformed);
}

TEST_F(OcspResponse, WithAnUnknownCriticalExtensionIsRefused) {
  TestResponse spec = by(ca);
  spec.critical_extension = true;
  EXPECT_EQ(outcome(spec), Outcome::kMalformed);
  spec = by(ca);
  spec.singles[0].critical_extension = true;
  EXPECT_EQ(outcome(spec), Outcome::kMalformed);
}

TEST_F(OcspResponse, RepeatsTheNonceThatWasSent) {
  TestResponse spec = by(ca);
  EXPECT_EQ(check(spec, "0123456789abcdef").outcome, Outcome::kWrongCertificate) << "none";
  spec.nonce = "0123456789abcdeX";
  EXPECT_EQ(check(spec, "0123456789abcdef").outcome, Outcome::kWrongCertificate) << "another";
  spec.nonce = "0123456789abcdef0";
  EXPECT_EQ(check(spec, "0123456789abcdef").outcome, Outcome::kWrongCertificate) << "longer";
  spec.nonce = "0123456789abcdef";
  EXPECT_EQ(check(spec, "0123456789abcdef").outcome, Outcome::kGood);
  EXPECT_EQ(check(spec).outcome, Outcome::kGood) << "none was sent";
}

TEST_F(OcspResponse, WithMoreCertificatesThanAnyoneNeedsIsRefused) {
  TestResponse spec = by_delegate(delegate);
  for (int i = 0; i < 8; ++i) spec.certificates.push_back(&other);
  EXPECT_EQ(outcome(spec), Outcome::kBadSignature);
}

}  // namespace
}  // namespace portcullis::revocation
