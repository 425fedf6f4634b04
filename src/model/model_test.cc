#include <gtest/gtest.h>

#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::model {
namespace {

TEST(EffectiveClientAuth, FollowsWhatTheProfileHolds) {
  SslProfile policy_only;
  EXPECT_EQ(effective_client_auth(policy_only), EffectiveClientAuth::kNone);

  SslProfile certificates_only;
  certificates_only.trusted_client_certificates.push_back({"ca", ""});
  EXPECT_EQ(effective_client_auth(certificates_only), EffectiveClientAuth::kStrict);
  EXPECT_FALSE(effective_client_auth_configuration(certificates_only).verify_client_cert_issuer_dn);

  SslProfile configuration_only;
  configuration_only.client_auth.emplace();
  EXPECT_EQ(effective_client_auth(configuration_only), EffectiveClientAuth::kStrict);

  SslProfile passthrough = certificates_only;
  passthrough.client_auth.emplace().verify_client_auth_mode = ClientAuthMode::kPassthrough;
  EXPECT_EQ(effective_client_auth(passthrough), EffectiveClientAuth::kPassthrough);
}

TEST(Finding, PrintsAsOneLine) {
  EXPECT_EQ(to_line({Severity::kError, "Code", "/a/0", "Mend it."}), "error Code /a/0: Mend it.");
  EXPECT_EQ(to_line({Severity::kWarning, "Code", "", "Mend it."}), "warning Code /: Mend it.");
  EXPECT_EQ(to_line({Severity::kInfo, "Code", "/a\n\x1b[2J", "Mend it."}), "info Code /a\\x0a\\x1b[2J: Mend it.");
}

TEST(Findings, WarningsAreNoErrors) {
  Findings findings;
  findings.warning("W", "", "");
  EXPECT_FALSE(findings.has_errors());
  findings.error("E", "", "");
  EXPECT_TRUE(findings.has_errors());
}

TEST(Conceal, CoversWhatAMessageMayShowOfASecret) {
  const std::vector<std::string> secrets{
      "hunter2", "hunter2-and-more", "two\nlines", "abc", "", "-----BEGIN X-----\nfirst-line\nsecond-line\nend\n"};
  const std::pair<const char*, const char*> cases[] = {
      {"nothing here", "nothing here"},
      {"'hunter2' and hunter2hunter2", "'***' and ******"},
      {"in any case: HUNTER2", "in any case: ***"},
      {"the longer: hunter2-and-more", "the longer: ***"},
      {"cut: 'hunter2-and...'", "cut: '***...'"},
      {"cut early: 'hunt...', not 'hun...'", "cut early: '***...', not 'hun...'"},
      {"hunters", "hunters"},
      {"escaped: two\\x0alines", "escaped: ***"},
      {"raw: two\nlines", "raw: ***"},
      {"hunter", "hunter"},
      {"the second-line of -----BEGIN X-----, end", "the *** of -----BEGIN X-----, end"},
  };
  for (const auto& [text, covered] : cases) {
    std::string said = text;
    conceal(said, secrets);
    EXPECT_EQ(said, covered);
  }
  Findings findings;
  findings.error("Code", "/tags/hunter2", "'hunter2' is bad");
  findings.error("Code", "/tags/s~1l~0t", "");
  conceal(findings, {"hunter2", "s/l~t"});
  EXPECT_EQ(findings[1].pointer, "/tags/***");
  EXPECT_EQ(to_line(findings[0]), "error Code /tags/***: '***' is bad");
}

TEST(FindByName, IgnoresCase) {
  std::vector<FrontendPort> ports(1);
  ports[0].name = "P443";
  EXPECT_EQ(find_by_name(ports, "p443"), ports.data());
  EXPECT_EQ(find_by_name(ports, "p44"), nullptr);
}

}  // namespace
}  // namespace portcullis::model
