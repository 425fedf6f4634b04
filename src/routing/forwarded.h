// The headers that the gateway adds to every request it forwards (azure-semantics §7.5). A pure function over the
// request's fields; called once a request, before the rewrite rules, which may change what it set.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ip_address.h"
#include "http/fields.h"

namespace portcullis::routing {

struct ForwardedInfo {
  Endpoint client;                 // the peer, or what the PROXY protocol said
  std::string_view scheme;         // "http" or "https": of the listener
  std::uint16_t port = 0;          // the document's frontend port, not the local one
  std::string_view original_host;  // Host as received, with its port; empty: there was none
  std::string_view original_url;   // the request target as received
  std::string_view trace_id;       // 32 lower-case letters and digits; the access log's transactionId
};

// x-forwarded-for: what the client sent (several fields joined by ", ", blank ones dropped) with `IP:port` appended; an
// IPv6 client is written `[2001:db8::1]:port`, since without brackets the port cannot be told from the address.
// x-forwarded-proto, x-forwarded-port, x-original-host, x-original-url and x-appgw-trace-id: set, whatever a client
// sent. x-azure-ja4-fingerprint is removed: the gateway does not compute it, so a client's would pass for the
// gateway's. No view in `info` may point into `fields`.
void set_forwarded_headers(http::Fields& fields, const ForwardedInfo& info);

}  // namespace portcullis::routing
