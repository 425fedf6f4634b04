#include <deque>

#include <gtest/gtest.h>

#include "upstream/balancer.h"
#include "upstream/membership_keeper.h"

namespace portcullis::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct MembershipTest : testing::Test {
  void SetUp() override {
    auto made = event::Loop::create(clock);
    ASSERT_TRUE(made);
    loop = std::move(*made);
    keeper = std::make_unique<MembershipKeeper>(*loop, [this](std::string name, net::Resolver::Callback callback) {
      asked.emplace_back(std::move(name), std::move(callback));
    });
  }
  static model::BackendAddressPool pool_of(const std::vector<std::string>& fqdns) {
    model::BackendAddressPool pool;
    for (const auto& fqdn : fqdns) pool.backend_addresses.push_back({fqdn, "", ""});
    return pool;
  }
  // Lets the loop do what is due, timers included, then returns.
  void turn() {
    loop->post([this] { loop->post([this] { loop->stop(); }); });
    loop->run();
  }
  void pass(milliseconds span) {
    clock.advance(span);
    turn();
  }
  void answer(const std::vector<std::string>& addresses, seconds ttl) {
    ASSERT_FALSE(asked.empty());
    net::Resolved resolved{{}, ttl};
    for (const auto& address : addresses) resolved.addresses.push_back(*IpAddress::parse(address));
    const auto callback = std::move(asked.front().second);
    asked.pop_front();
    callback(std::move(resolved));
    turn();
  }
  void answer_failure() {
    ASSERT_FALSE(asked.empty());
    const auto callback = std::move(asked.front().second);
    asked.pop_front();
    callback(fail("resolver.timeout", "nobody answered"));
    turn();
  }
  static std::string show(const Membership& membership) {
    std::string text;
    for (const Target& target : membership.current()->targets) {
      text += target.member->name + "=" + target.address.to_string() + " ";
    }
    return text;
  }

  ManualClock clock;
  std::unique_ptr<event::Loop> loop;
  std::deque<std::pair<std::string, net::Resolver::Callback>> asked;
  std::unique_ptr<MembershipKeeper> keeper;
};

TEST_F(MembershipTest, AddressesAreThereAtOnceAndAskNobody) {
  model::BackendAddressPool pool;
  pool.backend_addresses = {{"", "192.0.2.1", ""}, {"192.0.2.2", "", ""}, {"", "2001:DB8::0:1", ""}};
  const auto membership = keeper->adopt(pool);
  EXPECT_EQ(show(*membership), "192.0.2.1=192.0.2.1 192.0.2.2=192.0.2.2 2001:db8::1=2001:db8::1 ");
  EXPECT_TRUE(asked.empty());
  EXPECT_TRUE(keeper->settled());
}

TEST_F(MembershipTest, ANameIsUsableAsSoonAsItResolves) {
  const auto membership = keeper->adopt(pool_of({"Backend.Example.Test."}));
  EXPECT_EQ(show(*membership), "");
  const auto before = membership->version();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked.front().first, "backend.example.test");
  answer({"192.0.2.1", "192.0.2.2"}, seconds(30));
  EXPECT_NE(membership->version(), before);
  EXPECT_EQ(membership->current()->version, membership->version());
  EXPECT_EQ(show(*membership), "backend.example.test=192.0.2.1 backend.example.test=192.0.2.2 ");
  EXPECT_TRUE(membership->members().front().is_fqdn);
}

TEST_F(MembershipTest, IPv6IsUsedOnlyWhereThereIsNothingElse) {
  const auto membership = keeper->adopt(pool_of({"a.test", "b.test"}));
  answer({"192.0.2.1", "2001:db8::1"}, seconds(30));
  answer({"2001:db8::2"}, seconds(30));
  EXPECT_EQ(show(*membership), "a.test=192.0.2.1 b.test=2001:db8::2 ");
}

TEST_F(MembershipTest, IsAskedAgainAtItsTtlWithinBounds) {
  const struct {
    seconds ttl, due;
  } cases[] = {{seconds(0), seconds(5)}, {seconds(60), seconds(60)}, {seconds(1 << 30), seconds(300)}};
  for (const auto& [ttl, due] : cases) {
    const auto membership = keeper->adopt(pool_of({"t" + std::to_string(ttl.count()) + ".test"}));
    answer({"192.0.2.1"}, ttl);
    pass(due - milliseconds(1));
    EXPECT_TRUE(asked.empty()) << ttl.count();
    pass(milliseconds(20));
    ASSERT_EQ(asked.size(), 1U) << ttl.count();
    asked.clear();
  }
}

TEST_F(MembershipTest, TheVersionStandsStillWhileTheAnswerDoes) {
  const auto membership = keeper->adopt(pool_of({"a.test"}));
  answer({"192.0.2.1"}, seconds(5));
  const auto version = membership->version();
  pass(seconds(6));
  answer({"192.0.2.1"}, seconds(5));
  EXPECT_EQ(membership->version(), version);
  pass(seconds(6));
  answer({"192.0.2.2"}, seconds(5));
  EXPECT_NE(membership->version(), version);
  EXPECT_EQ(show(*membership), "a.test=192.0.2.2 ");
}

TEST_F(MembershipTest, KeepsTheLastGoodAnswerAndAsksAgainWithBackOff) {
  const auto membership = keeper->adopt(pool_of({"a.test"}));
  answer({"192.0.2.1"}, seconds(5));
  pass(seconds(6));
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    answer_failure();
    EXPECT_EQ(show(*membership), "a.test=192.0.2.1 ");
    pass(seconds(wait) - milliseconds(1));
    EXPECT_TRUE(asked.empty()) << wait;
    pass(milliseconds(20));
    ASSERT_EQ(asked.size(), 1U) << wait;
  }
  answer({"192.0.2.7"}, seconds(5));
  EXPECT_EQ(show(*membership), "a.test=192.0.2.7 ");
}

TEST_F(MembershipTest, PoolsOfTheSameContentShareOne) {
  const auto one = keeper->adopt(pool_of({"a.test"}));
  const auto same = keeper->adopt(pool_of({"A.test."}));
  const auto other = keeper->adopt(pool_of({"a.test", "b.test"}));
  EXPECT_EQ(one, same);
  EXPECT_NE(one, other);
  EXPECT_NE(one->id(), other->id());
  ASSERT_EQ(asked.size(), 2U);  // a.test once, b.test once
  answer({"192.0.2.1"}, seconds(30));
  EXPECT_EQ(show(*one), "a.test=192.0.2.1 ");
  EXPECT_EQ(show(*other), "a.test=192.0.2.1 ");
}

TEST_F(MembershipTest, AChangedPoolBeginsWithWhatIsKnown) {
  auto old = keeper->adopt(pool_of({"a.test"}));
  answer({"192.0.2.1"}, seconds(300));
  const auto changed = keeper->adopt(pool_of({"a.test", "b.test"}));
  EXPECT_EQ(show(*changed), "a.test=192.0.2.1 ");
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked.front().first, "a.test");  // a configuration update asks anew
}

TEST_F(MembershipTest, AForgottenPoolIsNotAskedForAgain) {
  auto membership = keeper->adopt(pool_of({"a.test"}));
  answer({"192.0.2.1"}, seconds(5));
  membership.reset();
  pass(seconds(6));
  EXPECT_TRUE(asked.empty());
  pass(seconds(600));
  EXPECT_TRUE(asked.empty());
  const auto again = keeper->adopt(pool_of({"a.test"}));
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(MembershipTest, SettlesOnceEveryNameHasAnsweredOrFailed) {
  const auto membership = keeper->adopt(pool_of({"a.test", "b.test"}));
  int settled = 0;
  keeper->on_settled([&settled] { ++settled; });
  answer_failure();
  EXPECT_EQ(settled, 0);
  EXPECT_FALSE(keeper->settled());
  answer({"192.0.2.1"}, seconds(5));
  EXPECT_EQ(settled, 1);
  keeper->on_settled([&settled] { ++settled; });
  EXPECT_EQ(settled, 2);
}

TEST_F(MembershipTest, WhatIsNoAddressHasNoEndpoint) {
  model::BackendAddressPool pool = pool_of({"", "white space", "[::1]", "a..b"});
  pool.backend_addresses.push_back({"", "300.1.1.1", ""});
  const auto membership = keeper->adopt(pool);
  EXPECT_TRUE(membership->members().empty());
  EXPECT_TRUE(asked.empty());
}

TEST_F(MembershipTest, AnAnswerAfterTheKeeperIsGoneHarmsNobody) {
  const auto membership = keeper->adopt(pool_of({"a.test"}));
  keeper.reset();
  answer({"192.0.2.1"}, seconds(5));
  EXPECT_EQ(show(*membership), "");
}

TEST_F(MembershipTest, TheBalancerFollows) {
  const auto membership = keeper->adopt(pool_of({"a.test"}));
  Balancer balancer;
  EXPECT_FALSE(balancer.pick(*membership, 80, clock.mono()));
  answer({"192.0.2.1"}, seconds(5));
  const auto pick = balancer.pick(*membership, 80, clock.mono());
  ASSERT_TRUE(pick);
  EXPECT_EQ(pick->endpoint.to_string(), "192.0.2.1:80");
  EXPECT_EQ(pick->member->name, "a.test");
  pass(seconds(6));
  answer({"192.0.2.2"}, seconds(5));
  EXPECT_EQ(balancer.pick(*membership, 80, clock.mono())->endpoint.to_string(), "192.0.2.2:80");
}

TEST(Membership, ResolvesLocalhostThroughTheRealResolver) {
  const SystemClock clock;
  auto loop = event::Loop::create(clock);
  ASSERT_TRUE(loop);
  auto resolver = net::Resolver::create();
  ASSERT_TRUE(resolver) << resolver.error().message;
  MembershipKeeper keeper(**loop, **resolver);
  model::BackendAddressPool pool;
  pool.backend_addresses = {{"localhost", "", ""}};
  const auto membership = keeper.adopt(pool);
  keeper.on_settled([&loop] { (*loop)->stop(); });
  (*loop)->run();
  ASSERT_FALSE(membership->current()->targets.empty());
  EXPECT_TRUE(membership->current()->targets.front().address.is_loopback());
}

}  // namespace
}  // namespace portcullis::upstream
