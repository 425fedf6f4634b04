#include "cli/trust.h"

#include "cli/test_program.h"
#include "x509/test_pki.h"

namespace portcullis::cli {
namespace {

struct Trust : testing::Test {
  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued leaf = pki.leaf("client", ca);
  TemporaryDirectory files;
};

TEST_F(Trust, ExtractPrintsOrWritesTheChain) {
  const std::string input = files.write("all.pem", leaf.key_pem() + leaf.pem() + root.pem() + ca.pem());
  const Said printed = run_line({"trust", "extract", input});
  EXPECT_EQ(printed.code, 0) << printed.err;
  EXPECT_EQ(printed.out, ca.pem() + root.pem());
  EXPECT_EQ(printed.err, "");
  const Said written = run_line({"trust", "extract", input, "-o", files / "ca.pem"});
  EXPECT_EQ(written.code, 0) << written.err;
  EXPECT_EQ(written.out,
            (files / "ca.pem") + ": 2 CA certificate(s), 1 other(s) left behind; clientCertIssuerDN CN=Issuing CA\n");
  EXPECT_EQ(text_of(files / "ca.pem"), ca.pem() + root.pem());
}

TEST_F(Trust, SeveralInputsMayHoldTheChainTogether) {
  const std::string one = files.write("one.pem", ca.pem());
  const std::string other = files.write("root.cer", root.certificate.der());
  EXPECT_EQ(run_line({"trust", "extract", one, other}).out, ca.pem() + root.pem());
  const Said alone = run_line({"trust", "extract", one, "-o", files / "none.pem"});
  EXPECT_EQ(alone.code, 1);
  EXPECT_TRUE(alone.err.starts_with("error ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate /: "))
      << alone.err;
  EXPECT_FALSE(std::filesystem::exists(files / "none.pem"));
}

TEST_F(Trust, ThePasswordComesFromAFileOrTheEnvironment) {
  const std::string pfx = files.write("client.pfx", leaf.pfx("s3cret"));
  const std::string password = files.write("password", "s3cret\r\nnot this\n");
  EXPECT_EQ(run_line({"trust", "extract", pfx, "--password-file", password}).out, ca.pem() + root.pem());
  const Said closed = run_line({"trust", "extract", pfx});
  EXPECT_EQ(closed.code, 1);
  EXPECT_TRUE(closed.err.starts_with("error ApplicationGatewaySslCertificatePasswordIncorrect /: ")) << closed.err;
  EXPECT_NE(closed.err.find("--password-file"), std::string::npos);
  ASSERT_EQ(::setenv(kPfxPasswordVariable, "s3cret", 1), 0);
  const Said open = run_line({"trust", "extract", pfx});
  ASSERT_EQ(::unsetenv(kPfxPasswordVariable), 0);
  EXPECT_EQ(open.out, ca.pem() + root.pem()) << open.err;
  EXPECT_EQ(run_line({"trust", "extract", pfx, "--password-file", files / "absent"}).code, 1);
}

TEST_F(Trust, InspectSaysWhatUploadingWould) {
  const std::string good = files.write("ca.pem", leaf.pem() + ca.pem() + root.pem());
  const Said said = run_line({"trust", "inspect", good});
  EXPECT_EQ(said.code, 0);
  for (const std::string& line :
       {std::string(" 1  CN=client (ignored: no CA; EC P-256, until "),
        std::string("\n 2  CN=Issuing CA (intermediate; "), std::string("\n 3  CN=Root (root; "),
        std::string("\ncertificates       3: 1 root, 1 intermediate(s), 1 ignored\n"),
        "\nsize               " + std::to_string(text_of(good).size()) + " of 25600 bytes\n",
        std::string("\nclientCertIssuerDN CN=Issuing CA\n"), "\n" + good + ": good, 0 warnings\n"})
    EXPECT_NE(said.out.find(line), std::string::npos) << line << "\n" << said.out;

  const x509::Issued side = pki.intermediate("Side", root);
  const Said warned = run_line({"trust", "inspect", files.write("two.pem", ca.pem() + side.pem() + root.pem())});
  EXPECT_EQ(warned.code, 0);
  EXPECT_NE(warned.out.find("\nwarning trusted_client_certificate.several_chains /: "), std::string::npos)
      << warned.out;
  EXPECT_TRUE(warned.out.ends_with(": good, 1 warning\n"));

  const std::string both = files.write("roots.pem", root.pem() + pki.root("Second").pem());
  const Said refused = run_line({"trust", "inspect", both});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.out.find(" 2  CN=Second (root; "), std::string::npos) << refused.out;
  EXPECT_NE(refused.out.find("\nerror ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate /: "),
            std::string::npos);
  EXPECT_TRUE(refused.out.ends_with("\n" + both + ": refused\n")) << refused.out;
}

}  // namespace
}  // namespace portcullis::cli
