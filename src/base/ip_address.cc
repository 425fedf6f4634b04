#include "base/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/strings.h"

namespace portcullis {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress out;
  for (int i = 0; i < 4; ++i) out.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return out;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  IpAddress out;
  if (std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0) {
    std::memcpy(out.bytes_.data(), bytes.data() + 12, 4);
    return out;
  }
  out.v6_ = true;
  out.bytes_ = bytes;
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string copy(text);
  std::array<std::uint8_t, 16> raw{};
  if (inet_pton(AF_INET, copy.c_str(), raw.data()) == 1) {
    IpAddress out;
    std::memcpy(out.bytes_.data(), raw.data(), 4);
    return out;
  }
  if (inet_pton(AF_INET6, copy.c_str(), raw.data()) == 1) return v6(raw);
  return std::nullopt;
}

bool IpAddress::is_unspecified() const { return bytes_ == std::array<std::uint8_t, 16>{}; }

bool IpAddress::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  return bytes_ == one;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return {text, print(text)};
}

char* IpAddress::print(char* to) const {
  if (v6_) {
    inet_ntop(AF_INET6, bytes_.data(), to, INET6_ADDRSTRLEN);
    return to + std::strlen(to);
  }
  // On the request path: inet_ntop would go through printf.
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *to++ = '.';
    to = std::to_chars(to, to + 3, bytes_[i]).ptr;
  }
  return to;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_uint(text.substr(colon + 1), 65535);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const bool v6_text = host.find(':') != std::string_view::npos;
  if (!port || !address || v6_text != bracketed) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::to_string() const {
  char text[INET6_ADDRSTRLEN + std::string_view("[]:65535").size()];
  char* end = text;
  if (address.is_v6()) *end++ = '[';
  end = address.print(end);
  if (address.is_v6()) *end++ = ']';
  *end++ = ':';
  return {text, std::to_chars(end, text + sizeof text, port).ptr};
}

Endpoint Endpoint::from_sockaddr(const sockaddr_storage& storage) {
  Endpoint out;
  if (storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof in);
    out.address = IpAddress::v4(ntohl(in.sin_addr.s_addr));
    out.port = ntohs(in.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &storage, sizeof in6);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &in6.sin6_addr, 16);
    out.address = IpAddress::v6(bytes);
    out.port = ntohs(in6.sin6_port);
  }
  return out;
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof storage);
  if (address.is_v6()) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.bytes().data(), 16);
    std::memcpy(&storage, &in6, sizeof in6);
    return sizeof in6;
  }
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  std::memcpy(&in.sin_addr, address.bytes().data(), 4);
  std::memcpy(&storage, &in, sizeof in);
  return sizeof in;
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
  // Endpoints come from configuration, so nobody chooses them to collide; this is on the request path.
  const std::string_view bytes = endpoint.address.bytes();
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, bytes.data(), std::min(bytes.size(), sizeof first));
  if (bytes.size() > sizeof first) std::memcpy(&last, bytes.data() + bytes.size() - sizeof last, sizeof last);
  return (first * 0x9e3779b97f4a7c15u ^ last) * 31 + endpoint.port;
}

}  // namespace portcullis
