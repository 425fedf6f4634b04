#include "revocation/crl_index.h"

#include <gtest/gtest.h>

#include "revocation/crl_points.h"
#include "revocation/test_crls.h"

namespace portcullis::revocation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using Status = CrlAnswer::Status;

struct CrlIndexTest : testing::Test {
  SignedCrl list(const TestCrl& crl, const x509::Issued& issuer) {
    const std::string bytes = make_crl(issuer, crl);
    auto parsed = parse_crl(bytes);
    EXPECT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_TRUE(check_crl_signature(*parsed, issuer.certificate).has_value());
    return {parsed->crl, issuer.certificate};
  }
  SignedCrl list(const TestCrl& crl) { return list(crl, ca); }
  // "good", "revoked" or the reason.
  std::string says(const std::vector<SignedCrl>& lists, const x509::Issued& who, WallTime at = kNow) {
    const CrlAnswer answer = CrlIndex::build(lists)->find(who.certificate, who.issuers.front(), at);
    if (answer.status == Status::kGood) return "good";
    return answer.status == Status::kRevoked ? "revoked" : std::string(answer.reason);
  }
  TestEntry entry(const x509::Issued& who, std::optional<int> reason = {}) {
    return {serial_of(who.certificate), reason, {}};
  }
  std::vector<std::string_view> unused(const std::vector<SignedCrl>& lists) {
    CrlIndex::Unused out;
    CrlIndex::build(lists, &out);
    std::vector<std::string_view> reasons;
    for (const auto& one : out) reasons.push_back(one.second);
    return reasons;
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued leaf = pki.leaf("leaf", ca);
  x509::Issued other = pki.leaf("other", ca);
};

TEST_F(CrlIndexTest, TellsRevokedFromGood) {
  const std::vector lists{list({.entries = {entry(leaf, 1)}})};
  const auto index = CrlIndex::build(lists);
  const CrlAnswer answer = index->find(leaf.certificate, ca.certificate, kNow);
  EXPECT_EQ(answer.status, Status::kRevoked);
  EXPECT_EQ(answer.entry.reason, 1);
  EXPECT_EQ(answer.entry.at, kNow - hours(2));
  EXPECT_EQ(answer.this_update, kNow - hours(1));
  EXPECT_EQ(answer.next_update, kNow + hours(24));
  EXPECT_EQ(says(lists, other), "good");
  EXPECT_EQ(index->lists(), 1U);
  EXPECT_EQ(index->entries(), 1U);
}

TEST_F(CrlIndexTest, SaysNothingOfWhomNoListCovers) {
  EXPECT_EQ(says({}, leaf), "crl.missing");
  EXPECT_EQ(says({list({}, root)}, leaf), "crl.missing");
  // A namesake's list is another CA's.
  const x509::Issued twin = pki.intermediate("Issuing CA", root);
  EXPECT_EQ(says({list({.entries = {entry(leaf)}}, twin)}, leaf), "crl.missing");
}

TEST_F(CrlIndexTest, JudgesDatesWithFiveMinutesOfSkew) {
  const std::vector lists{list({.entries = {entry(leaf)}})};
  EXPECT_EQ(says(lists, other, kNow + hours(24) + minutes(5)), "good");
  EXPECT_EQ(says(lists, other, kNow + hours(24) + minutes(6)), "crl.expired");
  EXPECT_EQ(says(lists, other, kNow - hours(1) - minutes(5)), "good");
  EXPECT_EQ(says(lists, other, kNow - hours(1) - minutes(6)), "crl.not_yet_valid");
}

TEST_F(CrlIndexTest, I26ARevokedCertificateStaysSoInAnExpiredList) {
  const std::vector lists{list({.entries = {entry(leaf)}})};
  EXPECT_EQ(says(lists, leaf, kNow + hours(1000)), "revoked");
}

TEST_F(CrlIndexTest, TheHighestNumberCounts) {
  const SignedCrl old = list({.entries = {entry(leaf)}, .number = "\x02"});
  const SignedCrl now = list({.entries = {entry(other)}, .number = "\x03"});
  for (const auto& lists : {std::vector{old, now}, std::vector{now, old}}) {
    EXPECT_EQ(says(lists, leaf), "good");
    EXPECT_EQ(says(lists, other), "revoked");
    EXPECT_EQ(unused(lists), std::vector<std::string_view>{"crl.superseded"});
  }
}

TEST_F(CrlIndexTest, OneThatIsAheadRevokesAtOnceAndClearsWhenItsTimeHasCome) {
  const SignedCrl now = list({.entries = {entry(leaf)}, .number = "\x02"});
  const SignedCrl ahead = list(
      {.entries = {entry(other)}, .number = "\x03", .this_update = kNow + hours(1), .next_update = kNow + hours(9)});
  const x509::Issued third = pki.leaf("third", ca);
  for (const auto& lists : {std::vector{now, ahead}, std::vector{ahead, now}}) {
    CrlIndex::Unused told;
    const auto index = CrlIndex::build(lists, &told, kNow);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().second, "crl.not_yet_valid");
    EXPECT_EQ(lists[told.front().first].crl, ahead.crl);
    EXPECT_EQ(index->lists(), 2U);
    EXPECT_EQ(index->entries(), 2U);
    const auto status = [&](const x509::Issued& who, WallTime at) {
      return index->find(who.certificate, ca.certificate, at).status;
    };
    EXPECT_EQ(status(leaf, kNow), Status::kRevoked);
    EXPECT_EQ(status(other, kNow), Status::kRevoked);
    EXPECT_EQ(status(third, kNow), Status::kGood);
    EXPECT_EQ(index->find(third.certificate, ca.certificate, kNow).this_update, now.crl->this_update);
    EXPECT_EQ(status(leaf, kNow + hours(1)), Status::kGood) << "released";
    EXPECT_EQ(index->find(third.certificate, ca.certificate, kNow + hours(1)).this_update, ahead.crl->this_update);
  }
  // Nothing in force to fall back on.
  EXPECT_EQ(says({ahead}, third), "crl.not_yet_valid");
  const SignedCrl past = list({.number = "\x01", .next_update = kNow - minutes(30)});
  EXPECT_EQ(CrlIndex::build({past, ahead}, nullptr, kNow)->find(third.certificate, ca.certificate, kNow).reason,
            "crl.not_yet_valid");
}

TEST_F(CrlIndexTest, ADeltaAddsAndRemoves) {
  const SignedCrl full = list({.entries = {entry(leaf, 6)}, .number = "\x02"});
  const SignedCrl delta = list({.entries = {entry(leaf, 8), entry(other)}, .number = "\x03", .base = "\x02"});
  EXPECT_EQ(says({full, delta}, leaf), "good");
  EXPECT_EQ(says({delta, full}, other), "revoked");
  // Of an expired delta only the bad news stay.
  const SignedCrl past = list(
      {.entries = {entry(leaf, 8), entry(other)}, .number = "\x03", .base = "\x02", .next_update = kNow - minutes(10)});
  EXPECT_EQ(says({full, past}, leaf), "revoked");
  EXPECT_EQ(says({full, past}, other), "revoked");
}

TEST_F(CrlIndexTest, ADeltaNeedsItsBase) {
  const SignedCrl full = list({.number = "\x02"});
  const SignedCrl far = list({.entries = {entry(leaf)}, .number = "\x05", .base = "\x03"});
  const SignedCrl past = list({.entries = {entry(leaf)}, .number = "\x02", .base = "\x01"});
  EXPECT_EQ(unused({far}), std::vector<std::string_view>{"crl.delta_without_base"});
  EXPECT_EQ(says({far}, leaf), "crl.missing");
  EXPECT_EQ(unused({full, far}), std::vector<std::string_view>{"crl.delta_without_base"});
  EXPECT_EQ(says({full, far}, leaf), "good");
  EXPECT_EQ(unused({full, past}), std::vector<std::string_view>{"crl.superseded"});
  // Another scope's full list is no base.
  const SignedCrl users = list({.number = "\x03", .idp = der::sequence("\x81\x01\xff")});
  EXPECT_EQ(unused({users, far}), std::vector<std::string_view>{"crl.delta_without_base"});
}

TEST_F(CrlIndexTest, ScopesDecideWhomAListIsAbout) {
  const x509::Issued below = pki.intermediate("Below", ca);
  const SignedCrl users = list({.idp = der::sequence("\x81\x01\xff")});
  const SignedCrl cas = list({.entries = {entry(below)}, .idp = der::sequence("\x82\x01\xff")});
  EXPECT_EQ(says({users}, leaf), "good");
  EXPECT_EQ(says({users}, below), "crl.missing");
  EXPECT_EQ(says({cas}, leaf), "crl.missing");
  EXPECT_EQ(says({users, cas}, below), "revoked");
  EXPECT_EQ(says({users, cas}, leaf), "good");
}

TEST_F(CrlIndexTest, APartitionedListIsAboutItsOwnCertificates) {
  const auto at = [this](const std::string& url) {
    return pki.leaf(url, ca, {.eku = "clientAuth", .extensions = {{"crlDistributionPoints", "URI:" + url}}});
  };
  const auto shard = [this](const std::string& url, const std::vector<TestEntry>& entries) {
    const std::string name = der::tlv(0xa0, der::tlv(0xa0, der::tlv(0x86, url)));
    return list({.entries = entries, .idp = der::sequence(name)});
  };
  const x509::Issued one = at("http://crl.test/1");
  const x509::Issued two = at("http://crl.test/2");
  const std::vector lists{shard("http://crl.test/1", {}), shard("http://crl.test/3", {entry(two)})};
  EXPECT_EQ(says(lists, one), "good");
  EXPECT_EQ(says(lists, two), "crl.missing");
  EXPECT_EQ(says(lists, leaf), "crl.missing");
  EXPECT_EQ(says({shard("http://crl.test/2", {entry(two)})}, two), "revoked");
  // One list in force suffices, and one that revokes.
  const SignedCrl past = list({.next_update = kNow - minutes(10)});
  EXPECT_EQ(says({past, lists[0]}, one), "good");
  EXPECT_EQ(says({lists[0], past}, one), "good");
  EXPECT_EQ(says({lists[0], list({.entries = {entry(one)}})}, one), "revoked");
}

TEST_F(CrlIndexTest, PointsAreThoseForAllReasons) {
  const x509::Issued who =
      pki.leaf("points", ca,
               {.eku = "clientAuth",
                .extensions = {
                    {"crlDistributionPoints", "URI:http://crl.test/1,URI:ldap://crl.test/2,URI:HTTPS://crl.test/3"}}});
  const CrlPoints points = crl_points(who.certificate);
  EXPECT_EQ(points.urls, (std::vector<std::string>{"http://crl.test/1", "HTTPS://crl.test/3"}));
  EXPECT_EQ(points.names.size(), 3U);
  EXPECT_EQ(points.names[0], der::tlv(0x86, "http://crl.test/1"));
  EXPECT_TRUE(crl_points(leaf.certificate).names.empty());
}

}  // namespace
}  // namespace portcullis::revocation
