#include "fetch/address_policy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>

#include "base/check.h"
#include "base/strings.h"
#include "net/fd.h"

namespace portcullis::fetch {
namespace {

std::uint8_t byte(const IpAddress& address, std::size_t at) { return static_cast<std::uint8_t>(address.bytes()[at]); }

IpAddress v4_from(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return IpAddress::v4(std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d);
}

IpAddress v4_at(const IpAddress& address, std::size_t at) {
  return v4_from(byte(address, at), byte(address, at + 1), byte(address, at + 2), byte(address, at + 3));
}

bool in_block(const IpAddress& address, const IpAddress& network, unsigned prefix) {
  if (address.is_v6() != network.is_v6()) return false;
  const std::size_t whole = prefix / 8;
  if (std::memcmp(address.bytes().data(), network.bytes().data(), whole) != 0) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || ((byte(address, whole) ^ byte(network, whole)) >> (8 - rest)) == 0;
}

bool begins_with(const IpAddress& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes().begin(),
                    [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

// The address and every IPv4 address that it may stand for. (IPv4-mapped is held as IPv4 from the start.)
std::vector<IpAddress> faces(const IpAddress& address) {
  std::vector<IpAddress> out{address};
  if (!address.is_v6() || address.is_unspecified() || address.is_loopback()) return out;
  const bool compatible = begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  const bool translated = begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0});
  const bool nat64 = begins_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0});
  const bool isatap = (byte(address, 8) & 0xfdU) == 0 && byte(address, 9) == 0 && byte(address, 10) == 0x5e &&
                      byte(address, 11) == 0xfe;
  if (compatible || translated || nat64 || isatap) out.push_back(v4_at(address, 12));
  if (begins_with(address, {0, 0x64, 0xff, 0x9b, 0, 1})) {
    // The operator's own prefix may be /48 (around the reserved octet 8), /56, /64 or /96 (RFC 6052 §2.2): judged by
    // all of them, but for those that give no address of a host, as the three that are not meant mostly do.
    for (const IpAddress& inside : {v4_from(byte(address, 6), byte(address, 7), byte(address, 9), byte(address, 10)),
                                    v4_from(byte(address, 7), byte(address, 9), byte(address, 10), byte(address, 11)),
                                    v4_at(address, 9), v4_at(address, 12)}) {
      if (byte(inside, 0) != 0) out.push_back(inside);
    }
  }
  if (begins_with(address, {0x20, 0x02})) out.push_back(v4_at(address, 2));
  if (begins_with(address, {0x20, 0x01, 0, 0})) {
    out.push_back(v4_at(address, 4));  // the Teredo server
    out.push_back(v4_from(static_cast<std::uint8_t>(~byte(address, 12)), static_cast<std::uint8_t>(~byte(address, 13)),
                          static_cast<std::uint8_t>(~byte(address, 14)),
                          static_cast<std::uint8_t>(~byte(address, 15))));
  }
  return out;
}

// Whether this machine has the address: only then can a socket be bound to it.
bool is_own_address(const IpAddress& address) {
  net::Fd fd(::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  const socklen_t size = Endpoint{address, 0}.to_sockaddr(storage);
  return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0;
}

struct Word {
  std::string_view name;
  std::array<std::string_view, 2> blocks;
};
constexpr std::array<Word, 3> kWords = {{
    {"loopback", {"127.0.0.0/8", "::1/128"}},
    {"link_local", {"169.254.0.0/16", "fe80::/10"}},
    {"multicast", {"224.0.0.0/4", "ff00::/8"}},
}};

struct Cidr {
  IpAddress network;
  unsigned prefix;
};

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const auto network = IpAddress::parse(address);
  if (!network) return std::nullopt;
  const bool v6_text = address.find(':') != std::string_view::npos;
  const unsigned bits = v6_text ? 128 : 32;
  const auto prefix = slash == std::string_view::npos ? bits : parse_uint(text.substr(slash + 1), bits);
  if (!prefix) return std::nullopt;
  // A mapped block is one of IPv4 addresses, whose bits begin behind ::ffff:0:0/96.
  const unsigned skipped = v6_text && !network->is_v6() ? 96 : 0;
  if (*prefix < skipped) return std::nullopt;
  return Cidr{*network, static_cast<unsigned>(*prefix) - skipped};
}

}  // namespace

Result<void> AddressPolicy::add(std::vector<Block>& blocks, const std::string& entry) {
  for (const Word& word : kWords) {
    if (!equals_ignore_case(entry, word.name)) continue;
    for (const std::string_view block : word.blocks) {
      const auto cidr = parse_cidr(block);
      CHECK(cidr);
      blocks.push_back({cidr->network, cidr->prefix, entry});
    }
    return {};
  }
  const auto cidr = parse_cidr(entry);
  if (!cidr) {
    return fail("fetch.bad_egress", "'" + printable(entry, 64) +
                                        "' in egress is none of loopback, link_local, multicast, an IP address or a "
                                        "CIDR block");
  }
  blocks.push_back({cidr->network, cidr->prefix, entry});
  return {};
}

AddressPolicy::AddressPolicy() {
  for (const Word& word : kWords) CHECK(add(deny_, std::string(word.name)));
}

Result<AddressPolicy> AddressPolicy::create(const std::vector<std::string>& deny, const std::vector<std::string>& allow,
                                            std::vector<Endpoint> never) {
  AddressPolicy policy;
  policy.deny_.clear();
  policy.never_ = std::move(never);
  for (const std::string& entry : deny) {
    if (auto added = add(policy.deny_, entry); !added) return forward_error(added);
  }
  for (const std::string& entry : allow) {
    if (auto added = add(policy.allow_, entry); !added) return forward_error(added);
  }
  return policy;
}

const AddressPolicy::Block* AddressPolicy::find(const std::vector<Block>& blocks, const IpAddress& address) {
  const auto found = std::find_if(blocks.begin(), blocks.end(),
                                  [&](const Block& block) { return in_block(address, block.network, block.prefix); });
  return found == blocks.end() ? nullptr : &*found;
}

std::string AddressPolicy::objection(const Endpoint& to) const {
  const IpAddress& address = to.address;
  if (address.is_unspecified() || (!address.is_v6() && byte(address, 0) == 0)) return "no host has it";
  if (address == v4_from(255, 255, 255, 255)) return "it is the broadcast address";
  for (const Endpoint& never : never_) {
    if (never.port != to.port) continue;
    if (never.address == address || (never.address.is_unspecified() && is_own_address(address))) {
      return "the gateway's own management listener is there";
    }
  }
  const Block* denied = find(deny_, address);
  if (denied == nullptr || find(allow_, address) != nullptr) return {};
  return "egress.deny holds " + denied->entry;
}

Result<void> AddressPolicy::judge(const Endpoint& to) const {
  for (const IpAddress& face : faces(to.address)) {
    const std::string why = objection({face, to.port});
    if (why.empty()) continue;
    std::string message = "the gateway may not connect to " + to.to_string();
    if (face != to.address) message.append(" (which stands for ").append(face.to_string()).append(")");
    message.append(": ").append(why);
    return fail("fetch.address_denied", std::move(message));
  }
  return {};
}

}  // namespace portcullis::fetch
