// TLS policies by Azure's names: the protocol versions and the ordered cipher suites that they mean to OpenSSL. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portcullis::tls {

// The groups of every handshake, in the order of our preference, as OpenSSL names them. P-521 is there for
// certificates: over TLS 1.2 the key of the other side's must be on one of these curves (RFC 8422 §5.1).
inline constexpr char kGroups[] = "X25519:P-256:P-384:P-521";

struct TlsPolicy {
  std::string name;     // Azure's spelling
  int min_version = 0;  // TLS1_2_VERSION …
  int max_version = 0;
  std::string cipher_list;   // OpenSSL names for TLS 1.2, in order of preference
  std::string ciphersuites;  // TLS 1.3
};

// Everything that a policy says, in one line: what binds sessions to it.
std::string describe(const TlsPolicy& policy);

// A predefined policy that is still offered (azure-semantics §3.3): AppGwSslPolicy20220101, …20220101S, …20170401S,
// without regard to case. nullopt for unknown and for retired names.
std::optional<TlsPolicy> predefined_policy(std::string_view name);

// What is enforced where a gateway names no policy (azure-semantics §3.2 rule 2).
TlsPolicy default_policy();

}  // namespace portcullis::tls
