#include <fmt/format.h>

#include "base/base64.h"
#include "revocation/crl.h"
#include "x509/pem.h"

namespace portcullis::revocation {
namespace {

// Lists and whatever else lies in one file.
constexpr std::size_t kMaxBlocks = 256;

}  // namespace

Result<std::vector<std::string>> read_crl_file(std::string bytes, const CrlLimits& limits) {
  // Base64 takes four bytes for three, and line ends.
  const std::size_t most = limits.bytes + limits.bytes / 2;
  if (bytes.size() > most) return fail("crl.too_large", fmt::format("the file is larger than {} bytes", most));
  if (bytes.empty()) return fail("crl.empty_file", "the file is empty");
  std::vector<std::string> lists;
  // DER begins with a SEQUENCE, and no text does with that byte and a length of more than one byte.
  if (bytes.front() == '\x30' && !x509::looks_like_pem(std::string_view(bytes).substr(0, 4096))) {
    lists.push_back(std::move(bytes));
    return lists;
  }
  auto blocks = x509::scan_pem(bytes, {.bytes = most, .certificates = kMaxBlocks / 2});
  if (!blocks) return forward_error(blocks);
  for (const x509::PemBlock& block : *blocks) {
    if (block.label != "X509 CRL") continue;
    auto der = base64_decode(block.body);
    if (!der) return fail("crl.malformed", "the body of an X509 CRL block is not canonical base64");
    lists.push_back(std::move(*der));
  }
  if (lists.empty()) return fail("crl.empty_file", "the file holds neither a DER list nor an X509 CRL block");
  return lists;
}

}  // namespace portcullis::revocation
