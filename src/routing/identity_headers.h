// Identity headers: the request headers by which backends learn who the client is. A client that could send one itself
// would be whoever it likes, so every one of them is stripped from every inbound request, head and trailers, on every
// listener and in every mode (mtls-invariants I18), in every spelling that some backend would read as the same name
// (I19). Built once for a process from all its gateways, then immutable and shared by workers; stripping cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "http/fields.h"
#include "model/gateway.h"

namespace portcullis::routing {

// Hash and equality of names after folding: case is ignored, and every byte that is not a letter or digit ('-', '_',
// '.', and any other, as CGI gateways do) equals '-'.
struct FoldedNameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const;  // 32 bits of FNV-1a
};
struct FoldedNameEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

class IdentityHeaders {
 public:
  // Holds RFC 9440's Client-Cert and Client-Cert-Chain from the start.
  IdentityHeaders();

  // Host and the names that frame a message (Content-Length, Transfer-Encoding, Connection …), in any spelling, are
  // ignored: no rewrite may fill them from a certificate, and stripping them would break every request.
  void add(std::string_view name);
  // One pass: adds every request header that a rewrite set of `gateway` fills from a client_certificate* variable, or
  // from a variable that repeats a header which is an identity header by now (http_req_…, or cookie_… where Cookie is
  // one). Returns true when a name was new; collect_identity_headers() repeats it until none is. A value that does not
  // compile adds nothing: its document is refused anyway.
  bool add_from(const model::Gateway& gateway);

  bool contains(std::string_view name) const;
  // Removes every identity header; returns how many. For request heads and request trailers alike.
  std::size_t strip(http::Fields& fields) const;
  std::size_t size() const { return names_.size(); }

 private:
  std::unordered_set<std::string, FoldedNameHash, FoldedNameEqual> names_;
  // Ordinary headers are told apart by two bits: lengths and last letters that no identity header has.
  std::uint64_t lengths_ = 0;
  std::uint64_t last_letters_ = 0;
};

// The identity headers of a process that serves these gateways, whichever copies another's (product.md).
IdentityHeaders collect_identity_headers(std::span<const model::Gateway* const> gateways);

// Removes every request header whose name has a byte other than a letter, a digit or '-': Azure drops these before the
// backend (azure-semantics §7.4, "Header-name charset"). For heads and trailers; returns how many went.
std::size_t drop_invalid_request_names(http::Fields& fields);

}  // namespace portcullis::routing
