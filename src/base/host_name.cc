#include "base/host_name.h"

#include "base/ip_address.h"
#include "base/strings.h"

namespace portcullis {

std::optional<std::string> canonical_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto inside = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(inside);
    if (!address || inside.find(':') == std::string_view::npos) return std::nullopt;
    // An IPv4-mapped literal is held as IPv4: one address, one spelling.
    return address->is_v6() ? "[" + address->to_string() + "]" : address->to_string();
  }
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return std::nullopt;
  std::string out(host);
  std::size_t label = 0;
  for (char& c : out) {
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
      continue;
    }
    c = ascii_lower(c);
    if (!(c >= 'a' && c <= 'z') && !is_ascii_digit(c) && c != '-' && c != '_') return std::nullopt;
    if (++label > 63) return std::nullopt;
  }
  if (label == 0) return std::nullopt;
  return out;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  HostPort out;
  const auto bracket = text.rfind(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const auto port = parse_uint(text.substr(colon + 1), 65535);
    if (!port) return std::nullopt;
    out.port = static_cast<std::uint16_t>(*port);
    text = text.substr(0, colon);
  }
  auto host = canonical_host(text);
  if (!host) return std::nullopt;
  out.host = std::move(*host);
  return out;
}

}  // namespace portcullis
