// Which header names reach a backend and which are nobody's to rewrite. Pure; shared by the files of this room.
#pragma once

#include <string_view>

namespace portcullis::routing::internal {

// Letters, digits and '-' only: the request header names that Azure lets through to a backend (azure-semantics §7.4).
bool is_plain_name(std::string_view name);

// Names that delimit a message or belong to one hop (RFC 9110 §7.6.1, RFC 9112 §6): Content-Length, Transfer-Encoding,
// Connection, Upgrade, TE, Trailer, Keep-Alive, Proxy-Connection; without regard to case.
bool is_framing_header(std::string_view name);

}  // namespace portcullis::routing::internal
