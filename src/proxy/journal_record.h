// What the journal is told of a connection and of a request. Each call does nothing where the journal is off.
#pragma once

#include <string_view>

#include "proxy/request_context.h"
#include "store/journal_note.h"

namespace portcullis::proxy {

// A handshake that was completed, with what the chain alone says of its client. Nothing on a listener that asks for no
// certificate.
void journal_handshake(const ClientConnection& connection, Services& services);

// One that was not. `stream` is null where TLS was not begun; `reason` is a static string.
void journal_failed_handshake(const ClientConnection& connection, const tls::TlsStream* stream, std::string_view reason,
                              std::string_view detail, Services& services);

// A request that was refused for who its client is, by verdict or by misdirection, or a WebSocket that was ended so;
// nothing for any other.
void journal_request(const RequestContext& context);

// A request that was admitted where revocation is looked at, with what that was decided by: the first of its
// connection, which is when the verdict is complete. Nothing for any other.
void journal_verdict(const RequestContext& context);

// A live connection that is ended because `verdict` refuses its client now.
void journal_ended(const ClientConnection& connection, const clientauth::Verdict& verdict, const Services& services);

// What a note's `peer` says. On the store's thread.
store::JournalPeer describe_peer(const void* peer);

}  // namespace portcullis::proxy
