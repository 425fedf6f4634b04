// The trust of one SSL profile: the union of its uploaded CA files, and the judgement of a presented client chain under
// it. Built on the control thread, then immutable and shared by workers: every const function may run on many threads
// at once. Never looks at system roots, never fetches anything. The roots are the only anchors; intermediates, uploaded
// or presented, merely help to build the path.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <openssl/types.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "x509/certificate.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::x509 {

namespace internal {
class ProvenLinks;
}

struct VerifyOptions {
  int max_depth = 10;  // intermediates allowed between leaf and root, 0–100; host file client_auth.verify_depth
  bool verify_issuer_dn = false;  // ARM verifyClientCertIssuerDN
};

// One error that path validation reported. `code` is X509_V_ERR_*; `depth` counts from the leaf (0).
struct PathError {
  int code = 0;
  int depth = 0;
};

// What was found. A client passes only when `ok`, which means that no error was ever reported (invariant I26).
struct PathVerdict {
  bool ok = false;
  int error = 0;  // X509_V_OK or X509_V_ERR_*: what OpenSSL leaves as the verify result; our own refusals
                  // (issuer DN, malformed name) are X509_V_ERR_CERT_REJECTED
  std::string_view
      reason_text;  // static; what follows "FAILED:" in the access log (azure-semantics §1.7); empty when ok
  std::string_view reason_code;   // static; one of kReason*; empty when ok
  std::vector<PathError> errors;  // all that were reported, in order
  int anchor_file = -1;  // index into the files of the TrustAnchors whose root anchors the path; -1 when refused
  WallTime earliest_not_after{};  // over the whole path built, root included: from this moment on the path is refused
  CertificateList path;           // leaf first, root last when ok; as far as it could be built otherwise
};

// Each certificate of a path that holds whose revocation is asked about, with who issued it: the leaf, and with
// `intermediates` the CAs below the root. Points into `path`.
std::vector<std::pair<const Certificate*, const Certificate*>> with_issuers(const CertificateList& path,
                                                                            bool intermediates);

// One search for a path, as it was judged: for those who want to know why (clientauth/explain.h).
struct PathAttempt {
  bool under_issuer_dn = false;  // only under the roots of the files that name the leaf's issuer (I25), else under all
  PathVerdict verdict;           // before the issuer-DN rule
};

inline constexpr std::string_view kReasonExpired = "client_cert.expired";
inline constexpr std::string_view kReasonNotYetValid = "client_cert.not_yet_valid";
// The issuer of the last certificate at hand is unknown, or the chain ends in a root that is not trusted.
inline constexpr std::string_view kReasonUntrustedIssuer = "client_cert.untrusted_issuer";
// The path reaches an uploaded intermediate, but that one's own issuer is missing from the upload.
inline constexpr std::string_view kReasonIncompleteChain = "client_cert.incomplete_chain";
inline constexpr std::string_view kReasonSelfSigned = "client_cert.self_signed";
inline constexpr std::string_view kReasonWrongPurpose = "client_cert.wrong_purpose";
inline constexpr std::string_view kReasonInvalidCa = "client_cert.invalid_ca";
inline constexpr std::string_view kReasonIssuerDnMismatch = "client_cert.issuer_dn_mismatch";
inline constexpr std::string_view kReasonWeakKey = "client_cert.weak_key";  // key or signature digest under level 2
inline constexpr std::string_view kReasonBadSignature = "client_cert.bad_signature";
inline constexpr std::string_view kReasonPathLength = "client_cert.path_length";  // pathlen, or deeper than max_depth
inline constexpr std::string_view kReasonNameConstraints = "client_cert.name_constraints";
inline constexpr std::string_view kReasonCriticalExtension = "client_cert.critical_extension";
inline constexpr std::string_view kReasonMalformedName = "client_cert.malformed_name";  // NUL or control byte (I5)
inline constexpr std::string_view kReasonOther = "client_cert.other";

// The stable reason for an X509_V_ERR_* code; empty for X509_V_OK.
std::string_view reason_code(int x509_error);
// The text for an X509_V_ERR_* code with Azure's wording of §1.7; empty for X509_V_OK.
std::string_view reason_text(int x509_error);

class TrustAnchors {
 public:
  // At least one file: an empty trust refuses the profile, it never means "anyone" (invariant I14; `trust.no_anchors`).
  static Result<std::shared_ptr<const TrustAnchors>> build(const std::vector<TrustedCaFile>& files);
  ~TrustAnchors();
  TrustAnchors(const TrustAnchors&) = delete;
  TrustAnchors& operator=(const TrustAnchors&) = delete;

  // `presented`: leaf first, the rest in any order; the caller bounds its length. `at`: the moment to judge dates by.
  // An empty list is refused. The same call serves Strict and Passthrough's shadow verdict. `attempts`, where given,
  // gets every search that was made, in order.
  PathVerdict verify_client_chain(const CertificateList& presented, WallTime at, const VerifyOptions& options,
                                  std::vector<PathAttempt>* attempts = nullptr) const;

  // DER Names of all CA certificates, each once, in file order: for the CertificateRequest.
  const std::vector<std::string>& ca_names() const { return ca_names_; }
  // The same with the issuer-DN rule on: the subjects of the files' issuer-DN sources, each once, in the order of
  // files. Under that rule no leaf passes whose issuer is another name.
  const std::vector<std::string>& issuer_names() const { return issuer_names_; }

  // Every CA certificate uploaded, each once, in file order: who may sign revocation lists.
  const CertificateList& authorities() const { return authorities_; }

  // Over the DER of every CA certificate and every file's issuer-DN source, independent of the order of files.
  const Digest& digest() const { return digest_; }

  // The CA certificate, root or intermediate, with this SHA-256 over its DER; null when no file holds it.
  const Certificate* find(const Digest& sha256) const;
  // Index of the first file with this root; -1 when it is none of the roots.
  int file_of_root(const Certificate& root) const;

  std::size_t file_count() const { return files_.size(); }
  const Certificate& root(std::size_t file) const { return files_[file].root; }
  // The CA of that file whose subject the issuer-DN rule expects as the leaf's issuer (§1.5).
  const Certificate& issuer_dn_source(std::size_t file) const { return files_[file].issuer_dn_source; }
  // The first file that holds this certificate; -1: none does.
  int file_with(const Certificate& certificate) const;

 private:
  struct AnchorSet;
  struct FileAnchor {
    Certificate root;
    Certificate issuer_dn_source;
    CertificateList certificates;
    std::size_t set;  // index into by_issuer_dn_
  };
  TrustAnchors();
  void index_roots(const std::vector<TrustedCaFile>& files);
  void compute_names_and_digest(const std::vector<TrustedCaFile>& files);
  // A search under the roots of `anchors`; `attempts` as in verify_client_chain.
  PathVerdict verify_under(const AnchorSet& anchors, const CertificateList& presented, WallTime at, int max_depth,
                           bool under_issuer_dn, std::vector<PathAttempt>* attempts) const;

  std::vector<FileAnchor> files_;
  std::unique_ptr<AnchorSet> all_roots_;
  std::unique_ptr<internal::ProvenLinks> proven_;         // among all CAs uploaded
  std::vector<std::unique_ptr<AnchorSet>> by_issuer_dn_;  // the roots of all files that name one issuer DN
  std::vector<std::string> ca_names_;
  std::vector<std::string> issuer_names_;
  std::unordered_map<Digest, Certificate, DigestHash> by_sha256_;
  CertificateList authorities_;
  Digest digest_;
};

}  // namespace portcullis::x509
