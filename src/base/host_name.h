// The one canonicaliser for host names: SNI, the Host header and the document's hostName all pass through it before
// they are compared, so that two spellings of one name can never select two different policies (invariant I13).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

// Lower-case, one trailing dot removed, IPv6 literals in their shortest form with brackets. Refused (nullopt): empty,
// over 253 bytes, a label that is empty or over 63 bytes, any byte that is not a letter, digit, '-', '_' or '.'
// (an internationalised name is therefore accepted in its A-label form only, as RFC 6066 §3 and RFC 9110 §4.2.3 want).
std::optional<std::string> canonical_host(std::string_view host);

struct HostPort {
  std::string host;                   // canonical
  std::optional<std::uint16_t> port;  // absent when the text named none
};

// `host[:port]` as in the Host header and an authority without userinfo (RFC 9110 §7.2). An empty or out-of-range port
// is refused.
std::optional<HostPort> parse_host_port(std::string_view text);

}  // namespace portcullis
