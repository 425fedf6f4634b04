// `portcullis explain`: why a client would or would not pass a listener, told by the gate's own code
// (clientauth/explain.h). Reads files; asks about revocation only where it is told to. Control thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cli/documents.h"

namespace portcullis::cli {

// Where explain asks about revocation. Lists are read with either of the last two.
enum class AskAbout : std::uint8_t { kNobody, kSaved, kResponders };  // --ocsp off, cache, live

struct ExplainOptions {
  DocumentPaths paths;
  std::string listener;              // of httpListeners, without regard to case
  std::string chain;                 // a PEM file: what the client presents, leaf first; keys in it are not read
  std::string at;                    // parse_instant; empty: now
  AskAbout ask = AskAbout::kNobody;  // --ocsp; kNobody with `at`
  bool json = false;                 // one line
};

// "2026-11-28T21:00:00Z", or "2026-11-28" for its first second; UTC, years 0000–9999.
std::optional<WallTime> parse_instant(std::string_view text);

// The exit code: 0 admitted, 2 refused (or no handshake), 1 refused input with every reason on `err`.
int run_explain(const ExplainOptions& options, std::ostream& out, std::ostream& err);

}  // namespace portcullis::cli
