#include "cli/show.h"

#include "cli/test_error_codes.h"

namespace portcullis::cli {
namespace {

TEST(Show, ComputesWhatTheCertificatesSay) {
  auto reading = arm::read_gateway(expand(kSound), arm::Format::kJson, {});
  ASSERT_TRUE(reading.gateway) << all(reading.findings);
  model::Findings findings;
  const std::string shown = show(*reading.gateway, findings);
  EXPECT_TRUE(findings.empty()) << all(findings);
  EXPECT_NE(shown.find(R"("clientCertIssuerDN": "CN=Issuing CA")"), std::string::npos);
  EXPECT_NE(shown.find(R"("validatedCertData": "-----BEGIN CERTIFICATE-----MII)"), std::string::npos);
  EXPECT_NE(shown.find(R"("publicCertData": "MII)"), std::string::npos);
  EXPECT_EQ(shown.find("\"pass\""), std::string::npos);
  EXPECT_EQ(shown.find(material().pfx.substr(0, 60)), std::string::npos);
  EXPECT_EQ(shown, show(*reading.gateway, findings)) << "the same document always shows the same";
}

}  // namespace
}  // namespace portcullis::cli
