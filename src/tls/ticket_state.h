// TicketState: what a stateless session ticket says beside OpenSSL's session: under which policy and when it was made,
// and what the verifier wrote down of the client. It travels sealed (ticket_keys.h), yet it is read like any bytes from
// outside: strictly, within bounds, in one version. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"

namespace portcullis::tls {

// What a ticket holds at most of a client: its certificate, and what the verifier writes down. Over either no ticket is
// issued. Clients send tickets back in their first message, which is best kept small.
inline constexpr std::size_t kMostLeafBytes = 8 * 1024;
inline constexpr std::size_t kMostPeerBytes = 8 * 1024;

struct TicketState {
  Digest session_digest;            // the policy it was made under (I1, I2)
  WallTime original{};              // time of the original full handshake: immutable across re-issued tickets (I3)
  std::optional<std::string> peer;  // PeerVerifier::write_down; nullopt: no certificate was presented
};

// Layout, big endian: version (1) = 1, certificate presented (1) = 0 or 1, session digest (32), original (8,
// milliseconds since 1970); where a certificate was presented: length (2) and what the verifier wrote.
std::string write_ticket_state(const TicketState& state);

// nullopt for anything that write_ticket_state does not write.
std::optional<TicketState> read_ticket_state(std::string_view bytes);

}  // namespace portcullis::tls
