// TLS policies: azure-semantics §3.2, with the suites of §3.3 and §3.4.
#include "cli/test_error_codes.h"

namespace portcullis::cli {

#define POLICY " /properties/sslPolicy"

namespace {

constexpr const char* kFips = R"("enableFips")";

}  // namespace

constexpr ErrorCase kTlsPolicyCases[] = {
    {"retired", kFips, R"("sslPolicy":{"policyType":"Predefined","policyName":"AppGwSslPolicy20150501"},"enableFips")",
     "error SslPolicyRetired" POLICY,
     "AppGwSslPolicy20150501 was retired by Azure on 2025-08-31; use AppGwSslPolicy20220101, AppGwSslPolicy20220101S "
     "or "
     "CustomV2."},
    {"retired_2017", kFips, R"("sslPolicy":{"policyName":"appgwsslpolicy20170401"},"enableFips")",
     "error SslPolicyRetired" POLICY, "AppGwSslPolicy20170401"},
    {"retired_allowed", kFips,
     R"("sslPolicy":{"policyType":"Predefined","policyName":"AppGwSslPolicy20150501"},"enableFips")",
     "warning SslPolicyRetired" POLICY, "2025-08-31", "", true},
    {"old_minimum", kFips,
     R"("sslPolicy":{"policyType":"Custom","minProtocolVersion":"TLSv1_1","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256"]},"enableFips")",
     "error SslPolicyRetired" POLICY, "below TLSv1_2"},
    {"old_minimum_of_custom_v2", kFips,
     R"("sslPolicy":{"policyType":"CustomV2","minProtocolVersion":"TLSv1_0","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256"]},"enableFips")",
     "error SslPolicyRetired" POLICY, "below TLSv1_2"},
    {"retired_suite", kFips,
     R"("sslPolicy":{"policyType":"Custom","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256","TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"]},"enableFips")",
     "error SslPolicyRetired" POLICY, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {"retired_suite_allowed", kFips,
     R"("sslPolicy":{"policyType":"Custom","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256","TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"]},"enableFips")",
     "warning SslPolicyRetired" POLICY, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "", true},
    {"never_offered", kFips,
     R"("sslPolicy":{"policyType":"CustomV2","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256","TLS_RSA_WITH_3DES_EDE_CBC_SHA"]},"enableFips")",
     "warning SslCipherSuiteNeverOffered" POLICY, "never offered"},
    {"suite_twice", kFips,
     R"("sslPolicy":{"policyType":"CustomV2","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256","tls_rsa_with_aes_128_gcm_sha256"]},"enableFips")",
     "warning SslCipherSuiteTwice" POLICY, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {"nothing_left", kFips,
     R"("sslPolicy":{"policyType":"CustomV2","cipherSuites":["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]},"enableFips")",
     "error SslPolicyNeedsCipherSuites" POLICY, "no suite"},
    {"tls13_in_custom", kFips, R"("sslPolicy":{"policyType":"Custom","minProtocolVersion":"TLSv1_3"},"enableFips")",
     "error SslPolicyTls13NeedsCustomV2" POLICY, "TLSv1_3 needs policyType CustomV2."},
    {"tls13_suite_in_custom", kFips,
     R"("sslPolicy":{"policyType":"Custom","cipherSuites":["TLS_AES_128_GCM_SHA256","TLS_RSA_WITH_AES_128_GCM_SHA256"]},"enableFips")",
     "error SslPolicyTls13NeedsCustomV2" POLICY, "TLS_AES_128_GCM_SHA256"},
    {"predefined_with_suites", kFips,
     R"("sslPolicy":{"policyName":"AppGwSslPolicy20220101","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256"]},"enableFips")",
     "error SslPolicyPredefinedHasCustomParts" POLICY, "takes policyName only"},
    {"predefined_with_minimum", kFips,
     R"("sslPolicy":{"policyName":"AppGwSslPolicy20220101","minProtocolVersion":"TLSv1_2"},"enableFips")",
     "error SslPolicyPredefinedHasCustomParts" POLICY, "takes policyName only"},
    {"predefined_without_name", kFips, R"("sslPolicy":{"policyType":"Predefined"},"enableFips")",
     "error SslPolicyNameMissing" POLICY, "needs policyName"},
    {"custom_with_name", kFips,
     R"("sslPolicy":{"policyType":"CustomV2","policyName":"AppGwSslPolicy20220101","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256"]},"enableFips")",
     "error SslPolicyCustomHasName" POLICY, "remove policyName"},
    {"no_version", kFips,
     R"("sslPolicy":{"disabledSslProtocols":["TLSv1_0","TLSv1_1","TLSv1_2","TLSv1_3"]},"enableFips")",
     "error SslPolicyAllowsNoVersion" POLICY, "no TLS version"},
    {"no_version_of_custom", kFips,
     R"("sslPolicy":{"policyType":"Custom","cipherSuites":["TLS_RSA_WITH_AES_128_GCM_SHA256"],"disabledSslProtocols":["TLSv1_2"]},"enableFips")",
     "error SslPolicyAllowsNoVersion" POLICY, "no TLS version"},
    {"fewer_versions", kFips, R"("sslPolicy":{"disabledSslProtocols":["TLSv1_0","TLSv1_2"]},"enableFips")",
     "warning NotServedYet" POLICY, "custom TLS policies"},
    {"families", R"("clientAuthConfiguration":{"verifyClientAuthMode":"Strict"})",
     R"("clientAuthConfiguration":{},"sslPolicy":{"policyName":"AppGwSslPolicy20170401S"}}},
                {"name":"new","properties":{"sslPolicy":{"policyName":"AppGwSslPolicy20220101"})",
     "error SslPolicyFamiliesMixed /properties/sslProfiles/1/properties/sslPolicy", "different families"},
    {"unknown_suite", kFips,
     R"("sslPolicy":{"policyType":"Custom","cipherSuites":["TLS_CHACHA20_POLY1305_SHA256"]},"enableFips")",
     "error InvalidJson" POLICY "/cipherSuites/0", "one of TLS_"},
};

ErrorCases tls_policy_cases() { return {std::begin(kTlsPolicyCases), std::end(kTlsPolicyCases)}; }

}  // namespace portcullis::cli
