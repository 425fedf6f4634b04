#include "store/journal_note.h"

#include <array>

#include "telemetry/json_line.h"

namespace portcullis::store {
namespace {

constexpr std::array<std::string_view, 6> kEvents{"handshake", "handshake_failed", "verdict", "request",
                                                  "ended",     "left_out"};
constexpr std::array<std::string_view, 6> kOutcomes{"admitted",    "refused", "no_certificate",
                                                    "misdirected", "failed",  "left_out"};

}  // namespace

std::string_view to_string(JournalEvent event) { return kEvents[static_cast<std::size_t>(event)]; }
std::string_view to_string(JournalOutcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

std::string to_utc_seconds(WallTime time) {
  std::string text;
  telemetry::append_utc(text, time);
  text.replace(text.size() - 5, 4, "");  // milliseconds
  return text;
}

}  // namespace portcullis::store
