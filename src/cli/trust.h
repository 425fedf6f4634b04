// `portcullis trust`: trusted client CA files before they are uploaded. `extract` makes one out of what people have,
// `inspect` says what uploading one would say. Control thread.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace portcullis::cli {

struct TrustOptions {
  std::vector<std::string> inputs;  // of extract: files that together hold the chain
  std::string output;               // of extract; empty: standard output
  std::string password_file;        // of extract, for a PFX; its first line
  std::string file;                 // of inspect
};

// The environment variable that holds the PFX's password where no file was named.
inline constexpr const char* kPfxPasswordVariable = "PORTCULLIS_PFX_PASSWORD";

// Exit codes: 0 done, 1 refused input. What was left behind, and warnings about what came out, go to `err`.
int run_trust_extract(const TrustOptions& options, std::ostream& out, std::ostream& err);

// Everything on `out`, like `check`: 0 Azure would take the file, 1 it would be refused.
int run_trust_inspect(const TrustOptions& options, std::ostream& out, std::ostream& err);

}  // namespace portcullis::cli
