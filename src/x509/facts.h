// What a certificate says of itself beyond the server variables: for people who ask why it was or was not accepted.
// Nothing is decided by it. Pure; any thread; cannot fail. Every text is one line of printable ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "x509/certificate.h"

namespace portcullis::x509 {

inline constexpr std::string_view kUnreadableKey = "unreadable";

struct CertificateFacts {
  std::string key;                  // "RSA 2048", "EC P-256", "ED25519"; kUnreadableKey where OpenSSL cannot decode it
  std::string signature;            // its algorithm: "ecdsa-with-SHA256"
  bool ca = false;                  // basicConstraints CA:TRUE
  std::optional<long> path_length;  // basicConstraints pathLenConstraint
  std::optional<std::vector<std::string>> purposes;  // extendedKeyUsage: "clientAuth" or dotted OIDs; none: absent
  bool name_constraints = false;                     // has some
  std::vector<std::string> critical;                 // critical extensions: short names or dotted OIDs
};

CertificateFacts facts_of(const Certificate& certificate);

}  // namespace portcullis::x509
