#include "x509/trusted_ca_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/strings.h"
#include "x509/internal/ca_tree.h"
#include "x509/internal/dotnet_name.h"
#include "x509/internal/owned.h"
#include "x509/internal/pfx.h"
#include "x509/pem.h"

namespace portcullis::x509 {
namespace {

// Over this nothing is parsed at all, not even to name a better reason than the size.
constexpr std::size_t kMaxParsedBytes = 10 * kMaxTrustedCaFileBytes;

struct Contents {
  CertificateList certificates;
  std::size_t decoded_bytes = 0;
  bool der = false;
};

tl::unexpected<Error> too_large(std::size_t bytes) {
  return fail(kCaFileTooLarge, fmt::format("the trusted client CA file has {} bytes of decoded text; at most {} are "
                                           "allowed: split it into several files",
                                           bytes, kMaxTrustedCaFileBytes));
}

bool looks_like_der(std::string_view bytes) { return bytes.size() > 4 && bytes[0] == 0x30; }

// PEM, DER, or the base64 of either: the document's `data` may hold each of them.
std::string unwrap(std::string_view bytes) {
  if (!looks_like_pem(bytes) && !looks_like_der(bytes)) {
    if (auto decoded = base64_decode(bytes); decoded && (looks_like_pem(*decoded) || looks_like_der(*decoded))) {
      return std::move(*decoded);
    }
  }
  return std::string(bytes);
}

Result<Contents> read_contents(const std::string& bytes) {
  if (looks_like_pem(bytes)) {
    if (mentions_private_key(bytes)) {
      return fail(kMustNotHavePrivateKey,
                  "the file holds a private key: upload certificates only, and treat the key as lost");
    }
    auto bundle = read_pem(bytes, {.bytes = kMaxParsedBytes});
    if (!bundle) return fail(kInvalidData, bundle.error().message);
    if (bundle->certificates.empty()) return fail(kInvalidData, "the PEM text holds no CERTIFICATE block");
    return Contents{std::move(bundle->certificates), bytes.size(), false};
  }
  auto certificate = Certificate::from_der(bytes);
  if (certificate) return Contents{{std::move(*certificate)}, bytes.size(), true};
  if (internal::is_pfx(bytes)) {
    return fail(kMustNotHavePrivateKey,
                "the file is a PFX: upload the CA certificates as PEM (`portcullis trust extract`)");
  }
  return fail(
      kInvalidData,
      "the file is neither PEM (no BEGIN CERTIFICATE line) nor one DER certificate; expected the CA certificates "
      "between BEGIN and END lines");
}

// The CA certificates of the file, each once, and as Azure returns them.
struct CaSet {
  CertificateList distinct;
  std::string one_line_pem;
  std::size_t duplicates = 0;
  std::size_t ignored = 0;  // no CAs
};

CaSet collect_cas(const CertificateList& certificates) {
  CaSet set;
  for (const Certificate& certificate : certificates) {
    if (!certificate.is_ca()) {
      ++set.ignored;
      continue;
    }
    set.one_line_pem += "-----BEGIN CERTIFICATE-----" + base64_encode(certificate.der()) + "-----END CERTIFICATE-----";
    if (std::find(set.distinct.begin(), set.distinct.end(), certificate) != set.distinct.end()) {
      ++set.duplicates;
    } else {
      set.distinct.push_back(certificate);
    }
  }
  return set;
}

Result<std::size_t> find_root(const CertificateList& cas) {
  std::optional<std::size_t> root;
  std::size_t count = 0;
  for (std::size_t i = 0; i < cas.size(); ++i) {
    if (!cas[i].is_self_signed()) continue;
    ++count;
    if (!root) root = i;
  }
  if (count == 1) return *root;
  return fail(kOnlyOneRoot, count == 0
                                ? "the file holds no root (self-signed) CA certificate: add the root of the chain"
                                : fmt::format("the file holds {} root CA certificates: upload one file a root", count));
}

std::vector<TrustedCaWarning> warnings_of(const Contents& contents, const CaSet& set, const internal::CaTree& tree,
                                          WallTime now) {
  std::vector<TrustedCaWarning> list;
  if (contents.der) {
    list.push_back({"trusted_client_certificate.der", "the file is DER; Azure takes PEM text only"});
  }
  if (tree.ends > 1) {
    list.push_back(
        {"trusted_client_certificate.several_chains",
         fmt::format("the file holds {} chains under its root: with verifyClientCertIssuerDN only the longest "
                     "one's issuer is accepted; upload one chain a file",
                     tree.ends)});
  }
  if (tree.unlinked > 0) {
    list.push_back({"trusted_client_certificate.unlinked",
                    fmt::format("{} CA certificate(s) of the file were not issued under its root", tree.unlinked)});
  }
  if (set.duplicates > 0) {
    list.push_back({"trusted_client_certificate.duplicate",
                    fmt::format("the file holds {} certificate(s) more than once", set.duplicates)});
  }
  for (const Certificate& ca : set.distinct) {
    if (ca.not_after() >= now) continue;
    list.push_back({"trusted_client_certificate.expired_ca",
                    fmt::format("the CA certificate {} has expired: no client below it can be admitted",
                                internal::dotnet_name(X509_get_subject_name(ca.native())))});
  }
  return list;
}

}  // namespace

Result<TrustedCaFile> parse_trusted_ca_file(std::string_view bytes, WallTime now) {
  if (trim(bytes).empty()) return fail(kMustSpecifyData, "the trusted client certificate has no data");
  // 4/3 for base64, and the line breaks in it.
  if (bytes.size() > 2 * kMaxParsedBytes) return too_large(bytes.size());
  const std::string text = unwrap(bytes);
  if (text.size() > kMaxParsedBytes) return too_large(text.size());
  auto contents = read_contents(text);
  if (!contents) return forward_error(contents);

  CaSet set = collect_cas(contents->certificates);
  if (set.distinct.empty()) {
    return fail(kNoCaCertificate,
                "no certificate of the file is a CA (basicConstraints with CA:TRUE): include the issuing CA");
  }
  auto root = find_root(set.distinct);
  if (!root) return forward_error(root);
  if (contents->decoded_bytes > kMaxTrustedCaFileBytes) return too_large(contents->decoded_bytes);
  const auto tree = internal::explore_cas(set.distinct, *root);
  if (!tree) return fail(kInvalidData, "the file holds too many CA certificates with one name");

  CertificateList intermediates = set.distinct;
  intermediates.erase(intermediates.begin() + static_cast<std::ptrdiff_t>(*root));
  const Certificate& source = set.distinct[tree->deepest];
  return TrustedCaFile{
      .certificates = set.distinct,
      .root = set.distinct[*root],
      .intermediates = std::move(intermediates),
      .issuer_dn_source = source,
      .client_cert_issuer_dn = internal::dotnet_name(X509_get_subject_name(source.native())),
      .validated_cert_data = std::move(set.one_line_pem),
      .warnings = warnings_of(*contents, set, *tree, now),
      .decoded_bytes = contents->decoded_bytes,
      .ignored = set.ignored,
  };
}

}  // namespace portcullis::x509
