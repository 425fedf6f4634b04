#include "x509/certificate.h"

#include <gtest/gtest.h>

#include "x509/pem.h"
#include "x509/sha256.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

TEST(Sha256, KnownAnswer) {
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Builder, FieldBoundariesMatter) {
  EXPECT_NE(Sha256Builder().add_field("ab").add_field("c").finish(),
            Sha256Builder().add_field("a").add_field("bc").finish());
  EXPECT_NE(Sha256Builder().add_field("a").finish(), Sha256Builder().add_field("a").add_field("").finish());
  EXPECT_EQ(Sha256Builder().add_field("a").add_u64(7).finish(), Sha256Builder().add_field("a").add_u64(7).finish());
}

TEST(Certificate, DerRoundTrip) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const std::string der = root.certificate.der();
  const auto again = Certificate::from_der(der);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->der(), der);
  EXPECT_TRUE(*again == root.certificate);
  EXPECT_EQ(again->sha256(), sha256(der));
}

TEST(Certificate, MalformedDerIsRefused) {
  TestPki pki;
  const std::string der = pki.root("Root").certificate.der();
  for (const std::string& bytes : {std::string(), std::string("x"), der.substr(0, der.size() - 1), der + "x"}) {
    const auto result = Certificate::from_der(bytes);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "certificate.malformed");
  }
  EXPECT_EQ(Certificate::from_der(std::string(70'000, 'x')).error().code, "certificate.too_large");
}

TEST(Certificate, DatesOutsideTheUsualRangeAreRead) {
  TestPki pki;
  const WallTime early{sys_days{year{1900} / 3 / 1}};
  const WallTime late{sys_days{year{9999} / 12 / 31} + std::chrono::seconds(86399)};
  const Issued root = pki.root("Root", {.not_before = early, .not_after = late});
  EXPECT_EQ(root.certificate.not_before(), early);
  EXPECT_EQ(root.certificate.not_after(), late);
}

TEST(Certificate, UnreadableDateFailsClosed) {
  TestPki pki;
  std::string der = pki.root("Root").certificate.der();
  // 2020-01-01 as UTCTime; a month of 99 is no time.
  const std::size_t at = der.find("200101000000Z");
  ASSERT_NE(at, std::string::npos);
  der.replace(at, 4, "2099");
  const std::size_t end = der.find("600101000000Z");
  if (end != std::string::npos) der.replace(end, 4, "6099");
  const auto certificate = Certificate::from_der(der);
  ASSERT_TRUE(certificate);
  EXPECT_EQ(certificate->not_before(), WallTime::max());
}

TEST(Certificate, CaAndSelfSignedAreToldApart) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued ca = pki.intermediate("CA", root);
  const Issued leaf = pki.leaf("leaf", ca);
  // Same name as the root, signed by it, another key: self-issued but not self-signed.
  const Issued rollover = pki.intermediate("Root", root);
  const Issued no_constraints = pki.self_signed_leaf("plain", {.basic_constraints = false});
  struct Case {
    const Issued* issued;
    bool ca, self_issued, self_signed;
  };
  for (const Case& c : {Case{&root, true, true, true}, Case{&ca, true, false, false}, Case{&leaf, false, false, false},
                        Case{&rollover, true, true, false}, Case{&no_constraints, false, true, true}}) {
    EXPECT_EQ(c.issued->certificate.is_ca(), c.ca);
    EXPECT_EQ(c.issued->certificate.is_self_issued(), c.self_issued);
    EXPECT_EQ(c.issued->certificate.is_self_signed(), c.self_signed);
  }
}

TEST(Certificate, CopiesOutliveTheOriginal) {
  TestPki pki;
  CertificateList list;
  std::string der;
  {
    const Issued root = pki.root("Root");
    der = root.certificate.der();
    list.push_back(root.certificate);
    list.push_back(Certificate::from_native(root.certificate.native(), true));
  }
  EXPECT_EQ(list[0].der(), der);
  Certificate moved = std::move(list[0]);
  list[0] = list[1];
  EXPECT_EQ(moved.der(), list[0].der());
}

TEST(Pem, BundleAsPeopleHaveThem) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued ca = pki.intermediate("CA", root);
  std::string crlf;
  for (const char c : ca.pem()) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  std::string one_line;
  for (const char c : ca.pem()) {
    if (c != '\n') one_line += c;
  }
  struct Case {
    const char* name;
    std::string text;
    std::size_t certificates;
  };
  for (const Case& c : {Case{"plain", ca.pem() + root.pem(), 2}, Case{"CRLF", crlf + crlf, 2},
                        Case{"text between", "subject=CN = x\n" + ca.pem() + "\n# note\n" + root.pem() + "end", 2},
                        Case{"no line breaks, no separators", one_line + one_line + one_line, 3},
                        Case{"other blocks", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n" + ca.pem(), 1},
                        Case{"nothing", "no certificate here", 0}}) {
    const auto bundle = read_pem(c.text);
    ASSERT_TRUE(bundle) << c.name << ": " << bundle.error().message;
    EXPECT_EQ(bundle->certificates.size(), c.certificates) << c.name;
    EXPECT_FALSE(bundle->has_private_key) << c.name;
  }
  const auto bundle = read_pem(ca.pem() + root.pem());
  EXPECT_TRUE(bundle->certificates[0] == ca.certificate);
  EXPECT_TRUE(bundle->certificates[1] == root.certificate);
}

TEST(Pem, BrokenTextIsRefused) {
  TestPki pki;
  const std::string pem = pki.root("Root").pem();
  std::string trusted = pem;
  for (std::size_t at = 0; (at = trusted.find("CERTIFICATE", at)) != std::string::npos; at += 19) {
    trusted.insert(at, "TRUSTED ");
  }
  std::string many;
  for (int i = 0; i < 5; ++i) many += pem;
  struct Case {
    std::string text;
    std::string_view code;
  };
  for (const Case& c :
       {Case{pem.substr(0, pem.size() - 10), "pem.unterminated"}, Case{"-----BEGIN CERTIFICATE\n", "pem.unterminated"},
        Case{"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----", "pem.bad_base64"},
        Case{"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "pem.bad_certificate"},
        Case{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "pem.bad_certificate"},
        Case{trusted, "pem.trusted_certificate"}, Case{many, "pem.too_many_certificates"},
        Case{std::string(20'000, ' '), "pem.too_large"}}) {
    const auto bundle = read_pem(c.text, {.bytes = 16'384, .certificates = 4});
    ASSERT_FALSE(bundle) << c.code;
    EXPECT_EQ(bundle.error().code, c.code);
  }
}

TEST(Pem, EveryFlavourOfPrivateKeyIsSeen) {
  for (const std::string label : {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
                                  "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"}) {
    EXPECT_TRUE(mentions_private_key("-----BEGIN " + label + "-----\n")) << label;
    EXPECT_TRUE(read_pem("-----BEGIN " + label + "-----\nAAAA\n-----END " + label + "-----")->has_private_key) << label;
  }
  EXPECT_FALSE(mentions_private_key("-----BEGIN PUBLIC KEY-----\nPRIVATE KEY\n"));
}

}  // namespace
}  // namespace portcullis::x509
