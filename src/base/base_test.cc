#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/host_name.h"
#include "base/ip_address.h"
#include "base/strings.h"

namespace portcullis {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v*", "Z m 9 v =", "-_-_"}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
  EXPECT_EQ(base64_decode(" Zm\r\n9v "), "foo");
  EXPECT_EQ(base64_decode(""), "");
}

TEST(ParseUint, TakesDigitsWithinTheRangeOnly) {
  EXPECT_EQ(parse_uint("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_uint("0"), 0U);
  EXPECT_EQ(parse_uint("65535", 65535), 65535U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "99999999999999999999"}) {
    EXPECT_FALSE(parse_uint(bad)) << bad;
  }
  EXPECT_FALSE(parse_uint("65536", 65535));
  EXPECT_FALSE(parse_uint("9", 5));
}

TEST(IpAddress, MappedV4HasOneSpelling) {
  EXPECT_EQ(IpAddress::parse("::ffff:127.0.0.1"), IpAddress::parse("127.0.0.1"));
  EXPECT_TRUE(IpAddress::parse("::ffff:7f00:1")->is_loopback());
  EXPECT_EQ(IpAddress::parse("0:0:0:0:0:0:0:1")->to_string(), "::1");
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "fe80::1%eth0", "[::1]", "1.2.3.4 "}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::parse("127.0.0.1:80")->to_string(), "127.0.0.1:80");
  EXPECT_EQ(Endpoint::parse("[::1]:443")->to_string(), "[::1]:443");
  for (const char* bad : {"::1:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "[127.0.0.1]:1", "a:1"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
  sockaddr_storage storage;
  for (const char* text : {"10.1.2.3:9", "[2001:db8::1]:65535"}) {
    const auto endpoint = *Endpoint::parse(text);
    endpoint.to_sockaddr(storage);
    EXPECT_EQ(Endpoint::from_sockaddr(storage), endpoint);
  }
}

TEST(CanonicalHost, EquivalentSpellingsBecomeOne) {
  for (const char* same : {"a.example", "A.Example", "a.example.", "A.EXAMPLE."}) {
    EXPECT_EQ(canonical_host(same), "a.example") << same;
  }
  EXPECT_EQ(canonical_host("[0:0::1]"), "[::1]");
  EXPECT_EQ(canonical_host("xn--bcher-kva.example"), "xn--bcher-kva.example");
}

TEST(CanonicalHost, RefusesWhatIsNoHost) {
  for (std::string bad : {"", ".", "a..b", ".a", "a.example..", "a b", "a/b", "a@b", "a:1", "b\xc3\xbc", "a%41", "[]",
                          "[1.2.3.4]", "[::1", "a\x01"}) {
    EXPECT_FALSE(canonical_host(bad)) << bad;
  }
  EXPECT_FALSE(canonical_host(std::string_view("a\0b", 3)));
  EXPECT_FALSE(canonical_host(std::string(64, 'a')));
  std::string long_name;
  while (long_name.size() < 254) long_name += "abcdefg.";
  EXPECT_FALSE(canonical_host(long_name + "x"));
}

TEST(ParseHostPort, TakesAnOptionalPort) {
  EXPECT_EQ(parse_host_port("A.example:8443")->port, 8443);
  EXPECT_EQ(parse_host_port("A.example:8443")->host, "a.example");
  EXPECT_FALSE(parse_host_port("a.example")->port);
  EXPECT_EQ(parse_host_port("[::1]:80")->host, "[::1]");
  for (const char* bad : {"a:", "a:b", "a:1:2", "a:65536", ":80", "::1", "[::1]80", "u@a", "a:80 "}) {
    EXPECT_FALSE(parse_host_port(bad)) << bad;
  }
}

TEST(Printable, EscapesControlBytesAndCuts) {
  EXPECT_EQ(printable("a\r\nb\x7f\\"), "a\\x0d\\x0ab\\x7f\\x5c");
  EXPECT_EQ(printable(std::string(10, 'x'), 4), "xxxx...");
}

}  // namespace
}  // namespace portcullis
