#include "x509/ca_extract.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/strings.h"
#include "x509/internal/ca_tree.h"
#include "x509/internal/dotnet_name.h"
#include "x509/internal/owned.h"
#include "x509/internal/pfx.h"
#include "x509/pem.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::x509 {
namespace {

constexpr std::size_t kMaxBytes = 1U << 20U;
constexpr std::size_t kMaxCertificates = 256;

std::string name_of(const X509_NAME* name) { return internal::dotnet_name(name); }
std::string subject_of(const Certificate& certificate) { return name_of(X509_get_subject_name(certificate.native())); }

Result<CertificateList> read_pkcs7(std::string_view der) {
  internal::ErrorQueueGuard errors;
  const unsigned char* cursor = internal::bytes_of(der);
  const internal::Owned<PKCS7, PKCS7_free> bundle(d2i_PKCS7(nullptr, &cursor, static_cast<long>(der.size())));
  if (bundle == nullptr) return fail("ca_extract.unknown_format", "neither PEM, DER, PFX (PKCS#12) nor P7B (PKCS#7)");
  if (cursor != internal::bytes_of(der) + der.size())
    return fail("ca_extract.malformed_pkcs7", "there are bytes after the end of the P7B (PKCS#7)");
  if (!PKCS7_type_is_signed(bundle.get()) || bundle->d.sign == nullptr || bundle->d.sign->cert == nullptr)
    return fail("ca_extract.malformed_pkcs7", "the P7B (PKCS#7) holds no certificates");
  CertificateList list;
  for (int i = 0; i < sk_X509_num(bundle->d.sign->cert); ++i) {
    if (list.size() == kMaxCertificates)
      return fail("ca_extract.too_many_certificates", fmt::format("more than {} certificates", kMaxCertificates));
    list.push_back(Certificate::from_native(sk_X509_value(bundle->d.sign->cert, i), true));
  }
  return list;
}

bool is_pkcs7_label(std::string_view label) {
  return label == "PKCS7" || label == "PKCS #7 SIGNED DATA" || label == "CMS";
}

Result<CertificateList> read_pem_file(std::string_view text) {
  auto bundle = read_pem(text, {.bytes = kMaxBytes, .certificates = kMaxCertificates});
  if (!bundle) return forward_error(bundle);
  CertificateList list = std::move(bundle->certificates);
  const auto blocks = scan_pem(text, {.bytes = kMaxBytes, .certificates = kMaxCertificates});
  for (const PemBlock& block : *blocks) {
    if (!is_pkcs7_label(block.label)) continue;
    const auto der = base64_decode(block.body);
    if (!der) return fail("ca_extract.malformed_pkcs7", "the body of the PKCS7 block is not canonical base64");
    auto more = read_pkcs7(*der);
    if (!more) return forward_error(more);
    list.insert(list.end(), more->begin(), more->end());
  }
  if (list.empty()) return fail("ca_extract.unknown_format", "the PEM text holds no CERTIFICATE and no PKCS7 block");
  if (list.size() > kMaxCertificates)
    return fail("ca_extract.too_many_certificates", fmt::format("more than {} certificates", kMaxCertificates));
  return list;
}

tl::unexpected<Error> no_root(const CertificateList& cas) {
  for (const Certificate& ca : cas) {
    const bool issuer_here = std::any_of(cas.begin(), cas.end(), [&](const Certificate& other) {
      return other != ca && issuer_matches_subject(ca, other);
    });
    if (issuer_here) continue;
    return fail(kOnlyOneRoot, "the input holds no root (self-signed) CA certificate: " + subject_of(ca) +
                                  " was issued by " + name_of(X509_get_issuer_name(ca.native())) +
                                  "; give the file with that certificate too");
  }
  return fail(kOnlyOneRoot, "the input holds no root (self-signed) CA certificate: give the file with it too");
}

Result<std::size_t> only_root(const CertificateList& cas) {
  std::optional<std::size_t> root;
  std::string names;
  for (std::size_t i = 0; i < cas.size(); ++i) {
    if (!cas[i].is_self_signed()) continue;
    if (!root) root = i;
    names += (names.empty() ? "" : "; ") + subject_of(cas[i]);
    if (root != i) root = cas.size();
  }
  if (!root) return no_root(cas);
  if (*root < cas.size()) return *root;
  return fail(kOnlyOneRoot,
              "the input holds several root CA certificates (" + names + "): make one trusted client CA file a root");
}

}  // namespace

Result<CertificateList> read_certificates(std::string_view bytes, std::string_view password) {
  if (bytes.size() > kMaxBytes)
    return fail("ca_extract.unknown_format", fmt::format("the file is larger than {} bytes", kMaxBytes));
  if (looks_like_pem(bytes)) return read_pem_file(bytes);
  // Base64 without its lines, as a document's `data` has it.
  if (const auto decoded = base64_decode(bytes); decoded && !decoded->empty()) {
    if (looks_like_pem(*decoded)) return read_pem_file(*decoded);
    if (auto single = Certificate::from_der(*decoded)) return CertificateList{std::move(*single)};
  }
  if (auto single = Certificate::from_der(bytes)) return CertificateList{std::move(*single)};
  if (internal::is_pfx(bytes)) {
    auto contents = internal::open_pfx(bytes, password);
    if (!contents) return forward_error(contents);
    return std::move(contents->certificates);
  }
  return read_pkcs7(bytes);
}

Result<ExtractedCas> extract_cas(const CertificateList& certificates) {
  ExtractedCas extracted;
  CertificateList cas;
  for (const Certificate& certificate : certificates) {
    if (!certificate.is_ca()) {
      ++extracted.leaves;
    } else if (std::find(cas.begin(), cas.end(), certificate) == cas.end()) {
      cas.push_back(certificate);
    }
  }
  if (cas.empty()) return fail(kNoCaCertificate, "no certificate of the input is a CA (basicConstraints with CA:TRUE)");
  const auto root = only_root(cas);
  if (!root) return tl::unexpected(root.error());
  const auto tree = internal::explore_cas(cas, *root);
  if (!tree) return fail(kInvalidData, "the input holds too many CA certificates with one name");
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < cas.size(); ++i) {
    if (tree->depth[i] == internal::kUnlinked) {
      extracted.unlinked.push_back(cas[i]);
    } else {
      order.push_back(i);
    }
  }
  // Stable: of two chains of one length the first in the file names the issuer (azure-semantics §1.5).
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return tree->depth[a] > tree->depth[b]; });
  for (const std::size_t i : order) {
    extracted.certificates.push_back(cas[i]);
    extracted.pem += cas[i].pem();
  }
  return extracted;
}

}  // namespace portcullis::x509
