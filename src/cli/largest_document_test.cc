// What a document at all of Azure's limits costs.
#include <chrono>
#include <cstdio>

#include "cli/test_error_codes.h"

namespace portcullis::cli {
namespace {

// Azure's limits, all reached at once: 100 listeners that serve and 100 that redirect, with a rule each, 100 pools, 200
// CA chains.
std::string largest() {
  Material& m = material();
  std::string ports, listeners, rules, pools, cas;
  for (int i = 0; i < 100; ++i) {
    const std::string n = std::to_string(i);
    pools += R"({"name":"p)" + n + R"(","properties":{"backendAddresses":[{"ipAddress":"10.0.0.1"}]}},)";
    listeners +=
        R"({"name":"a)" + n +
        R"(","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p443"},"protocol":"Https","sslCertificate":{"id":"x/sslCertificates/srv"},"sslProfile":{"id":"x/sslProfiles/mtls"},"hostName":"a)" +
        n + R"(.example"}},)";
    listeners +=
        R"({"name":"r)" + n +
        R"(","properties":{"frontendIPConfiguration":{"id":"x/frontendIPConfigurations/fip"},"frontendPort":{"id":"x/frontendPorts/p80"},"hostName":"r)" +
        n + R"(.example"}},)";
    rules += R"({"name":"a)" + n + R"(","properties":{"priority":)" + std::to_string(1 + i) +
             R"(,"httpListener":{"id":"x/httpListeners/a)" + n +
             R"("},"backendAddressPool":{"id":"x/backendAddressPools/p)" + n +
             R"("},"backendHttpSettings":{"id":"x/backendHttpSettingsCollection/http"}}},)";
    rules += R"({"name":"r)" + n + R"(","properties":{"priority":)" + std::to_string(1'001 + i) +
             R"(,"httpListener":{"id":"x/httpListeners/r)" + n +
             R"("},"redirectConfiguration":{"id":"x/redirectConfigurations/go"}}},)";
  }
  for (int i = 0; i < 200; ++i) {
    const x509::Issued root = m.pki.root("Root " + std::to_string(i));
    cas += R"({"name":"ca)" + std::to_string(i) + R"(","properties":{"data":")" +
           base64_encode(root.pem() + m.pki.intermediate("Issuer", root).pem()) + "\"}},";
  }
  std::string trusted;
  for (int i = 0; i < 100; ++i) trusted += R"({"id":"x/trustedClientCertificates/ca)" + std::to_string(i) + "\"},";
  for (std::string* list : {&listeners, &rules, &pools, &cas, &trusted}) list->pop_back();
  return expand(R"({"name":"gw","properties":{"frontendIPConfigurations":[{"name":"fip"}],
"frontendPorts":[{"name":"p443","properties":{"port":443}},{"name":"p80","properties":{"port":80}}],
"sslCertificates":[{"name":"srv","properties":{"data":"$PFX","password":"pass"}}],
"redirectConfigurations":[{"name":"go","properties":{"redirectType":"Found","targetUrl":"https://x.example"}}],
"backendHttpSettingsCollection":[{"name":"http","properties":{"port":80}}],
"sslProfiles":[{"name":"mtls","properties":{"trustedClientCertificates":[)" +
                trusted + R"(]}}],
"trustedClientCertificates":[)" +
                cas + R"(],"backendAddressPools":[)" + pools + R"(],"httpListeners":[)" + listeners +
                R"(],"requestRoutingRules":[)" + rules + "]}}");
}

TEST(LargestDocument, ChecksInUnderASecond) {
  const std::string document = largest();
  const auto started = std::chrono::steady_clock::now();
  const model::Findings findings = findings_of(document, {.serving = false});
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  EXPECT_FALSE(findings.has_errors()) << all(findings);
  std::printf("checked %zu bytes in %d ms\n", document.size(), static_cast<int>(took.count()));
  RecordProperty("milliseconds", static_cast<int>(took.count()));
#ifdef NDEBUG  // a debug build with sanitizers is no measure
  EXPECT_LT(took, std::chrono::seconds(1));
#endif
}

}  // namespace
}  // namespace portcullis::cli
