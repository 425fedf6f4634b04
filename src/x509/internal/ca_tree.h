// The issuer-DN extraction of azure-semantics §1.5: of all paths that lead from the root down through the CA
// certificates of one file, the longest, and of those the one whose deepest CA occurs first in the file.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "x509/certificate.h"

namespace portcullis::x509::internal {

struct CaTree {
  std::size_t deepest;   // index of the CA nearest to the leaf on the winning path; the root itself when it is alone
  std::size_t ends;      // how many CAs have no CA child: the number of chains in the file
  std::size_t unlinked;  // CAs that no path from the root reaches
  std::vector<std::size_t> depth;  // of each CA: steps down from the root on the shortest way; kUnlinked: none
};
inline constexpr std::size_t kUnlinked = static_cast<std::size_t>(-1);

// `cas`: distinct CA certificates in file order; `root`: index of the root among them. Links are by name, key
// identifier, key usage and signature. nullopt: the file asks for more signature checks than a real one could need.
std::optional<CaTree> explore_cas(const CertificateList& cas, std::size_t root);

}  // namespace portcullis::x509::internal
