#include "x509/trusted_ca_file.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "x509/internal/owned.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

std::string concat(const std::vector<const Issued*>& parts) {
  std::string text;
  for (const Issued* part : parts) text += part->pem();
  return text;
}

bool warns(const TrustedCaFile& file, std::string_view code) {
  return std::any_of(file.warnings.begin(), file.warnings.end(),
                     [&](const TrustedCaWarning& warning) { return warning.code == code; });
}

// The scenarios of azure-semantics §1.5, each in several file orders.
TEST(IssuerDn, ScenariosOfTheDocuments) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued int1 = pki.intermediate("Int1", root);
  const Issued int2 = pki.intermediate("Int2", int1);
  const Issued side = pki.intermediate("Side", root);
  const Issued below_side = pki.intermediate("BelowSide", side);
  const Issued leaf1 = pki.leaf("leaf1", int1);
  const Issued leaf2 = pki.leaf("leaf2", int2);
  const Issued root_leaf = pki.leaf("leafr", root);
  struct Case {
    const char* name;
    std::vector<const Issued*> file;
    std::string dn;
  };
  for (const Case& c : {
           Case{"root + intermediate + leaf", {&root, &int1, &leaf1}, "CN=Int1"},
           Case{"intermediate before root", {&leaf1, &int1, &root}, "CN=Int1"},
           Case{"two intermediates", {&root, &int1, &int2, &leaf2}, "CN=Int2"},
           Case{"two intermediates, shuffled", {&int2, &root, &leaf2, &int1}, "CN=Int2"},
           Case{"root + leaf", {&root, &root_leaf}, "CN=Root"},
           Case{"root alone", {&root}, "CN=Root"},
           Case{"equal length: first in file wins", {&root, &int1, &leaf1, &side}, "CN=Int1"},
           Case{"equal length, other order", {&root, &side, &int1}, "CN=Side"},
           Case{"unequal length: longest wins", {&root, &int1, &side, &below_side}, "CN=BelowSide"},
           Case{"unequal length, longest last in file", {&int1, &root, &below_side, &side}, "CN=BelowSide"},
           Case{"gap: what is not linked does not count", {&root, &int2}, "CN=Root"},
       }) {
    const auto file = parse_trusted_ca_file(concat(c.file));
    ASSERT_TRUE(file) << c.name << ": " << file.error().message;
    EXPECT_EQ(file->client_cert_issuer_dn, c.dn) << c.name;
    EXPECT_TRUE(file->root == root.certificate) << c.name;
  }
}

TEST(IssuerDn, LookAlikeWithAnotherIssuersKeyIsNotLinked) {
  TestPki pki;
  const Issued root = pki.root("Root", {.key_ids = false});
  const Issued other = pki.root("Root", {.key_ids = false});
  const Issued real = pki.intermediate("Real", root, {.key_ids = false});
  const Issued fake = pki.intermediate("Fake", other, {.key_ids = false});
  const auto file = parse_trusted_ca_file(concat({&fake, &real, &root}));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->client_cert_issuer_dn, "CN=Real");
  EXPECT_TRUE(warns(*file, "trusted_client_certificate.unlinked"));
}

TEST(IssuerDn, CrossSignedLoopEnds) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued a = pki.intermediate("A", root);
  const Issued b = pki.intermediate("B", a);
  const Issued a_by_b = pki.intermediate("A", b, {.public_key = a.key.native()});
  const auto file = parse_trusted_ca_file(concat({&root, &a, &b, &a_by_b}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->client_cert_issuer_dn == "CN=A" || file->client_cert_issuer_dn == "CN=B");
}

TEST(TrustedCaFile, CodesOfTheDocuments) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued root2 = pki.root("Root2");
  const Issued ca = pki.intermediate("CA", root);
  const Issued leaf = pki.leaf("leaf", ca);
  const Issued self_signed = pki.self_signed_leaf("self", {.basic_constraints = false});
  const std::string empty_block = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
  struct Case {
    const char* name;
    std::string bytes;
    std::string_view code;
  };
  for (const Case& c : {
           Case{"empty", "", "ApplicationGatewayTrustedClientCertificateMustSpecifyData"},
           Case{"blank", " \r\n\t", "ApplicationGatewayTrustedClientCertificateMustSpecifyData"},
           Case{"private key", root.pem() + root.key_pem(),
                "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"},
           Case{"private key before parse", "-----BEGIN EC PRIVATE KEY-----\n" + empty_block,
                "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"},
           Case{"PFX", ca.pfx("secret"), "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"},
           Case{"base64 of PFX", base64_encode(ca.pfx("secret")),
                "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey"},
           Case{"no delimiters", "hello", "ApplicationGatewayTrustedClientCertificateInvalidData"},
           Case{"delimiters only", empty_block, "ApplicationGatewayTrustedClientCertificateInvalidData"},
           Case{"one of two broken", root.pem() + empty_block, "ApplicationGatewayTrustedClientCertificateInvalidData"},
           Case{"no certificate block", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
                "ApplicationGatewayTrustedClientCertificateInvalidData"},
           Case{"leaf only", leaf.pem(), "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate"},
           Case{"self-signed without CA:TRUE", self_signed.pem(),
                "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate"},
           Case{"no root", ca.pem(), "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate"},
           Case{"two roots", root.pem() + root2.pem(),
                "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate"},
           Case{"too large", root.pem() + std::string(25 * 1024, '#'), kCaFileTooLarge},
           Case{"two roots before size", root.pem() + root2.pem() + std::string(25 * 1024, '#'),
                "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate"},
           Case{"far too large", std::string(1U << 20, 'A'), kCaFileTooLarge},
       }) {
    const auto file = parse_trusted_ca_file(c.bytes);
    ASSERT_FALSE(file) << c.name;
    EXPECT_EQ(file.error().code, c.code) << c.name;
    EXPECT_FALSE(file.error().message.empty()) << c.name;
  }
}

TEST(TrustedCaFile, SizeIsJudgedOnDecodedText) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const std::string text = root.pem() + std::string(kMaxTrustedCaFileBytes - root.pem().size(), '#');
  EXPECT_TRUE(parse_trusted_ca_file(text));
  EXPECT_TRUE(parse_trusted_ca_file(base64_encode(text)));
  EXPECT_EQ(parse_trusted_ca_file(text + "#").error().code, kCaFileTooLarge);
}

TEST(TrustedCaFile, FieldsFollowTheFileOrder) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued ca = pki.intermediate("CA", root);
  const Issued leaf = pki.leaf("leaf", ca);
  const auto file = parse_trusted_ca_file(leaf.pem() + ca.pem() + root.pem());
  ASSERT_TRUE(file);
  ASSERT_EQ(file->certificates.size(), 2U);
  EXPECT_TRUE(file->certificates[0] == ca.certificate);
  ASSERT_EQ(file->intermediates.size(), 1U);
  EXPECT_TRUE(file->intermediates[0] == ca.certificate);
  EXPECT_EQ(file->validated_cert_data, "-----BEGIN CERTIFICATE-----" + base64_encode(ca.certificate.der()) +
                                           "-----END CERTIFICATE-----" + "-----BEGIN CERTIFICATE-----" +
                                           base64_encode(root.certificate.der()) + "-----END CERTIFICATE-----");
  EXPECT_TRUE(file->warnings.empty());
  // What a GET shows can be put again.
  const auto again = parse_trusted_ca_file(file->validated_cert_data);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->validated_cert_data, file->validated_cert_data);
}

TEST(TrustedCaFile, WarningsDoNotRefuse) {
  TestPki pki;
  const WallTime now = kTestNotBefore + std::chrono::hours(24 * 365);
  const Issued root = pki.root("Root");
  const Issued a = pki.intermediate("A", root);
  const Issued b = pki.intermediate("B", root);
  const Issued old = pki.intermediate("Old", a, {.not_after = now - std::chrono::hours(1)});
  struct Case {
    std::string bytes;
    std::string_view code;
  };
  for (const Case& c : {Case{root.certificate.der(), "trusted_client_certificate.der"},
                        Case{base64_encode(root.certificate.der()), "trusted_client_certificate.der"},
                        Case{root.pem() + a.pem() + b.pem(), "trusted_client_certificate.several_chains"},
                        Case{root.pem() + a.pem() + old.pem(), "trusted_client_certificate.expired_ca"},
                        Case{root.pem() + a.pem() + a.pem(), "trusted_client_certificate.duplicate"},
                        Case{root.pem() + root.pem(), "trusted_client_certificate.duplicate"}}) {
    const auto file = parse_trusted_ca_file(c.bytes, now);
    ASSERT_TRUE(file) << c.code << ": " << file.error().message;
    ASSERT_EQ(file->warnings.size(), 1U) << c.code;
    EXPECT_EQ(file->warnings[0].code, c.code);
  }
  const auto clean = parse_trusted_ca_file(root.pem() + a.pem(), now);
  ASSERT_TRUE(clean);
  EXPECT_TRUE(clean->warnings.empty());
}

// Pairs of attribute and value in the order of encoding → the text that .NET prints.
TEST(DotnetName, FormatOfClientCertIssuerDn) {
  using Rdn = std::pair<const char*, std::string>;
  struct Case {
    std::vector<Rdn> rdns;
    std::string text;
  };
  for (const Case& c : {
           Case{{{"C", "AU"}, {"ST", "Some-State"}, {"O", "Internet Widgits Pty Ltd"}},
                "O=Internet Widgits Pty Ltd, S=Some-State, C=AU"},
           Case{{{"C", "US"}, {"ST", "Arizona"}, {"L", "D4"}, {"O", "Company Ltd"}, {"OU", "Eng"}, {"CN", "User1"}},
                "CN=User1, OU=Eng, O=Company Ltd, L=D4, S=Arizona, C=US"},
           Case{{{"O", "Contoso, Ltd"}, {"CN", "a \"b\""}}, "CN=\"a \"\"b\"\"\", O=\"Contoso, Ltd\""},
           Case{{{"DC", "com"}, {"DC", "contoso"}, {"emailAddress", "a@b.c"}}, "E=a@b.c, DC=contoso, DC=com"},
           Case{{{"UID", "x"}, {"CN", " pad "}}, "CN=\" pad \", OID.0.9.2342.19200300.100.1.1=x"},
           Case{{{"CN", "d\xC3\xA9v\n"}}, "CN=d\xC3\xA9v\\x0a"},
       }) {
    const internal::Owned<X509_NAME, X509_NAME_free> name(X509_NAME_new());
    for (const auto& [type, value] : c.rdns) {
      ASSERT_EQ(X509_NAME_add_entry_by_txt(name.get(), type, MBSTRING_UTF8, internal::bytes_of(value),
                                           static_cast<int>(value.size()), -1, 0),
                1);
    }
    TestPki pki;
    const auto file = parse_trusted_ca_file(pki.root("", {.subject = name.get()}).pem());
    ASSERT_TRUE(file);
    EXPECT_EQ(file->client_cert_issuer_dn, c.text);
  }
}

}  // namespace
}  // namespace portcullis::x509
