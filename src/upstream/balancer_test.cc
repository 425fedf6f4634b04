#include "upstream/balancer.h"

#include <set>

#include <gtest/gtest.h>

#include "upstream/membership_keeper.h"

namespace portcullis::upstream {
namespace {

constexpr std::uint16_t kPort = 8080;

struct BalancerTest : testing::Test {
  void SetUp() override {
    auto made = event::Loop::create(clock);
    ASSERT_TRUE(made);
    loop = std::move(*made);
    keeper = std::make_unique<MembershipKeeper>(*loop, [](std::string, net::Resolver::Callback) {});
  }
  std::shared_ptr<const Membership> pool_of(const std::vector<std::string>& addresses) {
    model::BackendAddressPool pool;
    for (const auto& address : addresses) pool.backend_addresses.push_back({"", address, ""});
    return keeper->adopt(pool);
  }
  std::string next(Balancer& balancer, const Membership& pool, const Endpoint* exclude = nullptr) {
    const auto pick = balancer.pick(pool, kPort, clock.mono(), exclude);
    return pick ? pick->endpoint.address.to_string() : "none";
  }
  static Endpoint at(std::string_view address) { return {*IpAddress::parse(address), kPort}; }

  ManualClock clock;
  std::unique_ptr<event::Loop> loop;
  std::unique_ptr<MembershipKeeper> keeper;
};

TEST_F(BalancerTest, GoesRoundAndBeginsElsewhereInEachWorker) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  Balancer first(0), second(1);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(next(first, *pool), "192.0.2.1");
    EXPECT_EQ(next(first, *pool), "192.0.2.2");
    EXPECT_EQ(next(first, *pool), "192.0.2.3");
  }
  EXPECT_EQ(next(second, *pool), "192.0.2.2");
}

TEST_F(BalancerTest, SaysWhichMemberAndPort) {
  const auto pool = pool_of({"192.0.2.1"});
  Balancer balancer;
  const auto pick = balancer.pick(*pool, 81, clock.mono());
  ASSERT_TRUE(pick);
  EXPECT_EQ(pick->endpoint.to_string(), "192.0.2.1:81");
  EXPECT_EQ(pick->member->name, "192.0.2.1");
  EXPECT_FALSE(pick->member->is_fqdn);
}

TEST_F(BalancerTest, KeepsPoolsApart) {
  const auto one = pool_of({"192.0.2.1", "192.0.2.2"});
  const auto other = pool_of({"192.0.2.8", "192.0.2.9"});
  Balancer balancer;
  EXPECT_EQ(next(balancer, *one), "192.0.2.1");
  EXPECT_EQ(next(balancer, *other), "192.0.2.8");
  EXPECT_EQ(next(balancer, *one), "192.0.2.2");
}

TEST_F(BalancerTest, PassesOverWhatRefusedForAWhile) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2"});
  Balancer balancer;
  balancer.connect_failed(at("192.0.2.1"), clock.mono());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(balancer, *pool), "192.0.2.2");
  clock.advance(Balancer::kPassOver);
  EXPECT_EQ(next(balancer, *pool), "192.0.2.1");
}

TEST_F(BalancerTest, AnotherPortOfTheSameAddressIsNotPassedOver) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2"});
  Balancer balancer;
  balancer.connect_failed({*IpAddress::parse("192.0.2.1"), kPort + 1}, clock.mono());
  EXPECT_EQ(next(balancer, *pool), "192.0.2.1");
}

TEST_F(BalancerTest, ASuccessfulConnectionEndsThePassingOver) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2"});
  Balancer balancer;
  balancer.connect_failed(at("192.0.2.1"), clock.mono());
  balancer.connect_succeeded(at("192.0.2.1"));
  EXPECT_EQ(next(balancer, *pool), "192.0.2.1");
}

TEST_F(BalancerTest, PassingOverNeverEmptiesAPool) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2"});
  Balancer balancer;
  balancer.connect_failed(at("192.0.2.1"), clock.mono());
  balancer.connect_failed(at("192.0.2.2"), clock.mono());
  std::set<std::string> tried;
  for (int i = 0; i < 2; ++i) tried.insert(next(balancer, *pool));
  EXPECT_EQ(tried, (std::set<std::string>{"192.0.2.1", "192.0.2.2"}));
}

TEST_F(BalancerTest, ASecondTryGoesToAnotherOrNowhere) {
  const auto pool = pool_of({"192.0.2.1", "192.0.2.2"});
  Balancer balancer;
  const Endpoint failed = at("192.0.2.1");
  balancer.connect_failed(failed, clock.mono());
  balancer.connect_failed(at("192.0.2.2"), clock.mono());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(balancer, *pool, &failed), "192.0.2.2");
  const auto single = pool_of({"192.0.2.1"});
  EXPECT_EQ(next(balancer, *single, &failed), "none");
}

TEST_F(BalancerTest, AnEmptyPoolGivesNothing) {
  const auto pool = pool_of({});
  Balancer balancer;
  EXPECT_EQ(next(balancer, *pool), "none");
}

}  // namespace
}  // namespace portcullis::upstream
