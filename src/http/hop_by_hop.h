// What belongs to one connection only is not forwarded (RFC 9110 §7.6.1). Pure.
#pragma once

#include "http/fields.h"

namespace portcullis::http {

// Removes Connection and the fields it names, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade,
// HTTP2-Settings, Proxy-Authenticate, Proxy-Authorization and Proxy-Authentication-Info. Trailer stays: trailers are
// forwarded. Names in Connection that no intermediary may lose (Host, Content-*, Authorization, Cookie, Set-Cookie,
// Date, Cache-Control, Forwarded, X-Forwarded-*) do not remove their field.
//
// I19: call this on what the peer sent, BEFORE the gateway sets a field of its own (identity headers, X-Forwarded-*):
// Connection itself is gone afterwards, so nothing a client lists there can remove what is set later, here or at the
// backend.
void strip_hop_by_hop(Fields& fields);

}  // namespace portcullis::http
