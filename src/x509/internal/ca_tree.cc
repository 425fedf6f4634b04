#include "x509/internal/ca_tree.h"

#include <algorithm>
#include <vector>

#include <openssl/x509v3.h>

#include "x509/internal/owned.h"

namespace portcullis::x509::internal {
namespace {

// A real file needs about one check a certificate; 25 KB hold fewer than a hundred certificates.
constexpr std::size_t kMaxSignatureChecks = 512;

using Children = std::vector<std::vector<std::size_t>>;

std::optional<Children> link(const CertificateList& cas) {
  ErrorQueueGuard errors;
  Children children(cas.size());
  std::size_t checks = 0;
  for (std::size_t parent = 0; parent < cas.size(); ++parent) {
    EVP_PKEY* key = X509_get0_pubkey(cas[parent].native());
    for (std::size_t child = 0; child < cas.size(); ++child) {
      if (child == parent || key == nullptr) continue;
      if (X509_check_issued(cas[parent].native(), cas[child].native()) != X509_V_OK) continue;
      if (++checks > kMaxSignatureChecks) return std::nullopt;
      if (X509_verify(cas[child].native(), key) == 1) children[parent].push_back(child);
    }
  }
  return children;
}

// The longest way down from each CA, each computed once. Cross-signed CAs can form loops: a CA that is already on the
// way is not entered again, so that the walk ends.
class LongestPaths {
 public:
  explicit LongestPaths(const Children& children)
      : children_(children), state_(children.size()), best_(children.size()) {}

  struct Best {
    std::size_t length = 0;
    std::size_t end = 0;
  };

  Best from(std::size_t ca) {
    if (state_[ca] == State::kDone) return best_[ca];
    state_[ca] = State::kOnPath;
    Best best{1, ca};
    for (const std::size_t child : children_[ca]) {
      if (state_[child] == State::kOnPath) continue;
      const Best below = from(child);
      const std::size_t length = below.length + 1;
      if (length > best.length || (length == best.length && below.end < best.end)) best = {length, below.end};
    }
    state_[ca] = State::kDone;
    return best_[ca] = best;
  }

  bool reached(std::size_t ca) const { return state_[ca] == State::kDone; }

 private:
  enum class State { kUnseen, kOnPath, kDone };
  const Children& children_;
  std::vector<State> state_;
  std::vector<Best> best_;
};

std::vector<std::size_t> depths(const Children& children, std::size_t root) {
  std::vector<std::size_t> depth(children.size(), kUnlinked);
  depth[root] = 0;
  std::vector<std::size_t> found{root};
  for (std::size_t next = 0; next < found.size(); ++next) {
    for (const std::size_t child : children[found[next]]) {
      if (depth[child] != kUnlinked) continue;
      depth[child] = depth[found[next]] + 1;
      found.push_back(child);
    }
  }
  return depth;
}

}  // namespace

std::optional<CaTree> explore_cas(const CertificateList& cas, std::size_t root) {
  const auto children = link(cas);
  if (!children) return std::nullopt;
  LongestPaths paths(*children);
  CaTree tree{paths.from(root).end, 0, 0, depths(*children, root)};
  for (std::size_t ca = 0; ca < cas.size(); ++ca) {
    if (!paths.reached(ca)) {
      ++tree.unlinked;
    } else if ((*children)[ca].empty()) {
      ++tree.ends;
    }
  }
  return tree;
}

}  // namespace portcullis::x509::internal
