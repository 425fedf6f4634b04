// Levers of performance, which one may switch off to see what they bring or whether they are to blame. Nothing that a
// client can notice hangs on one.
#pragma once

#include <cstdlib>
#include <string_view>

namespace portcullis {

inline constexpr const char* kLeanKeysLever = "PORTCULLIS_LEAN_KEYS";              // crypto/tls_library
inline constexpr const char* kLeanDerivationLever = "PORTCULLIS_LEAN_DERIVATION";  // …/key_schedule, …/lean_mac
inline constexpr const char* kLeanExchangeLever = "PORTCULLIS_LEAN_EXCHANGE";      // crypto/internal/key_exchange
inline constexpr const char* kLeanRecordsLever = "PORTCULLIS_LEAN_RECORDS";        // crypto/internal/record_cipher
inline constexpr const char* kProvenLinksLever = "PORTCULLIS_PROVEN_LINKS";        // x509/internal/proven_links
inline constexpr const char* kChainCacheLever = "PORTCULLIS_CHAIN_CACHE";          // clientauth/chain_cache

// Whether `off` stands in this environment variable.
inline bool is_switched_off(const char* lever) {
  const char* wish = std::getenv(lever);
  return wish != nullptr && std::string_view(wish) == "off";
}

}  // namespace portcullis
