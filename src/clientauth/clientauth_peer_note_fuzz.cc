// Any bytes as what a ticket says of a client: refused, or read and written back the same.
#include <cstdlib>

#include "clientauth/peer_note.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis::clientauth;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto note = read_peer_note(bytes); note && write_peer_note(*note) != bytes) std::abort();
  return 0;
}
