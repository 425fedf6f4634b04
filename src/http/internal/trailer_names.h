// Which fields must not come in a trailer section, whatever protocol carries it. Pure.
#pragma once

#include <string_view>

namespace portcullis::http::internal {

// Framing, routing, authentication, content description, cookies, and whatever names a connection's business (RFC 9110
// §6.5.1): what decides how a message is understood cannot come behind its content.
bool is_forbidden_trailer(std::string_view name);

}  // namespace portcullis::http::internal
