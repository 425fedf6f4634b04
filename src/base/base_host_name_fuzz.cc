// Any bytes as the name of a host: refused, or a canonical form that is its own canonical form, whatever the case, the
// trailing dot and the port it was written with (invariant I13).
#include <cstdlib>
#include <string>

#include "base/host_name.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto with_port = parse_host_port(text);
  if (with_port && canonical_host(with_port->host) != with_port->host) std::abort();
  const auto host = canonical_host(text);
  if (!host) return 0;
  if (host->empty() || canonical_host(*host) != host) std::abort();
  for (const char c : *host) {
    if (c <= ' ' || c >= 0x7f || (c >= 'A' && c <= 'Z')) std::abort();
  }
  std::string upper = *host;
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (canonical_host(upper) != host) std::abort();
  const auto again = parse_host_port(upper + ":443");
  if (!again || again->host != *host || again->port != 443) std::abort();
  return 0;
}
