// Url: an absolute http or https URL as the gateway's own client takes it, strict and in one normal form. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"

namespace portcullis::fetch {

constexpr std::size_t kMaxUrlBytes = 8192;

struct Url {
  bool https = false;
  std::string host;                  // canonical (base/host_name.h); IPv6 in brackets
  std::uint16_t port = 80;           // 1–65535
  std::string target = "/";          // path in normal form, and query: what goes into the request line
  std::optional<IpAddress> literal;  // set where the host is an address

  std::string authority() const;  // for the Host field: the port where it is not the scheme's
  std::string origin() const;     // "https://host:port": what two requests share to share a connection
  std::string shown() const;      // for messages: without the query, which may hold a signature; cut short
};

// Refused, always as fetch.bad_url: another scheme, userinfo, a fragment, port 0, an empty or malformed host, a host
// that ends in a number and is no dotted IPv4 address (127.1, 0x7f000001: resolvers disagree about those), what
// http/uri refuses in a path or query, over kMaxUrlBytes. The message quotes neither userinfo nor query.
Result<Url> parse_url(std::string_view text);

}  // namespace portcullis::fetch
