// IP addresses and endpoints as values. IPv4-mapped IPv6 (::ffff:a.b.c.d) is always held as IPv4, so that no rule about
// an address can be passed by in its other spelling.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace portcullis {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);

  // Dotted IPv4 (four decimal parts, no leading zeros) or IPv6 without zone or brackets.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v6() const { return v6_; }
  bool is_unspecified() const;
  bool is_loopback() const;
  std::string to_string() const;
  // Writes the same text to `to`, which has room for INET6_ADDRSTRLEN bytes; returns its end, without a zero byte.
  char* print(char* to) const;
  // Network-order bytes: 4 or 16.
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), v6_ ? 16U : 4U}; }

  auto operator<=>(const IpAddress&) const = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  // "1.2.3.4:80" or "[::1]:80".
  static std::optional<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  static Endpoint from_sockaddr(const sockaddr_storage& storage);
  // Fills `storage`; returns the length to pass to the socket call.
  socklen_t to_sockaddr(sockaddr_storage& storage) const;

  auto operator<=>(const Endpoint&) const = default;
};

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const;
};

}  // namespace portcullis
