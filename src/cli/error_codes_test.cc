// Every code that a document can be refused or warned with: one document each, from text to finding, with the place and
// the words. What the table cannot say — two mistakes at once, another host file — follows it.
#include <algorithm>
#include <set>

#include "cli/test_error_codes.h"
#include "x509/test_legacy_pfx.h"

namespace portcullis::cli {
namespace {

// Source: azure-semantics §9.1 (trusted client certificates) and §9.2 (other codes seen in public reports), and the
// recorded error bodies of arm-api.md §4.3.
constexpr const char* kSpecified[] = {
    "ApplicationGatewayTrustedClientCertificateMustSpecifyData",
    "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey",
    "ApplicationGatewayTrustedClientCertificateInvalidData",
    "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate",
    "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate",
    "ApplicationGatewayHttpsListenerMustReferenceSslCert",
    "ApplicationGatewayHttpListenerMustReference",
    "ApplicationGatewayHttpListenersUsingSameFrontendPort",
    "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty",
    "ApplicationGatewayUrlPathMapMustSpecifyDefaultBackendHttpSettings",
    "ApplicationGatewayPathsWithinUrlPathMapMustBeUnique",
    "ApplicationGatewayBackendAddressPoolLimitReached",
    "ApplicationGatewaySslCertificatePasswordIncorrect",
    "ApplicationGatewayKeyVaultSecretException",
    "ApplicationGatewayFirewallCannotBeEnabledForSelectedSku",
    "InvalidResourceReference",
    "InvalidJson",
    "MissingJsonReferenceId",
    "InvalidJsonReferenceFormat",
};

ErrorCases every_case() {
  ErrorCases every;
  for (const auto& cases : {trust_file_cases(), certificate_cases(), tls_policy_cases(), document_cases(),
                            listener_cases(), routing_cases(), backend_cases(), protection_cases()})
    every.insert(every.end(), cases.begin(), cases.end());
  return every;
}

TEST(ErrorCodesBase, EverySpecifiedCodeHasACase) {
  std::set<std::string> errors;
  for (const ErrorCase& one : every_case())
    if (std::string_view(one.line).starts_with("error ") && *one.message != 0) errors.insert(code_of(one));
  for (const char* code : kSpecified) EXPECT_TRUE(errors.contains(code)) << code << " has no case";
}

TEST_P(ErrorCodes, NameThePlaceAndTheRemedy) { expect_finding(GetParam()); }

INSTANTIATE_TEST_SUITE_P(TrustFiles, ErrorCodes, testing::ValuesIn(trust_file_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Certificates, ErrorCodes, testing::ValuesIn(certificate_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(TlsPolicies, ErrorCodes, testing::ValuesIn(tls_policy_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Documents, ErrorCodes, testing::ValuesIn(document_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Listeners, ErrorCodes, testing::ValuesIn(listener_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Routing, ErrorCodes, testing::ValuesIn(routing_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Backends, ErrorCodes, testing::ValuesIn(backend_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Protection, ErrorCodes, testing::ValuesIn(protection_cases()), case_name);

TEST(ErrorCodesBase, SoundDocumentHasNoError) {
  validate::Options options;
  options.serving = false;
  const model::Findings findings = findings_of(expand(kSound), options);
  EXPECT_FALSE(findings.has_errors()) << all(findings);
}

// The only finding of that code in the sound document after several replacements, as one line.
std::string only(std::string_view code, const std::vector<std::pair<const char*, const char*>>& replacements) {
  std::string document = kSound;
  for (const auto& [from, to] : replacements) {
    EXPECT_NE(document.find(from), std::string::npos) << from;
    replace_all(document, from, to);
  }
  std::string lines;
  for (const auto& finding : findings_of(expand(document), {.serving = false}))
    if (finding.code == code || finding.severity == model::Severity::kError) lines += to_line(finding) + "\n";
  return lines;
}

TEST(ErrorCodesBase, TlsVersionsOnOnePortMustAgree) {
  const std::string lines = only(
      "SslPolicyVersionsDifferOnPort",
      {{R"("sslProfiles":[)",
        R"("sslProfiles":[{"name":"old","properties":{"sslPolicy":{"policyName":"AppGwSslPolicy20170401S"}}},)"},
       {R"("frontendPort":{"id":"x/frontendPorts/p80"},"protocol":"Http")",
        R"("frontendPort":{"id":"x/frontendPorts/p443"},"protocol":"Https","hostName":"b.example","sslCertificate":{"id":"x/sslCertificates/srv"},"sslProfile":{"id":"x/sslProfiles/old"})"}});
  EXPECT_EQ(lines.find("error SslPolicyVersionsDifferOnPort /properties/httpListeners/1: "), 0U) << lines;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
}

TEST(ErrorCodesBase, RedirectsCannotLeadToAWildcard) {
  const std::string lines =
      only("RedirectToWildcardListener",
           {{R"("targetListener":{"id":"x/httpListeners/web"})", R"("targetListener":{"id":"x/httpListeners/paths"})"},
            {R"("hostNames":["a.example"])", R"("hostNames":["*.example"])"}});
  EXPECT_EQ(lines.find("error RedirectToWildcardListener "
                       "/properties/redirectConfigurations/0/properties/targetListener/id: "),
            0U)
      << lines;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
}

TEST(ErrorCodesBase, CapturesOfAConditionAreAccepted) {
  std::string document = kSound;
  replace_all(document, R"("conditions":[])", R"x("conditions":[{"variable":"var_uri_path","pattern":"/(.*)"}])x");
  replace_all(document, R"("headerValue":"b")", R"("headerValue":"{var_uri_path_1}")");
  const model::Findings findings = findings_of(expand(document), {.serving = false});
  EXPECT_FALSE(findings.has_errors()) << all(findings);
}

TEST(ErrorCodesBase, WhatIsNotServedIsAnErrorOnlyWhenServing) {
  const auto unserved = [](const model::Findings& findings, model::Severity severity) {
    return std::count_if(findings.begin(), findings.end(), [&](const auto& finding) {
      return finding.code == validate::kNotServedYet && finding.severity == severity;
    });
  };
  const model::Findings checked = findings_of(expand(kSound), {.serving = false});
  const model::Findings served = findings_of(expand(kSound), {});
  EXPECT_EQ(unserved(checked, model::Severity::kWarning), 3) << all(checked);  // probe, redirect, path map
  EXPECT_EQ(unserved(served, model::Severity::kError), 3) << all(served);
}

TEST(ErrorCodesBase, UnenforcedTurnsEachErrorIntoAWarning) {
  const char* asked[][2] = {
      {"fips", R"("enableFips":true)"},
      {"waf",
       R"("webApplicationFirewallConfiguration":{"enabled":true,"firewallMode":"Detection","ruleSetType":"OWASP","ruleSetVersion":"3.2"})"},
      {"client_address",
       R"("advancedRoutingConditionSets":[{"name":"c","properties":{"routingConditions":[{"conditionType":"ClientIP"}]}}])"},
      {"jwt",
       R"("advancedRoutingMaps":[{"name":"m","properties":{"advancedRoutingRules":[],"defaultAuthConfigs":[{"name":"a","authenticationPolicy":{"id":"/p"}}]}}])"},
  };
  for (const auto& [word, members] : asked) {
    std::string document = kSound;
    replace_all(document, R"("enableFips":false)", members);
    const auto reading = arm::read_gateway(expand(document), arm::Format::kJson, {});
    ASSERT_TRUE(reading.gateway) << word << "\n" << all(reading.findings);
    model::HostConfig host;
    EXPECT_TRUE(validate::validate(*reading.gateway, host, {.serving = false}).has_errors()) << word;
    host.unenforced = {"WAF", "JWT", "FIPS", "client_address"};
    const model::Findings findings = validate::validate(*reading.gateway, host, {.serving = false});
    EXPECT_FALSE(findings.has_errors()) << word << "\n" << all(findings);
    EXPECT_NE(all(findings).find("warning ProtectionNotEnforced /properties/"), std::string::npos) << word;
    std::erase_if(host.unenforced, [&word = word](const std::string& one) { return to_lower(one) == word; });
    EXPECT_TRUE(validate::validate(*reading.gateway, host, {.serving = false}).has_errors())
        << word << ": the others waive nothing of it";
  }
}

TEST(ErrorCodesBase, ManyMistakesAreAllReportedAndCounted) {
  std::string document = R"({"name":"gw","properties":{)";
  for (int i = 0; i < 600; ++i) document += "\"x" + std::to_string(i) + "\":1,";
  document += R"("enableFips":false}})";
  const model::Findings findings = findings_of(document, {});
  ASSERT_EQ(findings.size(), 501U);
  EXPECT_EQ(findings.back().code, "TooManyFindings");
  EXPECT_EQ(findings.back().message, "100 more findings are not listed; mend these first");
}

TEST(ErrorCodesBase, OldWindowsPfxFilesPass) {
  Material& m = material();
  std::string document = kSound;
  replace_all(document, "$PFX", base64_encode(x509::legacy_pfx(m.pki.server(m.root), "pass")));
  const model::Findings findings = findings_of(expand(document), {.serving = false});
  EXPECT_FALSE(findings.has_errors()) << all(findings);
}

}  // namespace
}  // namespace portcullis::cli
