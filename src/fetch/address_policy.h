// AddressPolicy: which addresses the gateway's own client may reach (host file: egress). It judges addresses, never
// names: each address that a name resolved to, and once more the one that is about to be connected to or used again.
// A value; const calls from any thread.
//
// An IPv6 address that carries an IPv4 address is judged by both: IPv4-mapped, IPv4-compatible, IPv4-translated
// (RFC 2765), NAT64 (RFC 6052 64:ff9b::/96, RFC 8215 64:ff9b:1::/48), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP
// (RFC 5214).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace portcullis::fetch {

class AddressPolicy {
 public:
  // The product's default: denies loopback, link-local and multicast.
  AddressPolicy();

  // Entries: `loopback` (127.0.0.0/8, ::1), `link_local` (169.254.0.0/16, fe80::/10), `multicast` (224.0.0.0/4,
  // ff00::/8), an address, or a CIDR block. `allow` holds exceptions to `deny`; what neither names may be reached.
  // Denied whatever the lists say: "this network" and unspecified (0.0.0.0/8, ::), broadcast (255.255.255.255), and
  // each endpoint of `never` (the admin and metrics listeners); one without an address (0.0.0.0, ::) means its port on
  // every address of this machine. Errors: fetch.bad_egress, naming the entry.
  static Result<AddressPolicy> create(const std::vector<std::string>& deny, const std::vector<std::string>& allow,
                                      std::vector<Endpoint> never = {});

  // Errors: fetch.address_denied, with the address and the entry that denies it.
  Result<void> judge(const Endpoint& to) const;

 private:
  struct Block {
    IpAddress network;
    unsigned prefix = 0;  // bits
    std::string entry;    // as configured
  };
  static Result<void> add(std::vector<Block>& blocks, const std::string& entry);
  static const Block* find(const std::vector<Block>& blocks, const IpAddress& address);
  // Empty: allowed; else why not.
  std::string objection(const Endpoint& to) const;

  std::vector<Block> deny_;
  std::vector<Block> allow_;
  std::vector<Endpoint> never_;
};

}  // namespace portcullis::fetch
