#include "clientauth/explain.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/strings.h"
#include "clientauth/revocation_evidence.h"
#include "telemetry/json_line.h"
#include "x509/facts.h"

namespace portcullis::clientauth {
namespace {

using Outcome = Check::Outcome;

constexpr std::string_view kRevocationCheck = "revocation";

// Every check by name, with the reasons that make it fail. In the order of OpenSSL's, then ours.
struct CheckKind {
  std::string_view name;
  std::vector<std::string_view> reasons;
};
const std::vector<CheckKind>& check_kinds() {
  static const std::vector<CheckKind> kinds = {
      {"chain", {x509::kReasonUntrustedIssuer, x509::kReasonIncompleteChain, x509::kReasonSelfSigned}},
      {"authorities", {x509::kReasonInvalidCa}},
      {"path_length", {x509::kReasonPathLength}},
      {"purpose", {x509::kReasonWrongPurpose}},
      {"critical_extensions", {x509::kReasonCriticalExtension}},
      {"key_strength", {x509::kReasonWeakKey}},
      {"signatures", {x509::kReasonBadSignature}},
      {"dates", {x509::kReasonExpired, x509::kReasonNotYetValid}},
      {"name_constraints", {x509::kReasonNameConstraints}},
      {"other", {x509::kReasonOther}},
      {"names", {x509::kReasonMalformedName}},
  };
  return kinds;
}

std::string subject_of(const x509::Certificate& certificate) { return x509::describe(certificate).subject; }

std::string join(const std::vector<std::string>& parts, std::string_view between = ", ") {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

// Words for what was found in one path.
class Evidence {
 public:
  Evidence(const TriedPath& path, const x509::PathVerdict& verdict, const Verifier& verifier, const Question& question)
      : path_(path), verdict_(verdict), verifier_(verifier), question_(question) {}

  // The reason that one of the path's errors stands for. Our own refusals share one of OpenSSL's codes.
  std::string_view reason_of(const x509::PathError& error) const {
    return error.code == verdict_.error ? verdict_.reason_code : x509::reason_code(error.code);
  }

  std::string failure(const x509::PathError& error) const {
    const std::string_view text = error.code == verdict_.error ? verdict_.reason_text : x509::reason_text(error.code);
    const auto depth = static_cast<std::size_t>(std::max(error.depth, 0));
    if (depth >= path_.steps.size()) return fmt::format("{} (at depth {})", text, error.depth);
    const x509::Certificate& culprit = path_.steps[depth].certificate;
    return fmt::format("{} (at depth {}: {}{})", text, error.depth, subject_of(culprit),
                       what_is_wrong_with(culprit, reason_of(error)));
  }

  std::string in_favour_of(std::string_view check) const {
    if (check == "chain")
      return "ends in " + subject_of(last()) + ", the root of " + file_name(path_.steps.back().file);
    if (check == "authorities") return fmt::format("{} issuer(s), each of them a CA", path_.steps.size() - 1);
    if (check == "path_length") return lengths();
    if (check == "purpose") return purposes(leaf());
    if (check == "critical_extensions") return "none that is not understood";
    if (check == "key_strength") return strengths();
    if (check == "signatures") return signatures();
    if (check == "dates") return dates();
    if (check == "name_constraints") return constraints();
    if (check == "names") return "no control characters below the root";
    return "nothing else was reported";
  }

  std::string file_name(int file) const {
    const auto index = static_cast<std::size_t>(file);
    if (file < 0) return "no file";
    return index < question_.files.size() ? "'" + question_.files[index] + "'" : fmt::format("file {}", index);
  }

  const x509::Certificate& leaf() const { return path_.steps.front().certificate; }
  const x509::Certificate& last() const { return path_.steps.back().certificate; }

 private:
  static std::string what_is_wrong_with(const x509::Certificate& culprit, std::string_view reason) {
    if (reason == x509::kReasonExpired) return ", notAfter " + x509::describe(culprit).end_date;
    if (reason == x509::kReasonNotYetValid) return ", notBefore " + x509::describe(culprit).start_date;
    if (reason == x509::kReasonWrongPurpose) return ", " + purposes(culprit);
    if (reason == x509::kReasonWeakKey) return ", " + strength(culprit);
    if (reason == x509::kReasonUntrustedIssuer || reason == x509::kReasonIncompleteChain)
      return ", issued by " + x509::describe(culprit).issuer;
    return {};
  }

  static std::string purposes(const x509::Certificate& certificate) {
    const auto named = x509::facts_of(certificate).purposes;
    if (!named) return "no extendedKeyUsage, which allows every purpose";
    return "extendedKeyUsage " + (named->empty() ? "unreadable" : join(*named));
  }

  static std::string strength(const x509::Certificate& certificate) {
    const x509::CertificateFacts facts = x509::facts_of(certificate);
    return facts.key + " signed with " + facts.signature;
  }

  std::string strengths() const {
    std::vector<std::string> parts;
    for (const PathStep& step : path_.steps) parts.push_back(strength(step.certificate));
    return join(parts, "; ");
  }

  std::string signatures() const {
    const std::string each = "each by the next certificate's key";
    return last().is_self_signed() ? each : each + "; the last one's issuer is not at hand";
  }

  std::string lengths() const {
    std::string text = fmt::format("{} intermediate(s), at most {} (client_auth.verify_depth)",
                                   std::max<std::size_t>(path_.steps.size(), 2) - 2, verifier_.policy().verify_depth);
    for (const PathStep& step : path_.steps) {
      if (const auto limit = x509::facts_of(step.certificate).path_length)
        text += fmt::format("; {} allows {}", subject_of(step.certificate), *limit);
    }
    return text;
  }

  std::string dates() const {
    const auto ends = [](const PathStep& a, const PathStep& b) {
      return a.certificate.not_after() < b.certificate.not_after();
    };
    const PathStep& first = *std::min_element(path_.steps.begin(), path_.steps.end(), ends);
    return "the first to end is " + subject_of(first.certificate) + ", notAfter " +
           x509::describe(first.certificate).end_date;
  }

  std::string constraints() const {
    std::vector<std::string> parts;
    for (const PathStep& step : path_.steps) {
      if (x509::facts_of(step.certificate).name_constraints) parts.push_back(subject_of(step.certificate));
    }
    return parts.empty() ? "none in the path" : "those of " + join(parts, "; ") + " hold";
  }

  const TriedPath& path_;
  const x509::PathVerdict& verdict_;
  const Verifier& verifier_;
  const Question& question_;
};

Check issuer_dn_check(const TriedPath& path, const Evidence& evidence, const Verifier& verifier) {
  Check check{"issuer_dn", Outcome::kNotAsked, "verifyClientCertIssuerDN is off"};
  if (!verifier.policy().verify_issuer_dn) return check;
  if (!path.holds) {
    check.outcome = Outcome::kNotReached;
    check.evidence = "the path does not hold";
    return check;
  }
  const std::string issuer = x509::describe(evidence.leaf()).issuer;
  // Under all roots only where no file that names the issuer anchors a path (I25).
  check.outcome = path.under_issuer_dn ? Outcome::kPassed : Outcome::kFailed;
  check.evidence = "the leaf's issuer is " + issuer;
  const x509::TrustAnchors& anchors = *verifier.policy().anchors;
  for (std::size_t file = 0; file < anchors.file_count(); ++file) {
    if (anchors.root(file) != evidence.last()) continue;
    check.evidence += "; " + evidence.file_name(static_cast<int>(file)) + ", which anchors the path, names " +
                      subject_of(anchors.issuer_dn_source(file));
  }
  return check;
}

// What the listener does with lists; empty where it has none.
std::string lists_told(const x509::PathAttempt& attempt, const ClientPolicy& policy) {
  if (!policy.crl) return {};
  std::string text = "looks into the profile's revocation lists";
  if (!policy.crl->fetch) return text;
  std::vector<std::string> urls;
  for (const auto& [certificate, issuer] : x509::with_issuers(attempt.verdict.path, policy.crl->intermediates)) {
    for (const std::string& url : CrlDesk::urls_of(*certificate)) urls.push_back(printable(url));
  }
  if (urls.empty()) return text + ", and the certificate names no URL to fetch one from";
  return text + ", and fetches " + join(urls) + " where none of them is about the certificate";
}

Check revocation_check(const x509::PathAttempt& attempt, const Check& issuer_dn, const Verifier& verifier) {
  if (!verifier.policy().ocsp && !verifier.policy().crl) {
    return {kRevocationCheck, Outcome::kNotAsked, "verifyClientRevocation is None"};
  }
  if (!attempt.verdict.ok || issuer_dn.outcome == Outcome::kFailed)
    return {kRevocationCheck, Outcome::kNotReached, "nothing is asked about a path that is refused"};
  const std::string lists = lists_told(attempt, verifier.policy());
  if (!verifier.policy().ocsp) return {kRevocationCheck, Outcome::kNotReached, "not asked here; the listener " + lists};
  std::vector<std::string> responders;
  for (const auto& query : ocsp_queries(attempt.verdict, *verifier.policy().ocsp)) {
    responders.push_back(query->responder.empty() ? "nobody, since no responder is named"
                                                  : printable(query->responder));
  }
  return {kRevocationCheck, Outcome::kNotReached,
          "verifyClientRevocation is OCSP: not asked here; the listener asks " + join(responders) +
              (lists.empty() ? "" : " and " + lists)};
}

std::vector<Check> checks_of(const TriedPath& path, const x509::PathAttempt& attempt, const Evidence& evidence,
                             const Verifier& verifier) {
  std::vector<Check> checks;
  for (const CheckKind& kind : check_kinds()) {
    std::vector<std::string> failures;
    for (const x509::PathError& error : path.errors) {
      const std::string_view reason = evidence.reason_of(error);
      if (std::find(kind.reasons.begin(), kind.reasons.end(), reason) != kind.reasons.end())
        failures.push_back(evidence.failure(error));
    }
    if (!failures.empty()) {
      checks.push_back({kind.name, Outcome::kFailed, join(failures, "; ")});
    } else if (kind.name == "names" && !path.holds) {
      checks.push_back({kind.name, Outcome::kNotReached, "the path does not hold"});
    } else if (kind.name != "other") {
      checks.push_back({kind.name, Outcome::kPassed, evidence.in_favour_of(kind.name)});
    }
  }
  checks.push_back(issuer_dn_check(path, evidence, verifier));
  checks.push_back(revocation_check(attempt, checks.back(), verifier));
  return checks;
}

TriedPath tell(const x509::PathAttempt& attempt, const Verifier& verifier, const Question& question) {
  TriedPath path;
  path.under_issuer_dn = attempt.under_issuer_dn;
  path.holds = attempt.verdict.ok;
  path.errors = attempt.verdict.errors;
  for (const x509::Certificate& certificate : attempt.verdict.path) {
    PathStep step{certificate, -1, verifier.policy().anchors->file_with(certificate)};
    const auto sent = std::find(question.presented.begin(), question.presented.end(), certificate);
    if (sent != question.presented.end()) step.presented = static_cast<int>(sent - question.presented.begin());
    path.steps.push_back(std::move(step));
  }
  path.checks = checks_of(path, attempt, Evidence(path, attempt.verdict, verifier, question), verifier);
  return path;
}

// What ends the handshake before or beside the verdict, as tls/ has it.
void judge_handshake(const Verifier& verifier, const Question& question, Explanation& explanation) {
  const auto fails = [&explanation](std::string_view reason, std::string why) {
    explanation.handshake_reason = reason;
    explanation.handshake_fails = std::move(why);
  };
  // The Certificate message: of TLS 1.2 (RFC 5246 §7.4.2), and of 1.3 (RFC 8446 §4.4.2) with a context and extensions.
  // OpenSSL looks at its size before anything in it.
  std::size_t tls12 = 3;
  std::size_t tls13 = 4;
  for (const x509::Certificate& certificate : question.presented) {
    tls12 += 3 + certificate.der_size();
    tls13 += 5 + certificate.der_size();
  }
  if (tls13 > question.presented_bytes) {
    fails("tls.handshake_failed",
          fmt::format("the chain takes {} bytes in TLS 1.3 and {} in 1.2, over limits.presented_bytes ({})", tls13,
                      tls12, question.presented_bytes));
  } else if (const std::string_view limit = verifier.limit_exceeded(question.presented); !limit.empty()) {
    fails("tls.presented_over_limits", fmt::format("the chain is over {}", limit));
  } else if (x509::facts_of(question.presented.front()).key == x509::kUnreadableKey) {
    fails("tls.handshake_failed", "the leaf's public key cannot be read, so that nobody can prove to have its key");
  }
}

}  // namespace

Explanation explain(const Verifier* verifier, const Question& question) {
  Explanation explanation;
  // Under the same policy without revocation nothing is waited for.
  std::shared_ptr<const Verifier> gate;
  if (verifier != nullptr) {
    ClientPolicy policy = verifier->policy();
    policy.ocsp.reset();
    policy.crl.reset();
    gate = std::make_shared<const Verifier>(std::move(policy));
  }
  std::shared_ptr<const PeerRecord> record;
  if (gate != nullptr && !question.presented.empty()) {
    judge_handshake(*gate, question, explanation);
    if (!explanation.handshake_fails.empty()) return explanation;
    std::vector<x509::PathAttempt> attempts;
    record = gate->examine(question.presented, question.at, attempts);
    CHECK(record != nullptr);
    explanation.judged = record->judged;
    explanation.judgement_reason = record->path.reason_code;
    for (const x509::PathAttempt& attempt : attempts) explanation.paths.push_back(tell(attempt, *verifier, question));
  }
  Admission admission(record, gate);
  explanation.verdict = admission.standing(question.at);
  explanation.revocation_open =
      explanation.admitted() && verifier != nullptr && (verifier->policy().ocsp || verifier->policy().crl);
  return explanation;
}

namespace {

void append_time(std::string& text, std::string_view name, const std::optional<WallTime>& time) {
  if (!time) return;
  text += fmt::format(", {} ", name);
  telemetry::append_utc(text, *time);
}

double seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::string describe_revocation(const Verdict& verdict, WallTime now) {
  const RevocationEvidence evidence = revocation_evidence(verdict, now);
  const bool by_responder = evidence.source == RevocationEvidence::Source::kOcsp;
  std::string text;
  if (evidence.source == RevocationEvidence::Source::kNone) return text;
  if (by_responder && !evidence.responder) {
    text = fmt::format("OCSP: nothing has been heard ({})", evidence.reason);
  } else {
    text = fmt::format("{}: {}", by_responder ? "OCSP" : "revocation list", evidence.status);
    if (!evidence.reason.empty()) text += fmt::format(" ({})", evidence.reason);
  }
  if (evidence.responder && !evidence.responder->empty()) text += ", by " + printable(*evidence.responder);
  if (evidence.url) text += ", from " + printable(*evidence.url);
  append_time(text, "thisUpdate", evidence.this_update);
  append_time(text, "nextUpdate", evidence.next_update);
  append_time(text, "revoked at", evidence.revoked_at);
  if (evidence.age && evidence.latency) {
    text += fmt::format(", {:.3f} s old, fetched in {:.3f} s", seconds(*evidence.age), seconds(*evidence.latency));
  }
  if (!evidence.detail.empty()) text += ": " + printable(evidence.detail);
  // Of a path that both sources were asked about, the one that did not decide last may have been allowed; but who is
  // refused in the end owes nothing to that.
  const bool passes = verdict.outcome == Verdict::Outcome::kAdmitted;
  if (passes && (verdict.crl.by_leniency || verdict.ocsp.by_leniency)) text += "; allowed by the host file";
  return text;
}

void settle_revocation(Explanation& explanation, Verdict verdict, WallTime now) {
  explanation.verdict = std::move(verdict);
  explanation.revocation_open = false;
  if (explanation.paths.empty()) return;
  for (Check& check : explanation.paths.back().checks) {
    if (check.name != kRevocationCheck) continue;
    check.outcome = explanation.admitted() ? Outcome::kPassed : Outcome::kFailed;
    const std::string evidence = describe_revocation(explanation.verdict, now);
    check.evidence = evidence.empty() ? explanation.verdict.log_value : evidence;
  }
}

}  // namespace portcullis::clientauth
