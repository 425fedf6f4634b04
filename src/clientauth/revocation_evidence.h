// RevocationEvidence: what a verdict knew of its client's revocation, by the source that decided. The access log, the
// journal and `explain` say this and nothing else, each in its own form. Views: good as long as the verdict is.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "clientauth/verdict.h"

namespace portcullis::clientauth {

struct RevocationEvidence {
  enum class Source : std::uint8_t { kNone, kOcsp, kCrl };
  Source source = Source::kNone;  // kNone: nobody was asked, and the rest says nothing
  std::string_view status;        // "good", "revoked", "unknown", "failed"
  std::string_view reason;        // stable: "ocsp.timeout", "crl.expired"; empty where the status is good or revoked
  std::string_view detail;        // for people: what exactly failed; no secrets
  std::optional<WallTime> this_update, next_update;  // of the signed answer, or of the list
  std::optional<WallTime> revoked_at;                // where that says revoked
  std::string_view revocation_reason;                // beside it: "keyCompromise"; empty where none was given
  bool allowed = false;  // admitted because the host file allows it, not because of a good answer

  // OCSP's, once it has been answered:
  std::optional<std::string_view> responder;  // its URL; empty: the certificate names none
  // A list's that was fetched, or was to be:
  std::optional<std::string_view> url;
  // Of both:
  std::optional<std::chrono::milliseconds> age, latency;  // since the answer or the list was fetched; of that fetch
  std::chrono::milliseconds waited{0};                    // by the request
  // OCSP's:
  bool cache_hit = false;  // the answer was there when the connection asked for it

  std::string_view source_name() const;  // "ocsp", "crl", or empty
};

RevocationEvidence revocation_evidence(const Verdict& verdict, WallTime now);

}  // namespace portcullis::clientauth
