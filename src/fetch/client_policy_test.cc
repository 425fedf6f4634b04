// The address policy as a whole fetch meets it (mtls-invariants I20): no denied address is ever connected to.
#include "fetch/test_fetch.h"

namespace portcullis::fetch {
namespace {

using ClientPolicyTest = FetchTest;

TEST_F(ClientPolicyTest, ReachesNoDeniedAddressByLiteralOrByName) {
  open({});  // the default policy
  PlannedServer& v4 = serve();
  PlannedServer& v6 = serve({}, "[::1]:0");
  const std::vector<std::string> addresses{
      "127.0.0.1",       "127.0.0.2", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
      "::ffff:0:7f00:1", "0.0.0.0",   "::",  "169.254.169.254",  "fe80::1",     "224.0.0.1",       "ff02::1",
      "255.255.255.255"};
  for (const std::string& address : addresses) {
    const bool is_v6 = address.find(':') != std::string::npos;
    const std::string host = is_v6 ? "[" + address + "]" : address;
    for (const PlannedServer* server : {&v4, &v6}) {
      EXPECT_EQ(outcome(server->named_url(host)), "fetch.address_denied") << host;
      dns["evil.test"] = {{address}};
      const auto got = fetch(get(server->named_url("evil.test")));
      EXPECT_EQ(describe(got), "fetch.address_denied") << address;
      EXPECT_NE(got.error().message.find("evil.test"), std::string::npos) << got.error().message;
    }
  }
  settle();
  EXPECT_EQ(v4.connections + v6.connections, 0);
  EXPECT_EQ(client->stats().connections, 0U);
  EXPECT_EQ(client->stats().denied, addresses.size() * 4);
}

TEST_F(ClientPolicyTest, OneDeniedAddressRefusesAWholeAnswer) {
  ClientOptions options;
  options.policy = policy_of({"loopback"}, {"127.0.0.1"});
  open(std::move(options));
  PlannedServer& server = serve();
  using Answers = std::vector<std::vector<std::string>>;
  for (const auto& answers : Answers{{"127.0.0.1", "127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}, {"127.0.0.1", "::1"}}) {
    dns["mixed.test"] = {answers};
    EXPECT_EQ(outcome(server.named_url("mixed.test")), "fetch.address_denied");
  }
  settle();
  EXPECT_EQ(server.connections, 0);
  dns["mixed.test"] = {{"127.0.0.1"}};
  EXPECT_EQ(outcome(server.named_url("mixed.test")), "200 ok");
}

TEST_F(ClientPolicyTest, ANameThatResolvesDifferentlyTheSecondTimeIsJudgedAgain) {
  ClientOptions options;
  options.policy = policy_of({"loopback"}, {"127.0.0.1"});
  open(std::move(options));
  PlannedServer& server = serve({.close = true});
  PlannedServer& inner = serve({}, ("127.0.0.2:" + std::to_string(server.endpoint.port)).c_str());
  dns["rebinding.test"] = {{"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.1"}};
  EXPECT_EQ(outcome(server.named_url("rebinding.test")), "200 ok");
  settle();
  EXPECT_EQ(outcome(server.named_url("rebinding.test")), "fetch.address_denied");
  EXPECT_EQ(outcome(server.named_url("rebinding.test")), "200 ok");
  settle();
  EXPECT_EQ(lookups.size(), 3U) << "one resolution a connection: what is judged is what is connected to";
  EXPECT_EQ(inner.connections, 0);
}

TEST_F(ClientPolicyTest, TheSecondTryOfAStaleConnectionIsJudgedToo) {
  ClientOptions options;
  options.policy = policy_of({"loopback"}, {"127.0.0.1"});
  open(std::move(options));
  PlannedServer& server = serve();
  dns["rebinding.test"] = {{"127.0.0.1"}, {"127.0.0.2"}};
  EXPECT_EQ(outcome(server.named_url("rebinding.test")), "200 ok");
  server.plan.silent_from = 2;
  EXPECT_EQ(outcome(server.named_url("rebinding.test")), "fetch.address_denied");
  EXPECT_EQ(client->stats().repeated, 1U);
}

TEST_F(ClientPolicyTest, ANewPolicyHoldsForKeptConnections) {
  open();
  PlannedServer& server = serve();
  EXPECT_EQ(outcome(server.url()), "200 ok");
  EXPECT_EQ(client->idle(), 1U);
  client->set_policy({});
  EXPECT_EQ(outcome(server.url()), "fetch.address_denied");
  EXPECT_EQ(client->idle(), 0U);
  settle();
  EXPECT_EQ(server.requests.size(), 1U);
}

TEST_F(ClientPolicyTest, TheManagementListenerIsOutOfReach) {
  PlannedServer& admin = serve();
  PlannedServer& other = serve();
  const std::string wildcard = "0.0.0.0:" + std::to_string(admin.endpoint.port);
  for (const Endpoint& never : {admin.endpoint, *Endpoint::parse(wildcard)}) {
    ClientOptions options;
    options.policy = policy_of({}, {"0.0.0.0/0", "::/0"}, {never});
    open(std::move(options));
    dns["admin.test"] = {{"127.0.0.1"}};
    for (const char* host : {"127.0.0.1", "admin.test", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]"}) {
      EXPECT_EQ(outcome(admin.named_url(host)), "fetch.address_denied") << host;
    }
    EXPECT_EQ(outcome(other.named_url("admin.test")), "200 ok") << "only its port";
    bool down = false;
    event::spawn(shut_down_into(client.get(), &down));
    ASSERT_TRUE(turn_until([&] { return down; }));
  }
  settle();
  EXPECT_EQ(admin.connections, 0);
}

}  // namespace
}  // namespace portcullis::fetch
