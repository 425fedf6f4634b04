// Any bytes as the file of a saved revocation list: none of ours, or with a head that is written back the same.
#include <cstdlib>

#include "store/saved_list.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis::store;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto head = read_head(bytes); head && to_text(*head) != bytes.substr(0, head->size)) std::abort();
  return 0;
}
