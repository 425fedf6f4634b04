#include "clientauth/peer_note.h"

#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using std::chrono::hours;

PeerNote sample() {
  PeerNote note;
  note.above_leaf = {"first", std::string(300, '\0'), ""};
  PeerNote::Pass& pass = note.pass.emplace();
  pass.judged_under.bytes.fill(7);
  pass.judged_at = kNow;
  pass.earliest_not_after = kNow + hours(1);
  pass.path.resize(3);
  pass.path[0].presented = std::uint8_t{0};
  pass.path[1].presented = std::uint8_t{3};
  pass.path[2].uploaded.bytes.fill(9);
  return note;
}

TEST(PeerNote, ComesBackAsItWas) {
  for (const bool passed : {true, false}) {
    PeerNote note = sample();
    if (!passed) note.pass.reset();
    const auto read = read_peer_note(write_peer_note(note));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->above_leaf, note.above_leaf);
    ASSERT_EQ(read->pass.has_value(), passed);
    if (!passed) continue;
    EXPECT_EQ(read->pass->judged_under, note.pass->judged_under);
    EXPECT_EQ(read->pass->judged_at, note.pass->judged_at);
    EXPECT_EQ(read->pass->earliest_not_after, note.pass->earliest_not_after);
    ASSERT_EQ(read->pass->path.size(), 3U);
    EXPECT_EQ(read->pass->path[0].presented, std::uint8_t{0});
    EXPECT_EQ(read->pass->path[1].presented, std::uint8_t{3});
    EXPECT_FALSE(read->pass->path[2].presented.has_value());
    EXPECT_EQ(read->pass->path[2].uploaded, note.pass->path[2].uploaded);
  }
}

TEST(PeerNote, AnythingElseIsRefused) {
  const std::string good = write_peer_note(sample());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_peer_note(good.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(read_peer_note(good + '\0').has_value());
  std::string bad = good;
  bad[0] = 2;  // version
  EXPECT_FALSE(read_peer_note(bad).has_value());
  bad = good;
  bad[1] = 100;  // certificates
  EXPECT_FALSE(read_peer_note(bad).has_value());
  const std::size_t step = good.size() - 34;
  ASSERT_EQ(good[step], 3);
  for (const char index : {'\0', '\4', '\xfe'}) {  // the leaf again, and none that was presented
    bad = good;
    bad[step] = index;
    EXPECT_FALSE(read_peer_note(bad).has_value());
  }
  PeerNote nothing;
  bad = write_peer_note(nothing);
  bad.back() = 2;  // passed
  EXPECT_FALSE(read_peer_note(bad).has_value());
}

struct RecallTest : PolicyTest {
  static const PeerRecord& record(const std::shared_ptr<const tls::PeerState>& peer) {
    return static_cast<const PeerRecord&>(*peer);
  }
  std::shared_ptr<Verifier> cached(ClientPolicy policy) {
    return std::make_shared<Verifier>(std::move(policy), std::make_shared<ChainCache>());
  }
};

TEST_F(RecallTest, APassComesBackWholeWithoutBeingJudgedAnew) {
  const auto there = verifier(policy(Mode::kStrict)), here = cached(policy(Mode::kStrict));
  const auto made = there->judge(good.presented(), kNow);
  const auto written = there->write_down(*made, 8192);
  ASSERT_TRUE(written.has_value());
  const auto back = here->recall(good.certificate, *written, kNow + hours(1));
  ASSERT_NE(back, nullptr);
  const PeerRecord &was = record(made), &is = record(back);
  EXPECT_EQ(is.presented, was.presented);
  EXPECT_EQ(is.identity.subject, was.identity.subject);
  EXPECT_EQ(is.identity.fingerprint, was.identity.fingerprint);
  EXPECT_EQ(is.trust, was.trust);
  EXPECT_EQ(is.judged_under, was.judged_under);
  EXPECT_EQ(is.judged_at, kNow);  // not when it was recalled
  EXPECT_EQ(is.path.path, was.path.path);
  EXPECT_EQ(is.path.anchor_file, was.path.anchor_file);
  EXPECT_EQ(is.path.earliest_not_after, was.path.earliest_not_after);
  EXPECT_TRUE(is.path.ok);
  EXPECT_EQ(is.weight(), was.weight());
  // Its connections share one record, and a full handshake finds it.
  EXPECT_EQ(here->recall(good.certificate, *written, kNow + hours(2)), back);
  EXPECT_EQ(here->judge(good.presented(), kNow + hours(2)), back);
}

TEST_F(RecallTest, I4WhatExpiredSinceIsJudgedAnewAndNotResumed) {
  const auto strict = verifier(policy(Mode::kStrict));
  const auto made = strict->judge(dying.presented(), kNow);
  const auto written = strict->write_down(*made, 8192);
  const auto in_time = strict->recall(dying.certificate, *written, kNow + std::chrono::minutes(59));
  EXPECT_TRUE(strict->may_resume(in_time.get(), kNow, kNow + std::chrono::minutes(59)));
  const auto late = strict->recall(dying.certificate, *written, kNow + hours(1));
  ASSERT_NE(late, nullptr);
  EXPECT_FALSE(record(late).path.ok);
  EXPECT_EQ(record(late).path.reason_code, x509::kReasonExpired);
  EXPECT_FALSE(strict->may_resume(late.get(), kNow, kNow + hours(1)));
}

TEST_F(RecallTest, UnderOtherTrustTheChainIsJudgedByThatTrust) {
  const auto strict = verifier(policy(Mode::kStrict));
  const auto written = strict->write_down(*strict->judge(good.presented(), kNow), 8192);
  ClientPolicy other = policy(Mode::kStrict);
  other.anchors = trust({other_root.pem()});
  const auto elsewhere = verifier(other);
  const auto back = elsewhere->recall(good.certificate, *written, kNow);
  ASSERT_NE(back, nullptr);
  EXPECT_FALSE(record(back).path.ok);
  EXPECT_FALSE(elsewhere->may_resume(back.get(), kNow, kNow));
  ClientPolicy shadow = policy(Mode::kPassthrough);
  const auto passthrough = verifier(shadow);
  EXPECT_EQ(record(passthrough->recall(good.certificate, *written, kNow)).trust, passthrough->trust());
}

TEST_F(RecallTest, APathThatIsNotOursIsJudgedAnew) {
  const auto strict = verifier(policy(Mode::kStrict));
  auto note = read_peer_note(*strict->write_down(*strict->judge(good.presented(), kNow), 8192));
  ASSERT_TRUE(note && note->pass);
  // The leaf's CA as its own anchor, an unknown anchor, another end.
  PeerNote no_root = *note, unknown = *note, longer = *note;
  no_root.pass->path.pop_back();
  unknown.pass->path.back().uploaded.bytes.fill(1);
  longer.pass->earliest_not_after += hours(24);
  for (const PeerNote& wrong : {no_root, unknown, longer}) {
    const auto back = strict->recall(good.certificate, write_peer_note(wrong), kNow + hours(1));
    ASSERT_NE(back, nullptr);
    EXPECT_TRUE(record(back).path.ok);
    EXPECT_EQ(record(back).judged_at, kNow + hours(1));
  }
}

TEST_F(RecallTest, ARefusalIsNotWrittenDown) {
  const auto shadow = verifier(policy(Mode::kPassthrough));
  const auto made = shadow->judge(expired.presented(), kNow);
  const auto written = shadow->write_down(*made, 8192);
  ASSERT_TRUE(written.has_value());
  EXPECT_FALSE(read_peer_note(*written)->pass.has_value());
  const auto back = shadow->recall(expired.certificate, *written, kNow);
  EXPECT_EQ(record(back).path.reason_code, x509::kReasonExpired);
  EXPECT_EQ(record(back).presented, record(made).presented);
}

TEST_F(RecallTest, WhatDoesNotFitIsNotWritten) {
  const auto strict = verifier(policy(Mode::kStrict));
  x509::CertificateList longer = good.presented();
  for (int i = 0; i < 8; ++i) longer.push_back(ca.certificate);
  const auto made = strict->judge(longer, kNow);
  const std::size_t size = strict->write_down(*made, 1'000'000)->size();
  EXPECT_TRUE(strict->write_down(*made, size).has_value());
  EXPECT_FALSE(strict->write_down(*made, size - 1).has_value());
}

TEST_F(RecallTest, LimitsAndJunkAreRefused) {
  const auto strict = verifier(policy(Mode::kStrict));
  const auto written = strict->write_down(*strict->judge(good.presented(), kNow), 8192);
  ClientPolicy tight = policy(Mode::kStrict);
  tight.presented_certificates = 1;
  EXPECT_EQ(verifier(tight)->recall(good.certificate, *written, kNow), nullptr);
  EXPECT_EQ(strict->recall(good.certificate, "", kNow), nullptr);
  EXPECT_EQ(strict->recall(good.certificate, "junk", kNow), nullptr);
  PeerNote bad;
  bad.above_leaf = {"no certificate"};
  EXPECT_EQ(strict->recall(good.certificate, write_peer_note(bad), kNow), nullptr);
}

}  // namespace
}  // namespace portcullis::clientauth
