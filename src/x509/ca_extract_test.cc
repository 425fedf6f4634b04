#include "x509/ca_extract.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "x509/test_pki.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::x509 {
namespace {

struct CaExtract : testing::Test {
  static CertificateList read(const std::string& bytes, const std::string& password = {}) {
    auto list = read_certificates(bytes, password);
    EXPECT_TRUE(list) << (list ? "" : list.error().message);
    return list ? *list : CertificateList{};
  }
  static std::string code(const Result<ExtractedCas>& result) { return result ? "" : std::string(result.error().code); }
  // The P7B of a chain: what a key pair shows of itself.
  std::string p7b() const {
    const ServerKeyPair pair{leaf.certificate, {}, leaf.issuers, leaf.key};
    return *base64_decode(pair.public_cert_data());
  }
  static std::string in_lines(const std::string& label, const std::string& der) {
    std::string text = "-----BEGIN " + label + "-----\n";
    const std::string body = base64_encode(der);
    for (std::size_t at = 0; at < body.size(); at += 64) text += body.substr(at, 64) + "\n";
    return text + "-----END " + label + "-----\n";
  }

  TestPki pki;
  Issued root = pki.root("Root");
  Issued policy = pki.intermediate("Policy CA", root);
  Issued ca = pki.intermediate("Issuing CA", policy);
  Issued leaf = pki.leaf("client", ca);
  const CertificateList chain{ca.certificate, policy.certificate, root.certificate};
};

TEST_F(CaExtract, EveryFormatGivesTheChainInOrder) {
  const std::string shuffled = root.pem() + leaf.key_pem() + leaf.pem() + ca.pem() + policy.pem() + ca.pem();
  const std::pair<const char*, CertificateList> inputs[] = {
      {"pem", read(shuffled)},
      {"base64 of pem", read(base64_encode(shuffled))},
      {"pfx", read(leaf.pfx("secret"), "secret")},
      {"p7b", read(p7b())},
      {"p7b in pem", read(in_lines("PKCS7", p7b()))},
  };
  for (const auto& [name, certificates] : inputs) {
    const auto extracted = extract_cas(certificates);
    ASSERT_TRUE(extracted) << name << ": " << extracted.error().message;
    EXPECT_TRUE(extracted->certificates == chain) << name;
    EXPECT_EQ(extracted->leaves, 1U) << name;
    EXPECT_EQ(extracted->pem, ca.pem() + policy.pem() + root.pem()) << name;
    const auto file = parse_trusted_ca_file(extracted->pem);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->client_cert_issuer_dn, "CN=Issuing CA");
    EXPECT_TRUE(file->warnings.empty());
  }
  EXPECT_TRUE(extract_cas(read(root.certificate.der())));
}

TEST_F(CaExtract, SaysWhatIsMissingOrTooMuch) {
  const auto rootless = extract_cas(read(leaf.pem() + ca.pem() + policy.pem()));
  EXPECT_EQ(code(rootless), kOnlyOneRoot);
  EXPECT_NE(rootless.error().message.find("CN=Policy CA was issued by CN=Root"), std::string::npos)
      << rootless.error().message;
  const auto two = extract_cas(read(root.pem() + pki.root("Second").pem()));
  EXPECT_EQ(code(two), kOnlyOneRoot);
  EXPECT_NE(two.error().message.find("(CN=Root; CN=Second)"), std::string::npos) << two.error().message;
  EXPECT_EQ(code(extract_cas(read(leaf.pem()))), kNoCaCertificate);
  EXPECT_EQ(code(extract_cas({})), kNoCaCertificate);
}

TEST_F(CaExtract, ForeignCasStayBehind) {
  const Issued foreign = pki.intermediate("Foreign CA", pki.root("Elsewhere"));
  const auto extracted = extract_cas(read(ca.pem() + foreign.pem() + policy.pem() + root.pem()));
  ASSERT_TRUE(extracted);
  EXPECT_TRUE(extracted->certificates == chain);
  EXPECT_TRUE(extracted->unlinked == CertificateList{foreign.certificate});
}

// The first of two chains of one length goes on naming the issuer (azure-semantics §1.5).
TEST_F(CaExtract, TheOrderOfSiblingsIsKept) {
  const Issued one = pki.intermediate("One", root), two = pki.intermediate("Two", root);
  for (const auto& [text, dn] : {std::pair{one.pem() + two.pem() + root.pem(), "CN=One"},
                                 std::pair{two.pem() + root.pem() + one.pem(), "CN=Two"}}) {
    EXPECT_EQ(parse_trusted_ca_file(text)->client_cert_issuer_dn, dn);
    EXPECT_EQ(parse_trusted_ca_file(extract_cas(read(text))->pem)->client_cert_issuer_dn, dn);
  }
}

TEST_F(CaExtract, WhatCannotBeReadIsRefused) {
  const auto code_of = [](const std::string& bytes, const std::string& password = {}) {
    const auto list = read_certificates(bytes, password);
    return list ? std::string() : std::string(list.error().code);
  };
  EXPECT_EQ(code_of("hello"), "ca_extract.unknown_format");
  EXPECT_EQ(code_of(""), "ca_extract.unknown_format");
  EXPECT_EQ(code_of(std::string((1U << 20U) + 1, 'a')), "ca_extract.unknown_format");
  EXPECT_EQ(code_of(leaf.key_pem()), "ca_extract.unknown_format");
  EXPECT_EQ(code_of(p7b() + "x"), "ca_extract.malformed_pkcs7");
  EXPECT_EQ(code_of("-----BEGIN PKCS7-----\n!!!!\n-----END PKCS7-----\n"), "ca_extract.malformed_pkcs7");
  EXPECT_EQ(code_of(leaf.pfx("secret")), kPasswordIncorrect);
  EXPECT_EQ(code_of(leaf.pfx("secret"), "wrong"), kPasswordIncorrect);
  EXPECT_EQ(code_of("-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n"),
            "pem.trusted_certificate");
}

}  // namespace
}  // namespace portcullis::x509
