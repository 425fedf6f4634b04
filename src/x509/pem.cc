#include "x509/pem.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/strings.h"

namespace portcullis::x509 {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kMaxLabel = 64;

// The label of the BEGIN line at `at`; empty when those bytes are not one.
std::string_view label_at(std::string_view text, std::size_t at) {
  const std::size_t start = at + kBegin.size();
  const std::size_t stop = text.find(kDashes, start);
  if (stop == std::string_view::npos || stop - start > kMaxLabel) return {};
  const std::string_view label = text.substr(start, stop - start);
  return label.find_first_of("\r\n") == std::string_view::npos ? label : std::string_view();
}

bool is_private_key(std::string_view label) { return label.ends_with("PRIVATE KEY"); }

Result<Certificate> read_certificate(const PemBlock& block, std::size_t number) {
  const auto der = base64_decode(block.body);
  if (!der) {
    return fail("pem.bad_base64", fmt::format("certificate {} of the file: its body is not canonical base64", number));
  }
  auto certificate = Certificate::from_der(*der);
  if (!certificate) {
    return fail("pem.bad_certificate",
                fmt::format("certificate {} of the file: {}", number, certificate.error().message));
  }
  return certificate;
}

}  // namespace

bool looks_like_pem(std::string_view text) { return text.find(kBegin) != std::string_view::npos; }

bool mentions_private_key(std::string_view text) {
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, at + 1)) {
    if (is_private_key(label_at(text, at))) return true;
  }
  return false;
}

Result<std::vector<PemBlock>> scan_pem(std::string_view text, const PemLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail("pem.too_large", fmt::format("the PEM text is larger than {} bytes", limits.bytes));
  }
  std::vector<PemBlock> blocks;
  std::size_t at = text.find(kBegin);
  while (at != std::string_view::npos) {
    const std::string_view label = label_at(text, at);
    if (label.empty()) {
      return fail("pem.unterminated", "a BEGIN line has no label or does not end with five dashes");
    }
    const std::size_t body = at + kBegin.size() + label.size() + kDashes.size();
    const std::string end_line = fmt::format("{}{}{}", kEnd, label, kDashes);
    const std::size_t stop = text.find(end_line, body);
    if (stop == std::string_view::npos) {
      return fail("pem.unterminated", fmt::format("a block BEGIN {} has no END line", printable(label)));
    }
    // Twice the certificates: keys, parameters and CRLs may lie between them.
    if (blocks.size() >= 2 * limits.certificates) {
      return fail("pem.too_many_blocks", fmt::format("more than {} PEM blocks", 2 * limits.certificates));
    }
    const std::size_t after = stop + end_line.size();
    blocks.push_back({label, text.substr(body, stop - body), text.substr(at, after - at)});
    at = text.find(kBegin, after);
  }
  return blocks;
}

Result<PemBundle> read_pem(std::string_view text, const PemLimits& limits) {
  auto blocks = scan_pem(text, limits);
  if (!blocks) return forward_error(blocks);
  PemBundle bundle;
  for (const PemBlock& block : *blocks) {
    if (is_private_key(block.label)) {
      bundle.has_private_key = true;
    } else if (block.label == "TRUSTED CERTIFICATE") {
      return fail("pem.trusted_certificate",
                  "a TRUSTED CERTIFICATE block carries trust settings of its own; convert it with `openssl x509`");
    } else if (block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE") {
      if (bundle.certificates.size() >= limits.certificates) {
        return fail("pem.too_many_certificates", fmt::format("more than {} certificates", limits.certificates));
      }
      auto certificate = read_certificate(block, bundle.certificates.size() + 1);
      if (!certificate) return forward_error(certificate);
      bundle.certificates.push_back(std::move(*certificate));
    }
  }
  return bundle;
}

}  // namespace portcullis::x509
