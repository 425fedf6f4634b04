#include "fetch/address_policy.h"

#include <gtest/gtest.h>

namespace portcullis::fetch {
namespace {

using Texts = std::vector<std::string>;

AddressPolicy policy_of(const Texts& deny, const Texts& allow = {}, std::vector<Endpoint> never = {}) {
  auto made = AddressPolicy::create(deny, allow, std::move(never));
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

bool allows(const AddressPolicy& policy, const std::string& address, std::uint16_t port = 80) {
  const auto parsed = IpAddress::parse(address);
  EXPECT_TRUE(parsed) << address;
  const auto judged = policy.judge({*parsed, port});
  EXPECT_TRUE(judged || judged.error().code == "fetch.address_denied");
  return judged.has_value();
}

TEST(AddressPolicy, DeniesByDefaultWhatIsNearInEverySpelling) {
  const AddressPolicy policy;
  for (const char* address :
       {// loopback
        "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1:a:7f:0:100:0",
        "2002:7f00:1::", "2002:7f00:1:1:2:3:4:5", "2001:0:7f00:1::", "2001::80ff:fffe", "2001:db8::5efe:127.0.0.1",
        "2001:db8::200:5efe:7f00:1",
        // link-local: cloud metadata
        "169.254.169.254", "169.254.0.0", "fe80::1", "febf::1", "::ffff:169.254.169.254", "::169.254.169.254",
        "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:db8::5efe:a9fe:a9fe",
        // multicast
        "224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "64:ff9b::224.0.0.1",
        // nobody, everybody
        "0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "::2", "64:ff9b::", "255.255.255.255", "64:ff9b::255.255.255.255",
        "2002::1"}) {
    EXPECT_FALSE(allows(policy, address)) << address;
  }
  for (const char* address :
       {"192.0.2.1", "10.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "223.255.255.255",
        "240.0.0.1", "1.0.0.0", "2001:db8::1", "fec0::1", "fd00::1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1",
        "64:ff9b:1::192.0.2.1", "64:ff9b:1:c000:2:100::", "2002:c000:201::1", "2606:4700::1111"}) {
    EXPECT_TRUE(allows(policy, address)) << address;
  }
}

TEST(AddressPolicy, FollowsTheListsAndAnAllowedBlockIsAnException) {
  const auto policy = policy_of({"loopback", "10.0.0.0/8", "2001:db8::/33", "198.51.100.7"}, {"10.1.2.0/23", "::1"});
  for (const char* address : {"127.0.0.1", "10.0.0.1", "10.1.4.0", "10.1.1.255", "2001:db8:7fff::1", "198.51.100.7",
                              "64:ff9b::10.0.0.1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(allows(policy, address)) << address;
  }
  for (const char* address : {"10.1.2.0", "10.1.3.255", "::1", "2001:db8:8000::1", "198.51.100.8", "169.254.1.1",
                              "64:ff9b::10.1.3.1", "11.0.0.1"}) {
    EXPECT_TRUE(allows(policy, address)) << address;
  }
  const auto everything = policy_of({"0.0.0.0/0", "::/0"}, {"192.0.2.0/24"});
  EXPECT_FALSE(allows(everything, "198.51.100.1"));
  EXPECT_FALSE(allows(everything, "2001:db8::1"));
  EXPECT_TRUE(allows(everything, "192.0.2.200"));
}

TEST(AddressPolicy, NoListAllowsWhatNoHostHas) {
  const auto policy = policy_of({}, {"0.0.0.0/0", "::/0"});
  for (const char* address : {"0.0.0.0", "0.0.0.1", "::", "255.255.255.255", "64:ff9b::0.0.0.0"}) {
    EXPECT_FALSE(allows(policy, address)) << address;
  }
  EXPECT_TRUE(allows(policy, "127.0.0.1"));
  EXPECT_TRUE(allows(policy, "::1"));
}

TEST(AddressPolicy, AnAllowedIpv6BlockLendsNothingToTheIpv4AddressInside) {
  const auto policy = policy_of({"loopback"}, {"64:ff9b::/96", "::/96"});
  EXPECT_FALSE(allows(policy, "64:ff9b::127.0.0.1"));
  EXPECT_FALSE(allows(policy, "::127.0.0.1"));
  EXPECT_TRUE(allows(policy, "64:ff9b::192.0.2.1"));
}

TEST(AddressPolicy, NeverReachesAManagementListener) {
  const Texts any{"0.0.0.0/0", "::/0"};
  const auto one = policy_of({}, any, {*Endpoint::parse("192.0.2.1:9443"), *Endpoint::parse("[::1]:9100")});
  for (const char* address : {"192.0.2.1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::"}) {
    EXPECT_FALSE(allows(one, address, 9443)) << address;
    EXPECT_TRUE(allows(one, address, 9444)) << address;
  }
  EXPECT_FALSE(allows(one, "::1", 9100));
  EXPECT_TRUE(allows(one, "127.0.0.1", 9443));

  for (const char* wildcard : {"0.0.0.0:9443", "[::]:9443"}) {
    const auto all = policy_of({}, any, {*Endpoint::parse(wildcard)});
    for (const char* address : {"127.0.0.1", "127.5.5.5", "64:ff9b::127.0.0.1"}) {
      EXPECT_FALSE(allows(all, address, 9443)) << wildcard << " " << address;
      EXPECT_TRUE(allows(all, address, 80)) << wildcard << " " << address;
    }
    EXPECT_TRUE(allows(all, "192.0.2.1", 9443)) << wildcard << ": not this machine's address";
  }
}

TEST(AddressPolicy, ReadsWordsWithoutCaseAndMappedBlocksAsIpv4) {
  EXPECT_FALSE(allows(policy_of({"LoopBack"}), "127.0.0.1"));
  const auto mapped = policy_of({"::ffff:10.0.0.0/104"});
  EXPECT_FALSE(allows(mapped, "10.200.0.1"));
  EXPECT_TRUE(allows(mapped, "11.0.0.1"));
}

TEST(AddressPolicy, NamesTheEntryThatItCannotRead) {
  for (const char* entry : {"", "localhost", "loop", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "/8",
                            "2001:db8::/129", "::ffff:10.0.0.0/95", "10.0.0.1-10.0.0.9", "10.0.0.0/8/8", "[::1]"}) {
    for (const bool in_deny : {true, false}) {
      const Texts list{entry};
      const auto made = in_deny ? AddressPolicy::create(list, {}) : AddressPolicy::create({}, list);
      ASSERT_FALSE(made) << entry;
      EXPECT_EQ(made.error().code, "fetch.bad_egress");
      EXPECT_NE(made.error().message.find("'" + std::string(entry) + "'"), std::string::npos) << entry;
    }
  }
}

TEST(AddressPolicy, SaysWhyAndWhere) {
  const auto denied = AddressPolicy().judge({*IpAddress::parse("64:ff9b::169.254.169.254"), 80});
  ASSERT_FALSE(denied);
  for (const char* part : {"[64:ff9b::a9fe:a9fe]:80", "169.254.169.254", "link_local"}) {
    EXPECT_NE(denied.error().message.find(part), std::string::npos) << denied.error().message;
  }
}

}  // namespace
}  // namespace portcullis::fetch
