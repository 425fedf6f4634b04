#include "x509/trust_anchors.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <set>
#include <utility>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/check.h"
#include "x509/internal/name_check.h"
#include "x509/internal/owned.h"
#include "x509/internal/proven_links.h"
#include "x509/sha256.h"

namespace portcullis::x509 {
namespace {

using internal::Owned;

// RSA 2048, P-256 and SHA-256 upwards, whatever the TLS policy's level is.
constexpr int kAuthLevel = 2;
constexpr int kMaxDepth = 100;

bool contains(const CertificateList& list, const Certificate& certificate) {
  return std::find(list.begin(), list.end(), certificate) != list.end();
}

// What the callbacks need, reached through the context's application data.
struct Recorder {
  std::vector<PathError> errors;
  const CertificateList* helpers;
  const internal::ProvenLinks* proven;
  X509_STORE_CTX_verify_fn openssl_verify = nullptr;
};

// Records every error and goes on, so that all are known and the last one is what OpenSSL leaves as the result, as
// under nginx.
int record(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  auto* recorder = static_cast<Recorder*>(X509_STORE_CTX_get_app_data(context));
  int error = X509_STORE_CTX_get_error(context);
  // A path that ends in an uploaded CA ends among the trusted ones: OpenSSL says so of a store that holds
  // intermediates, and ours are beside the store (so that a client may send a newer copy).
  if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) {
    X509* last = X509_STORE_CTX_get_current_cert(context);
    if (last != nullptr && contains(*recorder->helpers, Certificate::from_native(last, true))) {
      error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
      X509_STORE_CTX_set_error(context, error);
    }
  }
  recorder->errors.push_back({error, X509_STORE_CTX_get_error_depth(context)});
  return 1;
}

// In place of OpenSSL's check of signatures and dates. Where nothing has been found wrong so far and everything above
// the leaf is proven already, the leaf's own signature is all that is left; in any other case OpenSSL does what it
// always does, so that every refusal is its own.
int verify_signatures(X509_STORE_CTX* context) {
  const auto* recorder = static_cast<Recorder*>(X509_STORE_CTX_get_app_data(context));
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context);
  const std::time_t at = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(context));
  if (recorder->errors.empty() && recorder->proven->cover(path, at)) {
    EVP_PKEY* key = X509_get0_pubkey(sk_X509_value(path, 1));
    if (key != nullptr && X509_verify(sk_X509_value(path, 0), key) == 1) return 1;
  }
  return recorder->openssl_verify(context);
}

struct BorrowedStack {
  STACK_OF(X509) * stack = sk_X509_new_null();
  BorrowedStack() { CHECK(stack != nullptr); }
  ~BorrowedStack() { sk_X509_free(stack); }
  BorrowedStack(const BorrowedStack&) = delete;
  BorrowedStack& operator=(const BorrowedStack&) = delete;
  void push(const Certificate& certificate) { CHECK(sk_X509_push(stack, certificate.native()) > 0); }
};

CertificateList path_of(X509_STORE_CTX* context) {
  CertificateList path;
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) path.push_back(Certificate::from_native(sk_X509_value(chain, i), true));
  return path;
}

WallTime earliest_end(const CertificateList& path) {
  WallTime earliest = WallTime::max();
  for (const Certificate& certificate : path) earliest = std::min(earliest, certificate.not_after());
  return earliest;
}

void refuse(PathVerdict& verdict, std::string_view code, std::string_view text) {
  verdict.ok = false;
  verdict.error = X509_V_ERR_CERT_REJECTED;
  verdict.reason_code = code;
  verdict.reason_text = text;
  verdict.errors.push_back({X509_V_ERR_CERT_REJECTED, 0});
  verdict.anchor_file = -1;
}

}  // namespace

// A set of roots in stores of their own, which OpenSSL locks for lookups, so that threads may share them. OpenSSL takes
// the first root whose name fits and looks no further; so the roots lie in layers within which every subject occurs
// once, and a path is sought under each. Nearly always there is one.
struct TrustAnchors::AnchorSet {
  struct Layer {
    Owned<X509_STORE, X509_STORE_free> store{X509_STORE_new()};
    CertificateList roots;
  };
  std::vector<Layer> layers;
  // Intermediates that may complete a path, uploaded with these roots first: of two that fit, OpenSSL takes the first
  // that is valid now, so a cross-signed CA is followed towards these roots, and a client's newer copy stands in for an
  // expired upload.
  CertificateList helpers;

  void add_helper(const Certificate& helper) {
    if (!contains(helpers, helper)) helpers.push_back(helper);
  }

  void add_root(const Certificate& root) {
    for (const Layer& layer : layers) {
      if (contains(layer.roots, root)) return;
    }
    auto layer = std::find_if(layers.begin(), layers.end(), [&](const Layer& candidate) {
      return std::none_of(candidate.roots.begin(), candidate.roots.end(),
                          [&](const Certificate& other) { return issuer_matches_subject(root, other); });
    });
    if (layer == layers.end()) layer = layers.emplace(layers.end());
    CHECK(layer->store != nullptr);
    CHECK(X509_STORE_add_cert(layer->store.get(), root.native()) == 1);
    layer->roots.push_back(root);
  }
};

std::vector<std::pair<const Certificate*, const Certificate*>> with_issuers(const CertificateList& path,
                                                                            bool intermediates) {
  std::vector<std::pair<const Certificate*, const Certificate*>> asked;
  // A root that a client presents as its own certificate is its own issuer.
  const std::size_t below_root = path.size() > 1 ? path.size() - 1 : 1;
  for (std::size_t i = 0; i < (intermediates ? below_root : 1); ++i) {
    asked.emplace_back(&path[i], &path[std::min(i + 1, path.size() - 1)]);
  }
  return asked;
}

TrustAnchors::TrustAnchors() = default;
TrustAnchors::~TrustAnchors() = default;

Result<std::shared_ptr<const TrustAnchors>> TrustAnchors::build(const std::vector<TrustedCaFile>& files) {
  if (files.empty()) {
    return fail("trust.no_anchors",
                "client authentication needs at least one trusted client CA file; without one no client "
                "could be judged");
  }
  std::shared_ptr<TrustAnchors> anchors(new TrustAnchors());
  anchors->index_roots(files);
  anchors->compute_names_and_digest(files);
  return anchors;
}

void TrustAnchors::index_roots(const std::vector<TrustedCaFile>& files) {
  all_roots_ = std::make_unique<AnchorSet>();
  for (const TrustedCaFile& file : files) {
    const auto same = std::find_if(files_.begin(), files_.end(), [&](const FileAnchor& other) {
      return same_subject(other.issuer_dn_source, file.issuer_dn_source);
    });
    const std::size_t set = same == files_.end() ? by_issuer_dn_.size() : same->set;
    if (set == by_issuer_dn_.size()) by_issuer_dn_.push_back(std::make_unique<AnchorSet>());
    files_.push_back({file.root, file.issuer_dn_source, file.certificates, set});
    for (AnchorSet* anchors : {all_roots_.get(), by_issuer_dn_[set].get()}) {
      anchors->add_root(file.root);
      for (const Certificate& helper : file.intermediates) anchors->add_helper(helper);
    }
  }
  for (const auto& anchors : by_issuer_dn_) {
    for (const Certificate& helper : all_roots_->helpers) anchors->add_helper(helper);
  }
  proven_ = std::make_unique<internal::ProvenLinks>();
  for (const FileAnchor& file : files_) proven_->add_root(file.root);
  for (const Certificate& ca : all_roots_->helpers) {
    for (const FileAnchor& file : files_) proven_->prove(ca, file.root);
    for (const Certificate& issuer : all_roots_->helpers) proven_->prove(ca, issuer);
  }
}

void TrustAnchors::compute_names_and_digest(const std::vector<TrustedCaFile>& files) {
  std::set<std::string> seen;
  std::set<std::string> seen_issuers;
  std::set<std::string> parts;
  for (const TrustedCaFile& file : files) {
    std::string issuer = file.issuer_dn_source.subject_der();
    if (seen_issuers.insert(issuer).second) issuer_names_.push_back(std::move(issuer));
    Sha256Builder one;
    std::set<std::string> certificates;
    for (const Certificate& ca : file.certificates) {
      std::string name = ca.subject_der();
      if (seen.insert(name).second) ca_names_.push_back(std::move(name));
      certificates.insert(ca.der());
      if (by_sha256_.emplace(ca.sha256(), ca).second) authorities_.push_back(ca);
    }
    for (const std::string& der : certificates) one.add_field(der);
    one.add_field(file.issuer_dn_source.der());
    parts.insert(std::string(one.finish().view()));
  }
  Sha256Builder all;
  all.add_u64(parts.size());
  for (const std::string& part : parts) all.add_field(part);
  digest_ = all.finish();
}

const Certificate* TrustAnchors::find(const Digest& sha256) const {
  const auto found = by_sha256_.find(sha256);
  return found == by_sha256_.end() ? nullptr : &found->second;
}

int TrustAnchors::file_of_root(const Certificate& root) const {
  const auto file =
      std::find_if(files_.begin(), files_.end(), [&](const FileAnchor& candidate) { return candidate.root == root; });
  return file == files_.end() ? -1 : static_cast<int>(file - files_.begin());
}

int TrustAnchors::file_with(const Certificate& certificate) const {
  const auto file = std::find_if(files_.begin(), files_.end(), [&](const FileAnchor& candidate) {
    return contains(candidate.certificates, certificate);
  });
  return file == files_.end() ? -1 : static_cast<int>(file - files_.begin());
}

namespace {

// One attempt to build and judge a path under the roots of one store.
PathVerdict judge(X509_STORE* store, const BorrowedStack& untrusted, const Certificate& leaf, Recorder& recorder,
                  WallTime at, int max_depth) {
  internal::ErrorQueueGuard queue;
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  CHECK(context != nullptr);
  CHECK(X509_STORE_CTX_init(context.get(), store, leaf.native(), untrusted.stack) == 1);
  CHECK(X509_STORE_CTX_set_app_data(context.get(), &recorder) == 1);
  X509_STORE_CTX_set_verify_cb(context.get(), record);
  recorder.openssl_verify = X509_STORE_CTX_get_verify(context.get());
  X509_STORE_CTX_set_verify(context.get(), verify_signatures);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  CHECK(X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) == 1);
  CHECK(X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_CLIENT) == 1);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  X509_VERIFY_PARAM_set_depth(param, std::clamp(max_depth, 0, kMaxDepth));
  X509_VERIFY_PARAM_set_time(param, std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());

  const int outcome = X509_verify_cert(context.get());
  PathVerdict verdict;
  verdict.path = path_of(context.get());
  if (verdict.path.empty()) verdict.path.push_back(leaf);
  verdict.earliest_not_after = earliest_end(verdict.path);
  verdict.error = X509_STORE_CTX_get_error(context.get());
  // The result that OpenSSL leaves says nothing about errors that the callback overrode: the list decides.
  verdict.ok = outcome == 1 && verdict.error == X509_V_OK && recorder.errors.empty();
  if (!verdict.ok && verdict.error == X509_V_OK) {
    verdict.error = recorder.errors.empty() ? X509_V_ERR_UNSPECIFIED : recorder.errors.back().code;
  }
  if (!verdict.ok && recorder.errors.empty()) recorder.errors.push_back({verdict.error, 0});
  verdict.errors = std::move(recorder.errors);
  verdict.reason_code = reason_code(verdict.error);
  verdict.reason_text = reason_text(verdict.error);
  return verdict;
}

// The root is the operator's own; everything below it is refused for a name that could be read in two ways.
void judge_names(PathVerdict& verdict) {
  const std::size_t below_root = std::max<std::size_t>(verdict.path.size() - 1, 1);
  for (std::size_t i = 0; i < below_root; ++i) {
    if (internal::names_are_clean(verdict.path[i])) continue;
    refuse(verdict, kReasonMalformedName, "control character in a certificate name");
    verdict.errors.back().depth = static_cast<int>(i);
    return;
  }
}

}  // namespace

PathVerdict TrustAnchors::verify_under(const AnchorSet& anchors, const CertificateList& presented, WallTime at,
                                       int max_depth, bool under_issuer_dn, std::vector<PathAttempt>* attempts) const {
  BorrowedStack untrusted;
  for (const Certificate& helper : anchors.helpers) untrusted.push(helper);
  for (std::size_t i = 1; i < presented.size(); ++i) untrusted.push(presented[i]);

  std::optional<PathVerdict> first_refusal;
  for (const AnchorSet::Layer& layer : anchors.layers) {
    Recorder recorder{{}, &anchors.helpers, proven_.get()};
    PathVerdict verdict = judge(layer.store.get(), untrusted, presented.front(), recorder, at, max_depth);
    const bool found = verdict.ok;
    if (found) judge_names(verdict);
    if (attempts != nullptr) attempts->push_back({under_issuer_dn, verdict});
    if (found) return verdict;
    if (!first_refusal) first_refusal = std::move(verdict);
  }
  CHECK(first_refusal.has_value());
  return std::move(*first_refusal);
}

PathVerdict TrustAnchors::verify_client_chain(const CertificateList& presented, WallTime at,
                                              const VerifyOptions& options, std::vector<PathAttempt>* attempts) const {
  if (presented.empty()) {
    PathVerdict verdict;
    refuse(verdict, kReasonOther, "no certificate was presented");
    return verdict;
  }
  if (options.verify_issuer_dn) {
    // A path is sought first under the roots of those files that name the leaf's issuer, so that a cross-signed CA is
    // not refused because OpenSSL would have gone up to another file's root (invariant I25).
    const auto names_issuer = [&](const FileAnchor& file) {
      return issuer_matches_subject(presented.front(), file.issuer_dn_source);
    };
    const auto file = std::find_if(files_.begin(), files_.end(), names_issuer);
    if (file != files_.end()) {
      PathVerdict verdict = verify_under(*by_issuer_dn_[file->set], presented, at, options.max_depth, true, attempts);
      if (verdict.ok) {
        // Of the files whose root this is, one that names the issuer.
        const auto anchor = std::find_if(files_.begin(), files_.end(), [&](const FileAnchor& candidate) {
          return candidate.root == verdict.path.back() && names_issuer(candidate);
        });
        verdict.anchor_file = anchor == files_.end() ? -1 : static_cast<int>(anchor - files_.begin());
        return verdict;
      }
    }
  }
  PathVerdict verdict = verify_under(*all_roots_, presented, at, options.max_depth, false, attempts);
  if (!verdict.ok) return verdict;
  if (options.verify_issuer_dn) {
    refuse(verdict, kReasonIssuerDnMismatch, "unable to verify the client certificate issuer");
    return verdict;
  }
  verdict.anchor_file = file_of_root(verdict.path.back());
  return verdict;
}

}  // namespace portcullis::x509
