#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using Peer = std::shared_ptr<const tls::PeerState>;

// Sessions of clients that a policy refuses would only fill the store: each of their handshakes makes one.
TEST_F(PolicyTest, OnlySessionsThatCouldBeResumedAreWorthKeeping) {
  const auto strict = verifier(policy(Mode::kStrict));
  const auto passthrough = verifier(policy(Mode::kPassthrough));
  const std::pair<const x509::Issued*, bool> cases[] = {{&good, true},        {&dying, true},     {&expired, false},
                                                        {&early, false},      {&stranger, false}, {&server_only, false},
                                                        {&self_signed, false}};
  for (const auto& [who, worth] : cases) {
    const Peer peer = strict->judge(who->presented(), kNow);
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(strict->worth_keeping(peer.get(), kNow), worth) << who->certificate.der().size();
    const Peer passed = passthrough->judge(who->presented(), kNow);
    EXPECT_TRUE(passthrough->worth_keeping(passed.get(), kNow));
  }
  EXPECT_TRUE(strict->worth_keeping(nullptr, kNow));
  const Peer once_good = strict->judge(dying.presented(), kNow);
  EXPECT_FALSE(strict->worth_keeping(once_good.get(), kNow + std::chrono::hours(2)));
}

TEST_F(PolicyTest, APeerWeighsAtLeastWhatItPresented) {
  for (const Mode mode : {Mode::kStrict, Mode::kPassthrough}) {
    const auto judge = verifier(policy(mode));
    const x509::CertificateList chain = good.presented();
    x509::CertificateList longer = chain;
    for (int i = 0; i < 3; ++i) longer.push_back(ca.certificate);
    std::size_t bytes = 0;
    for (const x509::Certificate& certificate : chain) bytes += certificate.der().size();
    const Peer peer = judge->judge(chain, kNow), heavier = judge->judge(longer, kNow);
    EXPECT_GT(peer->weight(), bytes);
    EXPECT_GT(heavier->weight(), peer->weight() + 3 * ca.certificate.der().size());
    // A new judgement of the same chain weighs the same: a reload does not make the store's sums wrong.
    const auto again = judge->rejudge(static_cast<const PeerRecord&>(*heavier), kNow);
    EXPECT_EQ(again->weight(), heavier->weight());
  }
}

}  // namespace
}  // namespace portcullis::clientauth
