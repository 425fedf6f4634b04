#include "store/journal_note.h"

#include <array>

namespace portcullis::store {
namespace {

constexpr std::array<std::string_view, 4> kEvents{"handshake", "handshake_failed", "request", "left_out"};
constexpr std::array<std::string_view, 6> kOutcomes{"admitted",    "refused", "no_certificate",
                                                    "misdirected", "failed",  "left_out"};

}  // namespace

std::string_view to_string(JournalEvent event) { return kEvents[static_cast<std::size_t>(event)]; }
std::string_view to_string(JournalOutcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

bool from_string(std::string_view text, JournalOutcome& outcome) {
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    if (kOutcomes[i] != text) continue;
    outcome = static_cast<JournalOutcome>(i);
    return true;
  }
  return false;
}

}  // namespace portcullis::store
