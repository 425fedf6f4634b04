#include "server/limits.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace portcullis::server {
namespace {

using Answer = ConnectionLimits::Answer;
using std::chrono::milliseconds;

const IpAddress kOne = *IpAddress::parse("192.0.2.1");
const IpAddress kTwo = *IpAddress::parse("2001:db8::2");
constexpr MonoTime kStart{std::chrono::hours(1)};

TEST(ConnectionLimits, CountsAllConnectionsTogether) {
  ConnectionLimits limits;
  limits.configure({.connections = 2});
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_EQ(limits.enter(kTwo), Answer::kAccept);
  EXPECT_EQ(limits.enter(kTwo), Answer::kTooMany);
  EXPECT_EQ(limits.connections(), 2U);
  limits.leave(kOne);
  EXPECT_EQ(limits.enter(kTwo), Answer::kAccept);
  EXPECT_EQ(limits.connections(), 2U);
}

TEST(ConnectionLimits, CountsEachClientForItself) {
  ConnectionLimits limits;
  limits.configure({.connections_per_ip = 2});
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_EQ(limits.enter(kOne), Answer::kTooManyOfClient);
  EXPECT_EQ(limits.enter(*IpAddress::parse("::ffff:192.0.2.1")), Answer::kTooManyOfClient);
  EXPECT_EQ(limits.enter(kTwo), Answer::kAccept);
  EXPECT_EQ(limits.connections(), 3U);
  limits.leave(kOne);
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
}

TEST(ConnectionLimits, AClientThatIsRefusedCostsNobodyAPlace) {
  ConnectionLimits limits;
  limits.configure({.connections = 2, .connections_per_ip = 1});
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limits.enter(kOne), Answer::kTooManyOfClient);
  EXPECT_EQ(limits.enter(kTwo), Answer::kAccept);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limits.enter(kTwo), Answer::kTooMany);
  limits.leave(kOne);
  limits.leave(kTwo);
  EXPECT_EQ(limits.connections(), 0U);
}

TEST(ConnectionLimits, ALimitSetWhileConnectionsAreOpenCountsThem) {
  ConnectionLimits limits;
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  limits.configure({.connections_per_ip = 2});
  EXPECT_EQ(limits.enter(kOne), Answer::kTooManyOfClient);
  limits.leave(kOne);
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  limits.configure({});
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
}

TEST(ConnectionLimits, HandshakesComeBackWithTime) {
  ConnectionLimits limits;
  limits.configure({.handshakes_per_ip_per_s = 2});
  EXPECT_TRUE(limits.may_handshake(kOne, kStart));
  EXPECT_TRUE(limits.may_handshake(kOne, kStart));
  EXPECT_FALSE(limits.may_handshake(kOne, kStart));
  EXPECT_TRUE(limits.may_handshake(kTwo, kStart));
  EXPECT_FALSE(limits.may_handshake(kOne, kStart + milliseconds(400)));
  EXPECT_TRUE(limits.may_handshake(kOne, kStart + milliseconds(500)));
  EXPECT_FALSE(limits.may_handshake(kOne, kStart + milliseconds(501)));
  // Patience does not save up more than a second's worth.
  const MonoTime later = kStart + std::chrono::hours(1);
  EXPECT_TRUE(limits.may_handshake(kOne, later));
  EXPECT_TRUE(limits.may_handshake(kOne, later));
  EXPECT_FALSE(limits.may_handshake(kOne, later));
}

TEST(ConnectionLimits, ReconnectingDoesNotBuyHandshakes) {
  ConnectionLimits limits;
  limits.configure({.handshakes_per_ip_per_s = 1});
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_TRUE(limits.may_handshake(kOne, kStart));
  limits.leave(kOne);
  EXPECT_EQ(limits.enter(kOne), Answer::kAccept);
  EXPECT_FALSE(limits.may_handshake(kOne, kStart));
}

TEST(ConnectionLimits, WithoutARateNobodyIsTooFast) {
  ConnectionLimits limits;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.may_handshake(kOne, kStart));
}

TEST(ConnectionLimits, SweepingForgetsNobodyWhoIsConnectedOrTooFast) {
  ConnectionLimits limits;
  limits.configure({.connections_per_ip = 1, .handshakes_per_ip_per_s = 1});
  EXPECT_EQ(limits.enter(kTwo), Answer::kAccept);
  for (std::uint32_t i = 0; i < 70'000; ++i) limits.may_handshake(IpAddress::v4(0x0a000000U + i), kStart);
  const MonoTime later = kStart + std::chrono::seconds(5);
  EXPECT_TRUE(limits.may_handshake(kOne, later));
  EXPECT_TRUE(limits.may_handshake(IpAddress::v4(0x0a000000U), later));
  EXPECT_FALSE(limits.may_handshake(kOne, later));
  EXPECT_EQ(limits.enter(kTwo), Answer::kTooManyOfClient);
}

TEST(ConnectionLimits, ManyThreadsNeverPassTheLimit) {
  ConnectionLimits limits;
  limits.configure({.connections = 10, .connections_per_ip = 8});
  std::atomic<int> inside{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (limits.enter(kOne) != Answer::kAccept) continue;
        if (++inside > 8) over = true;
        --inside;
        limits.leave(kOne);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(limits.connections(), 0U);
}

}  // namespace
}  // namespace portcullis::server
