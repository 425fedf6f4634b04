// The gateway's part in a WebSocket handshake (RFC 6455 §4): what the backend is asked, and what of its answer is
// believed. Plain functions over the context of a request whose `upgrade` is kWebSocket.
#pragma once

#include "proxy/request_context.h"

namespace portcullis::proxy {

// Before hop-by-hop fields are stripped: remembers the client's key. A client over HTTP/2 has none (RFC 8441 §5) and
// one is made for it. False: it asks for a version of the protocol that does not exist.
bool note_websocket_key(RequestContext& context);

// After every rewrite, so that nothing can bend the handshake: the request asks the backend to switch.
void ask_for_websocket(RequestContext& context);

// Whether the backend's 101 is a whole and correct agreement to that request.
bool backend_agrees(const RequestContext& context);

// The backend's 101 as the client gets it: rewritten, with the accept value that answers the client's own key.
void rewrite_agreement(RequestContext& context);

}  // namespace portcullis::proxy
