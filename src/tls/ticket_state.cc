#include "tls/ticket_state.h"

#include "base/byte_codec.h"

namespace portcullis::tls {
namespace {

constexpr std::uint64_t kVersion = 1;

}  // namespace

std::string write_ticket_state(const TicketState& state) {
  ByteWriter out;
  out.number(kVersion, 1).number(state.peer ? 1 : 0, 1).digest(state.session_digest).time(state.original);
  if (state.peer) out.field(*state.peer, 2);
  return out.take();
}

std::optional<TicketState> read_ticket_state(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.number(1) != kVersion) return std::nullopt;
  const std::uint64_t presented = in.number(1);
  if (presented > 1) return std::nullopt;
  TicketState state;
  state.session_digest = in.digest();
  state.original = in.time();
  if (presented == 1) {
    const std::string_view peer = in.field(2);
    if (peer.size() > kMostPeerBytes) return std::nullopt;
    state.peer = std::string(peer);
  }
  if (!in.finished()) return std::nullopt;
  return state;
}

}  // namespace portcullis::tls
