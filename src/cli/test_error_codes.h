// For the tests of this room only: a sound gateway document, and the cases that break it. Each case is one replacement
// in that document and the finding that must come of it: place and words. The cases stand in error_codes_*_test.cc by
// theme; error_codes_test.cc asserts that every code of the specification has one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "arm/gateway_reader.h"
#include "base/base64.h"
#include "validate/validate.h"
#include "x509/test_pki.h"

namespace portcullis::cli {

struct ErrorCase {
  const char* name;
  const char* from;
  const char* to;
  const char* line;       // "error CODE /pointer": the finding's, as `check` prints it
  const char* message;    // part of it, or all
  const char* also = "";  // a code that the same mistake has too
  bool allow_retired = false;
};
using ErrorCases = std::vector<ErrorCase>;

inline std::ostream& operator<<(std::ostream& out, const ErrorCase& one) { return out << one.line; }

// One function a theme, each in its own file.
ErrorCases trust_file_cases();
ErrorCases certificate_cases();
ErrorCases tls_policy_cases();
ErrorCases document_cases();
ErrorCases listener_cases();
ErrorCases routing_cases();
ErrorCases backend_cases();
ErrorCases protection_cases();

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// Certificates are made once for all tests of a process.
struct Material {
  x509::TestPki pki;
  x509::Issued root = pki.root("Client Root");
  x509::Issued other_root = pki.root("Other Root");
  x509::Issued intermediate = pki.intermediate("Issuing CA", root);
  x509::Issued sibling = pki.intermediate("Sibling CA", root);
  x509::Issued leaf = pki.leaf("client", intermediate);
  x509::Issued expired = pki.root("Expired Root", {.not_after = x509::kTestNotBefore + std::chrono::hours(24)});
  std::string pfx = base64_encode(pki.server(root).pfx("pass"));
  std::string ca = base64_encode(root.pem() + intermediate.pem());
};
inline Material& material() {
  static Material made;
  return made;
}

// `count` nameless-but-named elements of a collection.
inline std::string elements(int count) {
  std::string many;
  for (int i = 0; i < count; ++i)
    many += (i == 0 ? "" : ",") + std::string(R"({"name":"m)") + std::to_string(i) + "\"}";
  return many;
}

// `text` with certificates in place of $WORDS.
inline std::string expand(std::string text) {
  Material& m = material();
  const auto fill = [&](std::string_view word, const auto& make) {
    if (text.find(word) != std::string::npos) replace_all(text, word, make());
  };
  const auto times = [](const std::string& piece, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += piece;
    return all;
  };
  fill("$PFX", [&] { return m.pfx; });
  fill("$CA", [&] { return m.ca; });
  fill("$KEY", [&] { return base64_encode(m.root.pem() + m.root.key_pem()); });
  fill("$LEAF", [&] { return base64_encode(m.leaf.pem()); });
  fill("$DER", [&] { return base64_encode(m.root.certificate.der()); });
  fill("$INTERMEDIATE", [&] { return base64_encode(m.intermediate.pem()); });
  fill("$TWOROOTS", [&] { return base64_encode(m.root.pem() + m.other_root.pem()); });
  fill("$TWOCHAINS", [&] { return base64_encode(m.root.pem() + m.intermediate.pem() + m.sibling.pem()); });
  fill("$EXPIRED", [&] { return base64_encode(m.expired.pem()); });
  fill("$BIG", [&] { return base64_encode(times(m.root.pem(), 60)); });
  fill("$HUGEPEM", [&] { return base64_encode(m.leaf.key_pem() + m.leaf.pem() + times(m.root.pem(), 60)); });
  fill("$MANY", [&] { return elements(101); });
  fill("$REFS", [&] {
    const std::string ref = R"({"id":"x/trustedClientCertificates/ca"})";
    return ref + times("," + ref, 100);
  });
  fill("$LONG", [&] { return times("x", 4'091); });
  return text;
}

inline constexpr const char* kSound = R"({"name":"gw","properties":{"sku":{"name":"WAF_v2","tier":"WAF_v2"},
"frontendIPConfigurations":[{"name":"fip"}],
"frontendPorts":[{"name":"p443","properties":{"port":443}},{"name":"p80","properties":{"port":80}},{"name":"p8080","properties":{"port":8080}},{"name":"p5432","properties":{"port":5432}}],
"sslCertificates":[{"name":"srv","properties":{"data":"$PFX","password":"pass"}}],
"trustedClientCertificates":[{"name":"ca","properties":{"data":"$CA"}}],
"sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[{"id":"x/trustedClientCertificates/ca"}],"clientAuthConfiguration":{"verifyClientAuthMode":"Strict"}}}],
"httpListeners":[
{"name":"web","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p443"},"protocol":"Https","sslCertificate":{"id":"x/sslCertificates/srv"},"sslProfile":{"id":"x/sslProfiles/mtls"}}},
{"name":"redir","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p80"},"protocol":"Http"}},
{"name":"paths","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p8080"},"protocol":"Http","hostNames":["a.example"]}}],
"listeners":[],"routingRules":[],"backendSettingsCollection":[],
"backendAddressPools":[{"name":"pool","properties":{"backendAddresses":[{"ipAddress":"10.0.0.1"}]}}],
"backendHttpSettingsCollection":[{"name":"http","properties":{"port":80,"protocol":"Http","probe":{"id":"x/probes/probe"}}}],
"probes":[{"name":"probe","properties":{"protocol":"Http","path":"/","match":{"statusCodes":["200-399"]}}}],
"redirectConfigurations":[{"name":"go","properties":{"redirectType":"Permanent","targetListener":{"id":"x/httpListeners/web"}}}],
"urlPathMaps":[{"name":"map","properties":{"defaultBackendAddressPool":{"id":"x/backendAddressPools/pool"},"defaultBackendHttpSettings":{"id":"x/backendHttpSettingsCollection/http"},
"pathRules":[{"name":"api","properties":{"paths":["/api/*"],"backendAddressPool":{"id":"x/backendAddressPools/pool"},"backendHttpSettings":{"id":"x/backendHttpSettingsCollection/http"}}}]}}],
"rewriteRuleSets":[{"name":"set","properties":{"rewriteRules":[{"name":"r","ruleSequence":1,"conditions":[],"actionSet":{"requestHeaderConfigurations":[{"headerName":"X-A","headerValue":"b"}]}}]}}],
"requestRoutingRules":[
{"name":"r1","properties":{"ruleType":"Basic","priority":1,"httpListener":{"id":"x/httpListeners/web"},"backendAddressPool":{"id":"x/backendAddressPools/pool"},"backendHttpSettings":{"id":"x/backendHttpSettingsCollection/http"},"rewriteRuleSet":{"id":"x/rewriteRuleSets/set"}}},
{"name":"r2","properties":{"ruleType":"Basic","priority":2,"httpListener":{"id":"x/httpListeners/redir"},"redirectConfiguration":{"id":"x/redirectConfigurations/go"}}},
{"name":"r3","properties":{"ruleType":"PathBasedRouting","priority":3,"httpListener":{"id":"x/httpListeners/paths"},"urlPathMap":{"id":"x/urlPathMaps/map"}}}],
"enableFips":false}})";

inline std::string all(const model::Findings& findings) {
  std::string text;
  for (const auto& finding : findings) text += to_line(finding) + "\n";
  return text;
}

inline model::Findings findings_of(const std::string& document, const validate::Options& options,
                                   arm::Format format = arm::Format::kJson) {
  arm::GatewayReading reading = arm::read_gateway(document, format, {});
  if (reading.gateway) reading.findings.append(validate::validate(*reading.gateway, {}, options));
  return std::move(reading.findings);
}

// The code of a case: the second word of its line.
inline std::string code_of(const ErrorCase& one) {
  const std::string line = one.line;
  const std::size_t from = line.find(' ') + 1;
  return line.substr(from, line.find(' ', from) - from);
}

// The document with the case's mistake has its finding, and no error beside it.
inline void expect_finding(const ErrorCase& one) {
  std::string document = kSound;
  const std::size_t at = document.find(one.from);
  ASSERT_NE(at, std::string::npos) << "the sound document has no " << one.from;
  document.replace(at, std::string_view(one.from).size(), one.to);
  validate::Options options;
  options.serving = false;
  options.allow_retired = one.allow_retired;
  const model::Findings findings = findings_of(expand(document), options);
  const model::Finding* found = nullptr;
  for (const auto& finding : findings)
    if (to_line(finding).starts_with(std::string(one.line) + ":") &&
        finding.message.find(one.message) != std::string::npos)
      found = &finding;
  ASSERT_NE(found, nullptr) << one.line << ": " << one.message << "\n" << all(findings);
  for (const auto& finding : findings)
    EXPECT_TRUE(finding.severity != model::Severity::kError || finding.code == found->code || finding.code == one.also)
        << to_line(finding);
}

class ErrorCodes : public testing::TestWithParam<ErrorCase> {};

inline std::string case_name(const testing::TestParamInfo<ErrorCase>& info) { return info.param.name; }

}  // namespace portcullis::cli
