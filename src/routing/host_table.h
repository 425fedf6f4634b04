// Which listener of one address (frontend IP and port) a host name selects: once for the ClientHello's SNI, and once a
// request for its Host. Built by snapshot/, immutable, shared by workers. A look-up hashes the name once, however many
// hosts there are, and cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace portcullis::routing {

// One listener of the address. All listeners of one address speak the same protocol.
struct HostEntry {
  std::vector<std::string> hosts;  // ARM hostName or hostNames, any spelling; empty: a basic listener, takes any host
  std::uint32_t priority = 0;      // of the listener's rule, 1–20000; the smallest wins
};

class HostTable {
 public:
  HostTable() = default;  // selects nothing

  // Results of the look-ups are indexes into `entries`. Equal priorities (validate/ refuses them) go to the first
  // entry. Error: routing.bad_host_name for a name that canonical_host refuses; wildcards are among these for now.
  static Result<HostTable> build(const std::vector<HostEntry>& entries);

  // azure-semantics §4.2 steps 3–5: of the listeners that match, exact names and basic ones alike, the one with the
  // smallest priority number. `canonical_host` has passed portcullis::canonical_host. nullopt: 404,
  // ERRORINFO_INVALID_HOST.
  std::optional<std::size_t> select(std::string_view canonical_host) const;

  // azure-semantics §4.3: the listener whose certificate and SSL profile the handshake uses. An exact name wins; else,
  // and without SNI, the basic listener; else the first listener by priority. A basic listener takes any host, so an
  // SNI that no name equals is its: otherwise every client of a basic listener that sends SNI would be misdirected
  // (421). `canonical_sni` has passed portcullis::canonical_host; pass nullopt for one that it refused. nullopt only
  // when the table is empty.
  std::optional<std::size_t> select_for_sni(std::optional<std::string_view> canonical_sni) const;

 private:
  struct Choice {
    std::size_t index;
    std::uint32_t priority;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  std::unordered_map<std::string, Choice, Hash, std::equal_to<>> exact_;  // the best listener of each name
  std::optional<Choice> basic_;                                           // the best basic listener
  std::optional<Choice> first_;                                           // the best of all
};

}  // namespace portcullis::routing
