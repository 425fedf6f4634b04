#include "cli/trust.h"

#include <cstdlib>
#include <ostream>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "validate/public_roots.h"
#include "x509/ca_extract.h"
#include "x509/facts.h"
#include "x509/identity.h"
#include "x509/key_pair.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::cli {
namespace {

constexpr std::size_t kMaxInput = 1U << 20U;

std::string date_of(const x509::Certificate& certificate) { return x509::describe(certificate).end_date; }

std::string_view kind_of(const x509::Certificate& certificate) {
  if (!certificate.is_ca()) return "ignored: no CA";
  return certificate.is_self_signed() ? "root" : "intermediate";
}

void print_warnings(const std::vector<x509::TrustedCaWarning>& warnings, std::ostream& out) {
  for (const x509::TrustedCaWarning& warning : warnings) {
    out << "warning " << warning.code << " /: " << warning.message << "\n";
  }
}

// The password of a PFX; never from the command line, which every process of the machine can read.
Result<std::string> password_of(const TrustOptions& options) {
  if (!options.password_file.empty()) return read_password(options.password_file);
  const char* given = std::getenv(kPfxPasswordVariable);
  return std::string(given == nullptr ? "" : given);
}

Result<x509::CertificateList> read_inputs(const TrustOptions& options) {
  const auto password = password_of(options);
  if (!password) return tl::unexpected(password.error());
  x509::CertificateList all;
  for (const std::string& input : options.inputs) {
    const auto bytes = read_file(input, "input", kMaxInput);
    if (!bytes) return tl::unexpected(bytes.error());
    auto list = x509::read_certificates(*bytes, *password);
    if (!list) {
      std::string message = printable(input, 400) + ": " + list.error().message;
      if (list.error().code == x509::kPasswordIncorrect)
        message += "; name a file that holds it by --password-file, or set " + std::string(kPfxPasswordVariable);
      return fail(list.error().code, message);
    }
    all.insert(all.end(), list->begin(), list->end());
  }
  return all;
}

// As far as the bytes can be read at all; a refused file is told certificate by certificate too.
void print_certificates(const std::string& bytes, const x509::TrustedCaFile* file, std::ostream& out) {
  const auto list = x509::read_certificates(bytes);
  if (!list) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const x509::Certificate& certificate = (*list)[i];
    out << fmt::format("{:>2}  {} ({}; {}, until {})\n", i + 1, x509::describe(certificate).subject,
                       kind_of(certificate), x509::facts_of(certificate).key, date_of(certificate));
  }
  if (file == nullptr) return;
  out << fmt::format("certificates       {}: 1 root, {} intermediate(s), {} ignored\n", list->size(),
                     file->intermediates.size(), file->ignored);
  out << fmt::format("size               {} of {} bytes\n", file->decoded_bytes, x509::kMaxTrustedCaFileBytes);
  out << "clientCertIssuerDN " << file->client_cert_issuer_dn << "\n";
}

}  // namespace

int run_trust_extract(const TrustOptions& options, std::ostream& out, std::ostream& err) {
  const auto certificates = read_inputs(options);
  if (!certificates) return refuse_input(err, certificates.error());
  const auto extracted = x509::extract_cas(*certificates);
  if (!extracted) return refuse_input(err, extracted.error());
  // What Azure and `run` would say of it, before it is written anywhere.
  const auto file = x509::parse_trusted_ca_file(extracted->pem);
  if (!file) return refuse_input(err, file.error());
  for (const x509::Certificate& ca : extracted->unlinked) {
    err << "info LeftBehind /: " << x509::describe(ca).subject
        << " was not issued under the root; it would help no client.\n";
  }
  print_warnings(file->warnings, err);
  if (options.output.empty()) {
    out << extracted->pem << std::flush;
    return kDone;
  }
  const auto written = write_file(options.output, extracted->pem);
  if (!written) return refuse_input(err, written.error());
  out << printable(options.output, 400) << ": " << extracted->certificates.size() << " CA certificate(s), "
      << extracted->leaves << " other(s) left behind; clientCertIssuerDN " << file->client_cert_issuer_dn << std::endl;
  return kDone;
}

int run_trust_inspect(const TrustOptions& options, std::ostream& out, std::ostream& err) {
  const auto bytes = read_file(options.file, "trusted client CA file", kMaxInput);
  if (!bytes) return refuse_input(err, bytes.error());
  const auto file = x509::parse_trusted_ca_file(*bytes);
  print_certificates(*bytes, file ? &*file : nullptr, out);
  const std::string name = printable(options.file, 400);
  if (!file) {
    refuse_input(out, file.error());
    out << name << ": refused" << std::endl;
    return kRefusedInput;
  }
  std::vector<x509::TrustedCaWarning> warnings = file->warnings;
  if (validate::public_roots()(file->root)) {
    warnings.push_back({"PublicRootWithoutIssuerRule",
                        "the root is a public CA: whoever buys a certificate there can authenticate, unless the "
                        "profile sets verifyClientCertIssuerDN"});
  }
  print_warnings(warnings, out);
  out << name << ": good, " << warnings.size() << " warning" << (warnings.size() == 1 ? "" : "s") << std::endl;
  return kDone;
}

}  // namespace portcullis::cli
