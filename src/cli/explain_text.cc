#include "cli/explain_text.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "proxy/access_record.h"
#include "telemetry/json_line.h"
#include "x509/facts.h"

namespace portcullis::cli {
namespace {

using clientauth::Check;
using clientauth::Mode;
using clientauth::PathStep;
using clientauth::TriedPath;
using clientauth::Verdict;

std::string_view name_of(Mode mode) {
  if (mode == Mode::kStrict) return "Strict";
  return mode == Mode::kPassthrough ? "Passthrough" : "None";
}

std::string_view name_of(Check::Outcome outcome) {
  switch (outcome) {
    case Check::Outcome::kPassed:
      return "passed";
    case Check::Outcome::kFailed:
      return "failed";
    case Check::Outcome::kNotAsked:
      return "not asked";
    case Check::Outcome::kNotReached:
      return "not reached";
  }
  return "";
}

std::string_view roots_of(const TriedPath& path) {
  return path.under_issuer_dn ? "the roots of the files that name the leaf's issuer" : "all roots of the profile";
}

int status_of(const Explained& explained) {
  if (!explained.answer.handshake_fails.empty()) return 0;
  return explained.answer.admitted() ? 200 : 400;
}

std::string file_name(const Explained& explained, int file) {
  const auto index = static_cast<std::size_t>(file);
  return file >= 0 && index < explained.files.size() ? explained.files[index] : std::string();
}

std::string utc(WallTime at) {
  std::string text;
  telemetry::append_utc(text, at);
  return text;
}

// --- text -----------------------------------------------------------------------------------------------------------

void append_row(std::string& text, std::string_view name, std::string_view value) {
  text += fmt::format("{:<10} {}\n", name, value);
}

std::string source_of(const Explained& explained, const PathStep& step) {
  std::string text;
  if (step.presented >= 0) text = fmt::format("presented as {}", step.presented);
  const std::string file = file_name(explained, step.file);
  if (!file.empty()) text += (text.empty() ? "from '" : ", also in '") + printable(file, 100) + "'";
  return text.empty() ? "from nowhere" : text;
}

void append_path(std::string& text, const Explained& explained, std::size_t number) {
  const TriedPath& path = explained.answer.paths[number];
  text += fmt::format("\npath {}, under {}: {}\n", number + 1, roots_of(path), path.holds ? "holds" : "does not hold");
  for (std::size_t depth = 0; depth < path.steps.size(); ++depth) {
    const PathStep& step = path.steps[depth];
    text +=
        fmt::format("  {:>2}  {}  ({})\n", depth, x509::describe(step.certificate).subject, source_of(explained, step));
  }
  for (const Check& check : path.checks) {
    const std::string outcome =
        check.outcome == Check::Outcome::kFailed ? "FAILED" : std::string(name_of(check.outcome));
    text += fmt::format("  {:<11} {:<20} {}\n", outcome, check.name, check.evidence);
  }
}

void append_outcome(std::string& text, const Explained& explained) {
  const clientauth::Explanation& answer = explained.answer;
  if (!answer.handshake_fails.empty()) {
    append_row(text, "handshake", "fails: " + answer.handshake_fails);
    append_row(text, "status", "none: there is no response and no access-log record");
    append_row(text, "reason", answer.handshake_reason);
    text += "refused\n";
    return;
  }
  const Verdict& verdict = answer.verdict;
  append_row(text, "status", answer.admitted() ? "200 (or whatever the backend answers)" : "400 Bad Request");
  append_row(text, "log", "sslClientVerify=" + verdict.log_value);
  append_row(text, "reason", verdict.reason_code.empty() ? "-" : verdict.reason_code);
  if (!verdict.shadow.empty()) {
    append_row(text, "shadow",
               verdict.shadow + " is what Strict would log" + (answer.judgement_reason.empty() ? "" : ", for ") +
                   std::string(answer.judgement_reason));
  }
  if (answer.revocation_open) {
    append_row(text, "revocation", "open: it is looked at before the client is admitted; --ocsp live asks");
  } else if (const std::string evidence = clientauth::describe_revocation(verdict, explained.at); !evidence.empty()) {
    append_row(text, "revocation", evidence);
  }
  text += answer.admitted() ? "admitted\n" : "refused\n";
}

// --- JSON -----------------------------------------------------------------------------------------------------------

// A JSON array of what `write` makes of each item.
template <class Items, class Write>
std::string array_of(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    text += write(item);
  }
  return text + "]";
}

std::string json_string(std::string_view value) {
  std::string text;
  telemetry::append_json_string(text, value);
  return text;
}

std::string json_certificate(const x509::Certificate& certificate, const PathStep* step, const Explained& explained) {
  const x509::Identity identity = x509::describe(certificate);
  const x509::CertificateFacts facts = x509::facts_of(certificate);
  std::string text;
  telemetry::JsonLine line(text);
  line.add("subject", identity.subject).add("issuer", identity.issuer).add("serial", identity.serial);
  line.add_time("notBefore", certificate.not_before()).add_time("notAfter", certificate.not_after());
  line.add("sha1", identity.fingerprint).add("sha256", certificate.sha256().hex());
  line.add("key", facts.key).add("signature", facts.signature).add("ca", facts.ca);
  if (facts.purposes) line.add_raw("extendedKeyUsage", array_of(*facts.purposes, json_string));
  if (facts.path_length) line.add("pathLength", static_cast<std::int64_t>(*facts.path_length));
  if (step != nullptr && step->presented >= 0) line.add("presented", step->presented);
  if (step != nullptr && step->file >= 0) line.add("trustedClientCertificate", file_name(explained, step->file));
  line.close();
  return text;
}

std::string json_check(const Check& check) {
  std::string text;
  telemetry::JsonLine line(text);
  line.add("check", check.name).add("outcome", name_of(check.outcome)).add("evidence", check.evidence).close();
  return text;
}

std::string json_error(const x509::PathError& error) {
  std::string text;
  telemetry::JsonLine line(text);
  line.add("code", error.code).add("depth", error.depth).add("text", x509::reason_text(error.code)).close();
  return text;
}

std::string json_path(const TriedPath& path, const Explained& explained) {
  std::string text;
  telemetry::JsonLine line(text);
  line.add("under", path.under_issuer_dn ? "issuer_dn_files" : "all_files").add("holds", path.holds);
  line.add_raw("certificates", array_of(path.steps, [&](const PathStep& step) {
                 return json_certificate(step.certificate, &step, explained);
               }));
  line.add_raw("checks", array_of(path.checks, json_check))
      .add_raw("errors", array_of(path.errors, json_error))
      .close();
  return text;
}

}  // namespace

std::string to_text(const Explained& explained) {
  std::string text;
  std::string listener = printable(explained.listener, 100) + " of gateway " + printable(explained.gateway, 100);
  if (explained.mode == Mode::kNone) {
    append_row(text, "listener", listener + ": asks for no certificate");
  } else {
    append_row(
        text, "listener",
        fmt::format("{}: {}, SSL profile '{}'", listener, name_of(explained.mode), printable(explained.profile)));
  }
  append_row(text, "time", utc(explained.at));
  append_row(text, "client", x509::describe(explained.presented.front()).subject);
  append_row(text, "presents", fmt::format("{} certificate(s)", explained.presented.size()));
  if (explained.mode == Mode::kPassthrough) {
    append_row(text, "judged",
               explained.answer.judged ? "for the shadow verdict only; nothing is enforced"
                                       : "not at all: the profile has no CA files");
  }
  for (std::size_t i = 0; i < explained.answer.paths.size(); ++i) append_path(text, explained, i);
  text += '\n';
  append_outcome(text, explained);
  return text;
}

std::string to_json_line(const Explained& explained) {
  const clientauth::Explanation& answer = explained.answer;
  std::string text;
  telemetry::JsonLine line(text);
  line.add("gateway", explained.gateway).add("listener", explained.listener).add("profile", explained.profile);
  line.add("mode", name_of(explained.mode)).add_time("at", explained.at);
  line.add_raw("presented", array_of(explained.presented, [&](const x509::Certificate& certificate) {
                 return json_certificate(certificate, nullptr, explained);
               }));
  line.add_raw("paths", array_of(answer.paths, [&](const TriedPath& path) { return json_path(path, explained); }));
  line.add("admitted", answer.admitted());
  line.add("handshake", answer.handshake_fails.empty() ? std::string("completes") : "fails: " + answer.handshake_fails);
  line.add("status", status_of(explained));
  line.add("sslClientVerify", answer.handshake_fails.empty() ? answer.verdict.log_value : "");
  line.add("reason", answer.handshake_fails.empty() ? answer.verdict.reason_code : answer.handshake_reason);
  if (!answer.verdict.shadow.empty()) {
    line.begin("shadow").add("sslClientVerify", answer.verdict.shadow).add("reason", answer.judgement_reason).end();
  }
  if (answer.revocation_open) {
    line.add("revocation", "open");
  } else {
    proxy::add_revocation(line, answer.verdict, explained.at);
  }
  line.close();
  return text + "\n";
}

}  // namespace portcullis::cli
