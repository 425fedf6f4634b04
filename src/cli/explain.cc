#include "cli/explain.h"

#include <ostream>

#include "base/strings.h"
#include "cli/command_line.h"
#include "cli/explain_revocation.h"
#include "cli/explain_text.h"
#include "cli/files.h"
#include "snapshot/compile.h"
#include "x509/pem.h"

namespace portcullis::cli {
namespace {

constexpr std::size_t kMaxChainFile = 1U << 20U;

int refuse_input(std::ostream& err, const model::Findings& findings) {
  for (const model::Finding& finding : findings) {
    if (finding.severity == model::Severity::kError) err << model::to_line(finding) << "\n";
  }
  return kRefusedInput;
}

// The number between `from` and `from + size`, all of them digits.
std::optional<int> digits(std::string_view text, std::size_t from, std::size_t size, int max) {
  const auto value = parse_uint(text.substr(from, size), static_cast<std::uint64_t>(max));
  if (!value) return std::nullopt;
  return static_cast<int>(*value);
}

Result<x509::CertificateList> read_chain(const std::string& path) {
  const auto text = read_file(path, "client's chain", kMaxChainFile);
  if (!text) return tl::unexpected(text.error());
  auto bundle = x509::read_pem(*text, {.bytes = kMaxChainFile});
  const std::string place = printable(path, 400) + ": ";
  if (!bundle) return fail(bundle.error().code, place + bundle.error().message);
  if (bundle->certificates.empty()) {
    return fail("pem.no_certificate", place + "it holds no CERTIFICATE block; give what the client presents as PEM");
  }
  return std::move(bundle->certificates);
}

std::string listeners_of(const model::Gateway& gateway) {
  std::string names;
  for (const model::HttpListener& listener : gateway.http_listeners)
    names += (names.empty() ? "'" : ", '") + printable(listener.name, 100) + "'";
  return names.empty() ? "none" : names;
}

Explained explained(const model::Gateway& gateway, const model::HttpListener& listener, WallTime at) {
  Explained made;
  made.gateway = gateway.name;
  made.listener = listener.name;
  made.at = at;
  const model::SslProfile* profile = model::profile_of(gateway, listener);
  if (profile == nullptr) return made;
  made.profile = profile->name;
  for (const model::Ref& ref : profile->trusted_client_certificates) {
    made.files.push_back(model::find_by_name(gateway.trusted_client_certificates, ref.name)->name);
  }
  return made;
}

}  // namespace

std::optional<WallTime> parse_instant(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size() && text.size() != 10) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4, 9999);
  const auto month = digits(text, 5, 2, 12);
  const auto day = digits(text, 8, 2, 31);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  WallTime instant = std::chrono::sys_days(date);
  if (text.size() == 10) return instant;
  const auto hour = digits(text, 11, 2, 23);
  const auto minute = digits(text, 14, 2, 59);
  const auto second = digits(text, 17, 2, 59);
  if (!hour || !minute || !second) return std::nullopt;
  return instant + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

int run_explain(const ExplainOptions& options, std::ostream& out, std::ostream& err) {
  const auto at = options.at.empty() ? std::optional<WallTime>(SystemClock().wall()) : parse_instant(options.at);
  const Opened opened = open_documents(options.paths);
  if (!opened.gateway) return refuse_input(err, opened.findings);
  const model::Gateway& gateway = *opened.gateway;
  const model::HttpListener* listener = model::find_by_name(gateway.http_listeners, options.listener);
  if (listener == nullptr) {
    return refuse_input(
        err, Error{"ListenerNotFound", "The gateway has no HTTP listener '" + printable(options.listener, 100) +
                                           "'; it has " + listeners_of(gateway) + "."});
  }
  auto chain = read_chain(options.chain);
  if (!chain) return refuse_input(err, chain.error());

  model::Findings findings;
  clientauth::CrlKeeper lists;
  const bool ask = options.ask != AskAbout::kNobody;
  const auto verifier =
      snapshot::compile_client_auth(gateway, *listener, opened.host, findings, ask ? &lists : nullptr);
  if (findings.has_errors()) return refuse_input(err, findings);
  Explained told = explained(gateway, *listener, *at);
  const clientauth::Question question{std::move(*chain), *at, told.files, opened.host.limits.presented_bytes};
  told.answer = clientauth::explain(verifier.get(), question);
  told.presented = question.presented;
  if (verifier != nullptr) told.mode = verifier->policy().mode;
  if (ask && told.answer.revocation_open) {
    const bool live = options.ask == AskAbout::kResponders;
    auto asked = ask_about_revocation(*verifier, told.presented, opened.host, lists, live);
    if (!asked) return refuse_input(err, asked.error());
    told.at = asked->at;
    clientauth::settle_revocation(told.answer, std::move(asked->verdict), asked->at);
  }
  out << (options.json ? to_json_line(told) : to_text(told)) << std::flush;
  return told.answer.admitted() ? kDone : kNegativeVerdict;
}

}  // namespace portcullis::cli
