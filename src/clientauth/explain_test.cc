#include "clientauth/explain.h"

#include <algorithm>

#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using Outcome = Check::Outcome;

struct ExplainTest : PolicyTest {
  static Explanation ask(const Verifier* verifier, x509::CertificateList presented, WallTime at = kNow) {
    return explain(verifier, {std::move(presented), at, {"ca-a", "ca-b"}, 32768});
  }
  static const Check& check(const TriedPath& path, std::string_view name) {
    const auto found =
        std::find_if(path.checks.begin(), path.checks.end(), [&](const Check& one) { return one.name == name; });
    CHECK(found != path.checks.end());
    return *found;
  }
  static std::vector<std::string_view> failed(const TriedPath& path) {
    std::vector<std::string_view> names;
    for (const Check& one : path.checks) {
      if (one.outcome == Outcome::kFailed) names.push_back(one.name);
    }
    return names;
  }
};

TEST_F(ExplainTest, AnAdmittedClientsPathIsNamedStepByStep) {
  const Verifier strict(policy(Mode::kStrict));
  const Explanation told = ask(&strict, {good.certificate});
  EXPECT_TRUE(told.admitted());
  EXPECT_EQ(told.verdict.log_value, "SUCCESS");
  EXPECT_TRUE(told.judgement_reason.empty());
  ASSERT_EQ(told.paths.size(), 1U);
  const TriedPath& path = told.paths.front();
  EXPECT_TRUE(path.holds);
  ASSERT_EQ(path.steps.size(), 3U);
  EXPECT_EQ(path.steps[0].presented, 0);
  EXPECT_EQ(path.steps[0].file, -1);
  EXPECT_EQ(path.steps[1].presented, -1);
  EXPECT_EQ(path.steps[1].file, 0);
  EXPECT_TRUE(failed(path).empty());
  EXPECT_EQ(check(path, "chain").evidence, "ends in CN=Root, the root of 'ca-a'");
  EXPECT_EQ(check(path, "purpose").evidence, "extendedKeyUsage clientAuth");
  EXPECT_EQ(check(path, "issuer_dn").outcome, Outcome::kNotAsked);
  for (const Check& one : path.checks) EXPECT_FALSE(one.evidence.empty()) << one.name;
}

TEST_F(ExplainTest, EachFailureIsFoundInItsOwnCheck) {
  const Verifier strict(policy(Mode::kStrict));
  struct Case {
    const x509::Issued& who;
    std::string_view check;
    std::string_view says;
  };
  const x509::Issued weak = pki.leaf("weak", ca, {.key = x509::TestKey::kRsa1024, .eku = "clientAuth"});
  const x509::Issued odd = pki.leaf("odd", ca, {.eku = "clientAuth", .extensions = {{"1.2.3.4", "critical,DER:0500"}}});
  for (const Case& c :
       {Case{expired, "dates", "certificate has expired (at depth 0: CN=expired, notAfter "},
        Case{early, "dates", "certificate is not yet valid (at depth 0: CN=early, notBefore "},
        Case{stranger, "chain", "issued by CN=Other Root"}, Case{server_only, "purpose", "extendedKeyUsage serverAuth"},
        Case{self_signed, "chain", "self-signed certificate (at depth 0: CN=self"},
        Case{weak, "key_strength", "RSA 1024 signed with ecdsa-with-SHA256"},
        Case{odd, "critical_extensions", "unhandled critical extension (at depth 0: CN=odd"}}) {
    const Explanation told = ask(&strict, {c.who.certificate});
    EXPECT_FALSE(told.admitted());
    ASSERT_EQ(told.paths.size(), 1U);
    EXPECT_EQ(failed(told.paths.front()), std::vector{c.check});
    const std::string& evidence = check(told.paths.front(), c.check).evidence;
    EXPECT_NE(evidence.find(c.says), std::string::npos) << evidence;
    EXPECT_EQ(check(told.paths.front(), "names").outcome, Outcome::kNotReached);
  }
}

// The one source of the answer is the gate: whatever a connection would hear, explain says.
TEST_F(ExplainTest, SaysWhatAConnectionIsTold) {
  for (const Mode mode : {Mode::kStrict, Mode::kPassthrough}) {
    for (const bool dn : {false, true}) {
      ClientPolicy asked = policy(mode);
      asked.verify_issuer_dn = dn;
      const auto gate = verifier(asked);
      for (const x509::Issued* who : {&good, &expired, &early, &stranger, &server_only, &self_signed}) {
        Admission admission(gate->judge({who->certificate}, kNow), gate);
        const Verdict live = verdict_of(admission);
        const Explanation told = ask(gate.get(), {who->certificate});
        EXPECT_EQ(told.verdict.outcome, live.outcome);
        EXPECT_EQ(told.verdict.log_value, live.log_value);
        EXPECT_EQ(told.verdict.reason_code, live.reason_code);
        EXPECT_EQ(told.verdict.shadow, live.shadow);
      }
    }
  }
}

TEST_F(ExplainTest, TheMomentIsTheQuestions) {
  const Verifier strict(policy(Mode::kStrict));
  EXPECT_TRUE(ask(&strict, {dying.certificate}).admitted());
  const Explanation later = ask(&strict, {dying.certificate}, kNow + std::chrono::hours(2));
  EXPECT_EQ(later.verdict.log_value, "FAILED:certificate has expired");
  EXPECT_EQ(later.verdict.reason_code, "client_cert.expired");
}

TEST_F(ExplainTest, WithoutCertificateOrJudgeThereIsNoPath) {
  const Verifier strict(policy(Mode::kStrict));
  const Explanation none = ask(&strict, {});
  EXPECT_EQ(none.verdict.reason_code, "client_cert.missing");
  EXPECT_TRUE(none.paths.empty());
  const Verifier passthrough(policy(Mode::kPassthrough, false));
  const Explanation passed = ask(&passthrough, {stranger.certificate});
  EXPECT_TRUE(passed.admitted());
  EXPECT_FALSE(passed.judged);
  EXPECT_EQ(passed.verdict.log_value, "PASSTHROUGH");
  const Explanation unasked = ask(nullptr, {stranger.certificate});
  EXPECT_TRUE(unasked.admitted());
  EXPECT_EQ(unasked.verdict.log_value, "");
}

TEST_F(ExplainTest, PassthroughShowsWhatStrictWouldSay) {
  const Verifier passthrough(policy(Mode::kPassthrough));
  const Explanation told = ask(&passthrough, {expired.certificate});
  EXPECT_TRUE(told.admitted());
  EXPECT_EQ(told.verdict.shadow, "FAILED:certificate has expired");
  EXPECT_EQ(told.judgement_reason, "client_cert.expired");
  EXPECT_EQ(failed(told.paths.front()), std::vector<std::string_view>{"dates"});
}

// With the issuer-DN rule a path is sought under the files that name the issuer, then under all (I25).
TEST_F(ExplainTest, BothSearchesOfTheIssuerDnRuleAreTold) {
  const x509::Issued side = pki.intermediate("Side", root);
  const x509::Issued thief_ca = pki.intermediate("Issuing CA", other_root);
  ClientPolicy asked;
  asked.mode = Mode::kStrict;
  asked.verify_issuer_dn = true;
  asked.anchors = trust({root.pem() + ca.pem(), other_root.pem()});
  const Verifier strict(asked);

  const Explanation named = ask(&strict, {good.certificate});
  EXPECT_TRUE(named.admitted());
  ASSERT_EQ(named.paths.size(), 1U);
  EXPECT_TRUE(named.paths[0].under_issuer_dn);
  EXPECT_EQ(check(named.paths[0], "issuer_dn").outcome, Outcome::kPassed);

  const Explanation sibling = ask(&strict, pki.leaf("sibling", side).presented());
  EXPECT_EQ(sibling.verdict.reason_code, "client_cert.issuer_dn_mismatch");
  ASSERT_EQ(sibling.paths.size(), 1U);
  EXPECT_TRUE(sibling.paths[0].holds);
  EXPECT_EQ(check(sibling.paths[0], "issuer_dn").evidence,
            "the leaf's issuer is CN=Side; 'ca-a', which anchors the path, names CN=Issuing CA");

  const Explanation thief = ask(&strict, pki.leaf("thief", thief_ca).presented());
  EXPECT_EQ(thief.verdict.reason_code, "client_cert.issuer_dn_mismatch");
  ASSERT_EQ(thief.paths.size(), 2U);
  EXPECT_FALSE(thief.paths[0].holds);
  EXPECT_EQ(check(thief.paths[0], "issuer_dn").outcome, Outcome::kNotReached);
  EXPECT_TRUE(thief.paths[1].holds);
  EXPECT_EQ(check(thief.paths[1], "issuer_dn").outcome, Outcome::kFailed);
}

// No responder is asked, and the answer does not claim that one was.
TEST_F(ExplainTest, RevocationIsLeftOpen) {
  ClientPolicy asked = policy(Mode::kStrict);
  asked.ocsp.emplace();
  asked.ocsp->responder = "http://ocsp.test/";
  const Verifier strict(asked);
  const Explanation told = ask(&strict, {good.certificate});
  EXPECT_TRUE(told.admitted());
  EXPECT_TRUE(told.revocation_open);
  EXPECT_EQ(check(told.paths.front(), "revocation").outcome, Outcome::kNotReached);
  EXPECT_EQ(check(told.paths.front(), "revocation").evidence,
            "verifyClientRevocation is OCSP: not asked here; the listener asks http://ocsp.test/");
  const Explanation refused = ask(&strict, {expired.certificate});
  EXPECT_FALSE(refused.revocation_open);
  EXPECT_EQ(refused.verdict.reason_code, "client_cert.expired");
  EXPECT_EQ(check(refused.paths.front(), "revocation").evidence, "nothing is asked about a path that is refused");
}

TEST_F(ExplainTest, TheWholeVerdictTakesThePlaceOfTheOneWithoutRevocation) {
  ClientPolicy asked = policy(Mode::kStrict);
  asked.ocsp.emplace();
  const Verifier strict(asked);
  Explanation told = ask(&strict, {good.certificate});
  Verdict silent;
  silent.reason_code = "client_cert.status_request_failed";
  silent.ocsp.asked = true;
  silent.ocsp.reason = "ocsp.timeout";
  settle_revocation(told, silent, kNow);
  EXPECT_FALSE(told.admitted());
  EXPECT_FALSE(told.revocation_open);
  EXPECT_EQ(told.verdict.reason_code, "client_cert.status_request_failed");
  EXPECT_EQ(check(told.paths.front(), "revocation").outcome, Outcome::kFailed);
  EXPECT_EQ(check(told.paths.front(), "revocation").evidence, "OCSP: nothing has been heard (ocsp.timeout)");

  Verdict listed;
  listed.outcome = Verdict::Outcome::kAdmitted;
  listed.crl.decided = listed.crl.by_leniency = true;
  listed.crl.answer.reason = "crl.expired";
  listed.crl.answer.this_update = kNow;
  settle_revocation(told, listed, kNow);
  EXPECT_TRUE(told.admitted());
  EXPECT_EQ(check(told.paths.front(), "revocation").outcome, Outcome::kPassed);
  const std::string evidence = check(told.paths.front(), "revocation").evidence;
  EXPECT_TRUE(evidence.starts_with("revocation list: failed (crl.expired), thisUpdate 20")) << evidence;
  EXPECT_TRUE(evidence.ends_with("; allowed by the host file")) << evidence;
}

TEST_F(ExplainTest, ListsThatWouldBeFetchedAreNamed) {
  ClientPolicy asks = policy(Mode::kStrict);
  asks.crl = CrlPolicy{std::make_shared<CrlSlot>(Digest{})};
  const x509::Issued named = pki.leaf(
      "named", ca,
      {.eku = "clientAuth", .extensions = {{"crlDistributionPoints", "URI:http://crl.test/a,URI:ldap://x/y"}}});
  const auto evidence = [&](const x509::Issued& who) {
    const Verifier by(asks);
    return check(ask(&by, who.presented()).paths.front(), "revocation").evidence;
  };
  EXPECT_EQ(evidence(named), "not asked here; the listener looks into the profile's revocation lists");
  asks.crl->fetch = CrlFetchPolicy{};
  EXPECT_EQ(
      evidence(named),
      "not asked here; the listener looks into the profile's revocation lists, and fetches http://crl.test/a where "
      "none of them is about the certificate");
  EXPECT_EQ(
      evidence(good),
      "not asked here; the listener looks into the profile's revocation lists, and the certificate names no URL to "
      "fetch one from");
  asks.ocsp = OcspPolicy{};
  EXPECT_EQ(evidence(named).find("verifyClientRevocation is OCSP: not asked here; the listener asks nobody"), 0U);
  EXPECT_NE(evidence(named).find("and looks into the profile's revocation lists, and fetches"), std::string::npos);

  Verdict failed;
  failed.crl.decided = true;
  failed.crl.answer.failure = std::make_shared<const revocation::CrlFetchFailure>(
      revocation::CrlFetchFailure{"crl.timeout", "http://crl.test/a", "no list has come"});
  EXPECT_EQ(describe_revocation(failed, kNow),
            "revocation list: failed (crl.timeout), from http://crl.test/a: no list has come");
}

TEST_F(ExplainTest, ControlBytesInANameFailAPathThatElseHolds) {
  const Verifier strict(policy(Mode::kStrict));
  const Explanation told = ask(&strict, {pki.leaf("a\rb", ca).certificate});
  EXPECT_EQ(told.verdict.reason_code, "client_cert.malformed_name");
  EXPECT_EQ(failed(told.paths.front()), std::vector<std::string_view>{"names"});
}

TEST_F(ExplainTest, OverTheLimitsTheHandshakeFails) {
  ClientPolicy few = policy(Mode::kPassthrough);
  few.presented_certificates = 1;
  const Verifier counted(few);
  const Explanation told = ask(&counted, good.presented());
  EXPECT_EQ(told.handshake_fails, "the chain is over limits.presented_certificates");
  EXPECT_EQ(told.handshake_reason, "tls.presented_over_limits");
  EXPECT_FALSE(told.admitted());
  EXPECT_TRUE(told.paths.empty());

  ClientPolicy small = policy(Mode::kStrict);
  small.rsa_bits = 1024;
  const Verifier sized(small);
  const x509::Issued rsa = pki.leaf("rsa", ca, {.key = x509::TestKey::kRsa2048, .eku = "clientAuth"});
  EXPECT_EQ(ask(&sized, {rsa.certificate}).handshake_fails, "the chain is over limits.rsa_bits");

  const Verifier strict(policy(Mode::kStrict));
  const auto size = static_cast<std::uint32_t>(good.certificate.der_size());
  const auto with_limit = [&](std::uint32_t bytes) {
    return explain(&strict, {{good.certificate}, kNow, {"ca"}, bytes}).handshake_fails;
  };
  EXPECT_EQ(with_limit(size + 9), "");
  EXPECT_NE(with_limit(size + 8).find("over limits.presented_bytes"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::clientauth
