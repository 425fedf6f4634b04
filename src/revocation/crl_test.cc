#include "revocation/crl.h"

#include <functional>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "revocation/test_crls.h"

namespace portcullis::revocation {
namespace {

using std::chrono::hours;

struct CrlTest : testing::Test {
  std::string_view refusal(const TestCrl& crl, const CrlLimits& limits = {}) {
    const std::string bytes = make_crl(ca, crl);
    auto parsed = parse_crl(bytes, limits);
    return parsed ? "" : parsed.error().code;
  }
  std::string_view signature_refusal(const std::string& bytes, const x509::Certificate& issuer) {
    auto parsed = parse_crl(bytes);
    CHECK(parsed.has_value());
    auto checked = check_crl_signature(*parsed, issuer);
    return checked ? "" : checked.error().code;
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
};

TEST_F(CrlTest, ReadsAFullList) {
  TestCrl crl;
  crl.entries = {{"\x05", 1, {}}, {std::string("\x00\xff", 2), {}, {}}, {"\x04", 0, {}}};
  crl.number = "\x12\x34";
  const std::string bytes = make_crl(ca, crl);
  const auto parsed = parse_crl(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const Crl& read = *parsed->crl;
  EXPECT_EQ(read.issuer, ca.certificate.subject_der());
  EXPECT_EQ(read.number.hex(), "1234");
  EXPECT_FALSE(read.base.has_value());
  EXPECT_EQ(read.this_update, kNow - hours(1));
  EXPECT_EQ(read.next_update, kNow + hours(24));
  EXPECT_EQ(read.entries.size(), 3U);
  EXPECT_EQ(read.entries.find("\x05")->reason, 1);
  EXPECT_EQ(read.entries.find("\x05")->at, kNow - hours(2));
  EXPECT_TRUE(read.entries.find(std::string("\x00\xff", 2)).has_value());
  EXPECT_TRUE(check_crl_signature(*parsed, ca.certificate).has_value());
}

TEST_F(CrlTest, ReadsADelta) {
  TestCrl crl;
  crl.entries = {{"\x05", 8, {}}};
  crl.number = "\x09";
  crl.base = "\x07";
  const std::string bytes = make_crl(ca, crl);
  const auto parsed = parse_crl(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->crl->base->hex(), "07");
  EXPECT_EQ(parsed->crl->entries.find("\x05")->reason, 8);
}

TEST_F(CrlTest, RefusesAHostileListByName) {
  const std::string url = der::tlv(0x86, "http://crl.test/a.crl");
  const struct {
    const char* what;
    std::string_view code;
    std::function<void(TestCrl&)> make;
  } cases[] = {
      {"no number", "crl.no_number", [](TestCrl& c) { c.number.reset(); }},
      {"no number beside others", "crl.no_number",
       [](TestCrl& c) {
         c.number.reset();
         c.extensions = der::extension(35, der::sequence(""));
       }},
      {"version 1", "crl.no_number", [](TestCrl& c) { c.version.clear(); }},
      {"version 3", "crl.malformed", [](TestCrl& c) { c.version = der::integer("\x02"); }},
      {"negative number", "crl.malformed", [](TestCrl& c) { c.number = "\x80"; }},
      {"long number", "crl.malformed", [](TestCrl& c) { c.number = std::string(21, '\x11'); }},
      {"number not minimal", "crl.malformed", [](TestCrl& c) { c.number = std::string("\x00\x01", 2); }},
      {"no nextUpdate", "crl.no_next_update", [](TestCrl& c) { c.next_update.reset(); }},
      {"ends before it begins", "crl.malformed", [](TestCrl& c) { c.next_update = c.this_update; }},
      {"delta older than its base", "crl.malformed",
       [](TestCrl& c) {
         c.base = "\x09";
         c.number = "\x08";
       }},
      {"duplicate", "crl.duplicate_entry",
       [](TestCrl& c) {
         c.entries = {{"\x05"}, {"\x06"}, {"\x05"}};
       }},
      {"removal in a full list", "crl.remove_in_full",
       [](TestCrl& c) {
         c.entries = {{"\x05", 8}};
       }},
      {"reason 7", "crl.malformed",
       [](TestCrl& c) {
         c.entries = {{"\x05", 7}};
       }},
      {"reason 11", "crl.malformed",
       [](TestCrl& c) {
         c.entries = {{"\x05", 11}};
       }},
      {"long serial", "crl.malformed", [](TestCrl& c) { c.entries = {{std::string(22, '\x11')}}; }},
      {"serial not minimal", "crl.malformed", [](TestCrl& c) { c.entries = {{std::string("\x00\x01", 2)}}; }},
      {"empty serial", "crl.malformed", [](TestCrl& c) { c.entries = {{""}}; }},
      {"entry of another issuer", "crl.indirect",
       [](TestCrl& c) {
         c.entries = {{"\x05", {}, der::extension(29, der::sequence(""), true)}};
       }},
      {"critical extension of an entry", "crl.critical_extension",
       [](TestCrl& c) {
         c.entries = {{"\x05", {}, der::extension(99, "x", true)}};
       }},
      {"critical extension", "crl.critical_extension",
       [](TestCrl& c) { c.extensions = der::extension(99, "x", true); }},
      {"extension twice", "crl.malformed",
       [](TestCrl& c) { c.extensions = der::extension(99, "x") + der::extension(99, "x"); }},
      {"indirect", "crl.indirect", [](TestCrl& c) { c.idp = der::sequence("\x84\x01\xff"); }},
      {"some reasons", "crl.some_reasons", [](TestCrl& c) { c.idp = der::sequence("\x83\x02\x01\x06"); }},
      {"attribute certificates", "crl.unsupported_scope", [](TestCrl& c) { c.idp = der::sequence("\x85\x01\xff"); }},
      {"nothing", "crl.malformed", [](TestCrl& c) { c.idp = der::sequence("\x81\x01\xff\x82\x01\xff"); }},
      {"relative point", "crl.unsupported_scope",
       [](TestCrl& c) { c.idp = der::sequence(der::tlv(0xa0, der::tlv(0xa1, ""))); }},
      {"point without name", "crl.malformed",
       [](TestCrl& c) { c.idp = der::sequence(der::tlv(0xa0, der::tlv(0xa0, ""))); }},
      {"bad flag", "crl.malformed", [](TestCrl& c) { c.idp = der::sequence("\x81\x01\x01"); }},
      {"two algorithms", "crl.malformed",
       [](TestCrl& c) { c.version = der::integer("\x01") + std::string(kEcdsaSha1); }},
  };
  for (const auto& one : cases) {
    TestCrl crl;
    one.make(crl);
    EXPECT_EQ(refusal(crl), one.code) << one.what;
  }
}

TEST_F(CrlTest, ReadsScopes) {
  const std::string url = der::tlv(0x86, "http://crl.test/a.crl");
  TestCrl crl;
  crl.idp = der::sequence(der::tlv(0xa0, der::tlv(0xa0, url)) + "\x81\x01\xff");
  const std::string bytes = make_crl(ca, crl);
  const auto parsed = parse_crl(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_TRUE(parsed->crl->scope.users_only);
  EXPECT_FALSE(parsed->crl->scope.cas_only);
  EXPECT_EQ(parsed->crl->scope.points, std::vector<std::string>{url});
  EXPECT_EQ(parsed->crl->scope_der, crl.idp);
}

TEST_F(CrlTest, KeepsToItsLimits) {
  TestCrl crl;
  crl.entries = {{"\x01"}, {"\x02"}, {"\x03"}};
  EXPECT_EQ(refusal(crl, {.entries = 3}), "");
  EXPECT_EQ(refusal(crl, {.entries = 2}), "crl.too_many_entries");
  EXPECT_EQ(refusal(crl, {.bytes = 100}), "crl.too_large");
}

TEST_F(CrlTest, RefusesEveryTruncationAndWhatFollows) {
  TestCrl crl;
  crl.entries = {{"\x05", 1}};
  const std::string bytes = make_crl(ca, crl);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past the end.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(parse_crl({cut.data(), cut.size()}).has_value()) << size;
  }
  EXPECT_FALSE(parse_crl(bytes + std::string(1, '\0')).has_value());
}

TEST_F(CrlTest, BelongsToTheCaThatSignedIt) {
  const x509::Issued twin = pki.intermediate("Issuing CA", root);
  const x509::Issued mute = pki.intermediate("Mute CA", root, {.extensions = {}});
  const std::string bytes = make_crl(ca);
  EXPECT_EQ(signature_refusal(bytes, ca.certificate), "");
  EXPECT_EQ(signature_refusal(bytes, root.certificate), "crl.wrong_issuer");
  EXPECT_EQ(signature_refusal(bytes, twin.certificate), "crl.bad_signature");
  EXPECT_EQ(signature_refusal(make_crl(ca, {}, &root), ca.certificate), "crl.bad_signature");
  EXPECT_EQ(signature_refusal(make_crl(ca, {.spoil = true}), ca.certificate), "crl.bad_signature");
  const TestCrl weak{.algorithm = kEcdsaSha1, .digest = "SHA1"};
  EXPECT_EQ(signature_refusal(make_crl(ca, weak), ca.certificate), "crl.weak_signature");
  // A leaf has a keyUsage that does not let it sign lists.
  const x509::Issued leaf =
      pki.leaf("leaf", ca, {.eku = "clientAuth", .extensions = {{"keyUsage", "critical,digitalSignature"}}});
  EXPECT_EQ(signature_refusal(make_crl(leaf), leaf.certificate), "crl.issuer_may_not_sign");
}

TEST_F(CrlTest, ReadsFilesInEitherForm) {
  const std::string der = make_crl(ca);
  const std::string block = "-----BEGIN X509 CRL-----\n" + base64_encode(der) + "\n-----END X509 CRL-----\n";
  EXPECT_EQ(read_crl_file(der).value(), std::vector{der});
  EXPECT_EQ(read_crl_file("some text\n" + block + ca.pem() + block).value(), (std::vector{der, der}));
  EXPECT_EQ(read_crl_file("").error().code, "crl.empty_file");
  EXPECT_EQ(read_crl_file(ca.pem()).error().code, "crl.empty_file");
  EXPECT_EQ(read_crl_file("hello").error().code, "crl.empty_file");
  EXPECT_EQ(read_crl_file(block.substr(0, block.size() / 2)).error().code, "pem.unterminated");
  EXPECT_EQ(read_crl_file("-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n").error().code, "crl.malformed");
  EXPECT_EQ(read_crl_file(std::string(200, 'x'), {.bytes = 100}).error().code, "crl.too_large");
}

TEST(CrlNumber, OrdersByValue) {
  const CrlNumber zero{};
  const CrlNumber one{"\x01"};
  const CrlNumber big{"\xff"};
  const CrlNumber bigger{std::string("\x01\x00", 2)};
  EXPECT_LT(zero, one);
  EXPECT_LT(one, big);
  EXPECT_LT(big, bigger);
  EXPECT_FALSE(bigger < big);
  EXPECT_EQ(zero.hex(), "00");
}

}  // namespace
}  // namespace portcullis::revocation
