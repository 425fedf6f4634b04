#include "tls/policy.h"

#include <openssl/ssl.h>

#include "base/strings.h"

namespace portcullis::tls {
namespace {

constexpr char kSuites13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";

// azure-semantics §3.3, in the order of its table.
constexpr char k20220101[] =
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256";
constexpr char k20220101S[] =
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-AES128-GCM-SHA256";
constexpr char k20170401S[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-SHA256:AES128-SHA256:"
    "AES256-SHA:AES128-SHA";

}  // namespace

std::optional<TlsPolicy> predefined_policy(std::string_view name) {
  if (equals_ignore_case(name, "AppGwSslPolicy20220101")) {
    return TlsPolicy{"AppGwSslPolicy20220101", TLS1_2_VERSION, TLS1_3_VERSION, k20220101, kSuites13};
  }
  if (equals_ignore_case(name, "AppGwSslPolicy20220101S")) {
    return TlsPolicy{"AppGwSslPolicy20220101S", TLS1_2_VERSION, TLS1_3_VERSION, k20220101S, kSuites13};
  }
  if (equals_ignore_case(name, "AppGwSslPolicy20170401S")) {
    return TlsPolicy{"AppGwSslPolicy20170401S", TLS1_2_VERSION, TLS1_2_VERSION, k20170401S, ""};
  }
  return std::nullopt;
}

std::string describe(const TlsPolicy& policy) {
  return policy.name + " " + std::to_string(policy.min_version) + " " + std::to_string(policy.max_version) + " " +
         policy.cipher_list + " " + policy.ciphersuites;
}

TlsPolicy default_policy() { return *predefined_policy("AppGwSslPolicy20220101"); }

}  // namespace portcullis::tls
