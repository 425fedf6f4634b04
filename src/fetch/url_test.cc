#include "fetch/url.h"

#include <vector>

#include <gtest/gtest.h>

namespace portcullis::fetch {
namespace {

TEST(Url, IsReadIntoOneNormalForm) {
  struct Case {
    const char* text;
    const char* origin;
    const char* authority;
    const char* target;
    bool literal = false;
  };
  const std::vector<Case> cases{
      {"http://ocsp.example.test", "http://ocsp.example.test:80", "ocsp.example.test", "/"},
      {"HTTP://OCSP.Example.Test./", "http://ocsp.example.test:80", "ocsp.example.test", "/"},
      {"https://a.test/x?y=%2B&z", "https://a.test:443", "a.test", "/x?y=%2B&z"},
      {"https://a.test:443/", "https://a.test:443", "a.test", "/"},
      {"http://a.test:443/", "http://a.test:443", "a.test:443", "/"},
      {"http://a.test?q", "http://a.test:80", "a.test", "/?q"},
      {"http://a.test/a/../b//%7e%2f", "http://a.test:80", "a.test", "/b//~%2F"},
      {"http://192.0.2.1:8080/x", "http://192.0.2.1:8080", "192.0.2.1:8080", "/x", true},
      {"http://[2001:DB8::0:1]/", "http://[2001:db8::1]:80", "[2001:db8::1]", "/", true},
      {"http://[2001:db8::1]:81/", "http://[2001:db8::1]:81", "[2001:db8::1]:81", "/", true},
      {"http://[::ffff:127.0.0.1]/", "http://127.0.0.1:80", "127.0.0.1", "/", true},
      {"http://1.test/", "http://1.test:80", "1.test", "/"},
  };
  for (const Case& one : cases) {
    const auto url = parse_url(one.text);
    ASSERT_TRUE(url) << one.text << ": " << url.error().message;
    EXPECT_EQ(url->origin(), one.origin) << one.text;
    EXPECT_EQ(url->authority(), one.authority) << one.text;
    EXPECT_EQ(url->target, one.target) << one.text;
    EXPECT_EQ(url->literal.has_value(), one.literal) << one.text;
  }
}

TEST(Url, IsRefusedWhereItIsNotPlain) {
  const std::vector<std::string> cases{
      "", "/x", "a.test", "ldap://a.test/", "file:///etc/passwd", "ftp://a.test/", "http:/a.test", "http:a.test",
      "http://", "http:///x", "http://?x", "http://user@a.test/", "http://user:pw@a.test/", "http://@a.test/",
      "http://a.test@127.0.0.1/", "http://a.test/#x", "http://a.test#x", "http://a.test/?q#x", "http://a.test:0/",
      "http://a.test:/", "http://a.test:65536/", "http://a.test:80:80/", "http://a.test:8a/", "http://a b/",
      "http://a.test/ x", "http://a.test/\r\nX: y", "http://a.test/?a b", "http://a..test/", "http://[::1/",
      "http://::1/", "http://[127.0.0.1]/", "http://[fe80::1%25eth0]/", "http://a.test\\@b/", "http://a.test/\\x",
      "http://a.test/%00", "http://a.test/%zz", "http://\xc3\xa9.test/",
      // Other spellings of 127.0.0.1, which some resolvers take.
      "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0x7f000001/", "http://0177.0.0.01/",
      "http://a.0x7f/", "http://1.2.3.4.5/", "http://256.256.256.256/", std::string("http://a.test/\0", 15),
      "http://a.test/" + std::string(kMaxUrlBytes, 'x')};
  for (const std::string& text : cases) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, "fetch.bad_url") << text;
  }
}

TEST(Url, KeepsSecretsOutOfWhatIsShown) {
  for (const char* text : {"http://me:secret@a.test/", "ftp://me:secret@a.test/", "http://a.test/?sig=secret#x",
                           "http://a.test/?sig=secret secret", "http://a.test:99999/?secret"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
  }
  const auto good = parse_url("https://a.test/p?sig=secret");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->shown(), "https://a.test:443/p");
}

}  // namespace
}  // namespace portcullis::fetch
