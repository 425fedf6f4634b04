// PeerNote: what a stateless session ticket says of a client beside its leaf certificate: the rest of what it presented
// and, where its chain passed, that judgement with its path, so that resuming costs no path validation. Everything that
// the client's record held comes back: the headers, the log, a later judgement under other trust and the questions
// about revocation (whose certificate ids follow from the path) need the whole chain. Only a pass is written down; a
// refusal is judged anew. Read strictly, like any bytes from outside, although it travels sealed. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"

namespace portcullis::clientauth {

// A certificate of the path: one that was presented (0: the leaf), or a CA's of the profile's files.
struct NotedStep {
  std::optional<std::uint8_t> presented;
  Digest uploaded;  // SHA-256 over its DER, where it was not presented
};

struct NotedPass {
  Digest judged_under;  // PeerRecord::judged_under
  WallTime judged_at{};
  WallTime earliest_not_after{};
  std::vector<NotedStep> path;  // the leaf, which is not written, first; the root last
};

// Above the leaf at most, whatever limits.presented_certificates allows.
inline constexpr std::size_t kMostNotedCertificates = 99;

struct PeerNote {
  using Step = NotedStep;
  using Pass = NotedPass;
  std::vector<std::string> above_leaf;  // DER, as presented
  std::optional<Pass> pass;
};

// Layout, big endian: version (1) = 1; certificates above the leaf (1), each length (3) and DER; passed (1) = 0 or 1;
// where passed: judged under (32), judged at (8), earliest notAfter (8, both milliseconds since 1970), steps after the
// leaf (1), each the index (1) of one that was presented, or 255 and the SHA-256 (32) of one of a CA file.
std::string write_peer_note(const PeerNote& note);

// nullopt for anything that write_peer_note does not write.
std::optional<PeerNote> read_peer_note(std::string_view bytes);

}  // namespace portcullis::clientauth
