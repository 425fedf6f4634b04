#include "validate/public_roots.h"

#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/digest.h"
#include "x509/pem.h"

namespace portcullis::validate {
namespace {

constexpr x509::PemLimits kLimits{8U << 20U, 4'096};

std::set<Digest> read_bundle(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kLimits.bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  std::set<Digest> roots;
  const auto bundle = x509::read_pem(text, kLimits);
  if (!bundle) return roots;
  for (const x509::Certificate& certificate : bundle->certificates) roots.insert(certificate.sha256());
  return roots;
}

}  // namespace

std::function<bool(const x509::Certificate&)> public_roots(std::string bundle) {
  auto roots = std::make_shared<std::optional<std::set<Digest>>>();
  return [roots, path = std::move(bundle)](const x509::Certificate& root) {
    if (!roots->has_value()) roots->emplace(read_bundle(path));
    return (*roots)->contains(root.sha256());
  };
}

}  // namespace portcullis::validate
