// explain(): why a client would or would not pass, out of the mouth of the gate itself. The chain goes through the same
// Verifier and Admission as a connection's; what is added here only tells their answer, and decides nothing. Nobody is
// asked about revocation: where the policy asks for it, the answer is that of everything else, and says so, until the
// caller brings the whole verdict (settle_revocation). Pure but for the CPU time of one verification; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clientauth/verdict.h"

namespace portcullis::clientauth {

// One thing that a path is checked for.
struct Check {
  enum class Outcome : std::uint8_t { kPassed, kFailed, kNotAsked, kNotReached };
  std::string_view name;  // static and stable: "chain", "dates", …; see explain.cc
  Outcome outcome = Outcome::kPassed;
  std::string evidence;  // one line; never empty
};

// A certificate of a path, and whence it came.
struct PathStep {
  x509::Certificate certificate;
  int presented = -1;  // index into what the client presented; -1: it did not
  int file = -1;       // the first trusted client CA file that holds it; -1: none does
};

// One search for a path. Several are made where files name the leaf's issuer (I25) or roots share a name.
struct TriedPath {
  bool under_issuer_dn = false;  // under the roots of the files that name the leaf's issuer only
  bool holds = false;            // before the issuer-DN rule
  std::vector<PathStep> steps;   // leaf first, as far as it could be built
  std::vector<x509::PathError> errors;
  std::vector<Check> checks;
};

struct Question {
  x509::CertificateList presented;  // leaf first; empty: the client presents no certificate
  WallTime at{};
  std::vector<std::string> files;         // the names of the policy's trusted client CA files, in order
  std::uint32_t presented_bytes = 32768;  // host file limits.presented_bytes
};

struct Explanation {
  // Why the handshake itself fails, so that there is neither a response nor a log record; empty: it completes.
  // `verdict` says nothing then.
  std::string handshake_fails;
  std::string_view handshake_reason;  // as the program log has it: "tls.presented_over_limits"; empty: it completes
  Verdict verdict;
  bool judged = false;                // whether there is a path to speak of: not without certificate or CA files
  std::string_view judgement_reason;  // what strict verification says: empty when it passes
  bool revocation_open = false;       // admitted so far, but the listener would ask a responder first
  std::vector<TriedPath> paths;       // in the order tried; the last one decides

  bool admitted() const { return handshake_fails.empty() && verdict.outcome == Verdict::Outcome::kAdmitted; }
};

// `verifier` null: a listener that asks for no certificate.
Explanation explain(const Verifier* verifier, const Question& question);

// Puts `verdict`, which an Admission under the same policy gave at `now` with what it has heard of revocation, in the
// place of the one without. `explanation.revocation_open` holds, and no longer afterwards.
void settle_revocation(Explanation& explanation, Verdict verdict, WallTime now);

// What a verdict knew of revocation (revocation_evidence.h), in one line; empty where nobody was asked.
std::string describe_revocation(const Verdict& verdict, WallTime now);

}  // namespace portcullis::clientauth
