// Any bytes as a ticket's state and as a file of ticket keys: refused, or read and written back the same.
#include <cstdlib>

#include "tls/ticket_keys.h"
#include "tls/ticket_state.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis::tls;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto state = read_ticket_state(bytes); state && write_ticket_state(*state) != bytes) std::abort();
  if (const auto keys = TicketKeys::parse(bytes); keys && (*keys)->sealing({}) == nullptr) std::abort();
  return 0;
}
