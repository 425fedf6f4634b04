#include "validate/public_roots.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/test_temporary_directory.h"
#include "validate/validate.h"
#include "x509/pem.h"
#include "x509/test_pki.h"

namespace portcullis::validate {
namespace {

TEST(PublicRoots, KnowTheCertificatesOfTheBundleAndNoOthers) {
  x509::TestPki pki;
  const auto first = pki.root("First");
  const auto second = pki.root("Second");
  const auto stranger = pki.root("First");  // the same name, another key
  const TemporaryDirectory directory;
  const std::string path = directory.write("bundle.crt", "# a comment\n" + first.pem() + second.pem());
  const auto is_public = public_roots(path);
  EXPECT_TRUE(is_public(first.certificate));
  EXPECT_TRUE(is_public(second.certificate));
  EXPECT_FALSE(is_public(stranger.certificate));
  std::filesystem::remove(path);
  EXPECT_TRUE(is_public(first.certificate)) << "read once";
}

TEST(PublicRoots, SayNoWhereThereIsNoBundle) {
  x509::TestPki pki;
  const auto root = pki.root("Root");
  EXPECT_FALSE(public_roots("/nonexistent/bundle.crt")(root.certificate));
  const TemporaryDirectory directory;
  const std::string path =
      directory.write("bundle.crt", "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n");
  EXPECT_FALSE(public_roots(path)(root.certificate));
}

TEST(PublicRoots, SystemBundleIsReadWhole) {
  std::ifstream file(kSystemBundle, std::ios::binary);
  if (!file) GTEST_SKIP() << kSystemBundle << " is not there";
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bundle = x509::read_pem(text);
  ASSERT_TRUE(bundle);
  ASSERT_GT(bundle->certificates.size(), 50U);
  const auto is_public = public_roots();
  for (const auto& certificate : bundle->certificates) EXPECT_TRUE(is_public(certificate));
}

// A gateway whose one profile trusts `pem`.
model::Gateway trusting(const std::string& pem, bool issuer_rule) {
  model::Gateway gateway;
  gateway.name = "gw";
  auto& ca = gateway.trusted_client_certificates.emplace_back();
  ca.name = "ca";
  ca.pointer = "/properties/trustedClientCertificates/0";
  ca.data.bytes = pem;
  auto& profile = gateway.ssl_profiles.emplace_back();
  profile.name = "mtls";
  profile.trusted_client_certificates.push_back({"ca", "/x", {}});
  profile.client_auth.emplace().verify_client_cert_issuer_dn = issuer_rule;
  return gateway;
}

TEST(PublicRoots, AreWarnedOfOnlyWithoutTheIssuerRule) {
  x509::TestPki pki;
  const auto root = pki.root("Public CA");
  const auto warned = [&](bool issuer_rule, bool is_public) {
    Options options;
    options.is_public_root = [is_public](const x509::Certificate&) { return is_public; };
    const auto findings = validate(trusting(root.pem(), issuer_rule), {}, options);
    return std::any_of(findings.begin(), findings.end(), [](const auto& finding) {
      return finding.code == "PublicRootWithoutIssuerRule" && finding.severity == model::Severity::kWarning &&
             finding.pointer == "/properties/trustedClientCertificates/0/properties/data";
    });
  };
  EXPECT_TRUE(warned(false, true));
  EXPECT_FALSE(warned(true, true));
  EXPECT_FALSE(warned(false, false));
}

}  // namespace
}  // namespace portcullis::validate
