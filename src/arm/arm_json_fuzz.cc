// Any bytes as a gateway document in JSON: a resource body, a template, or what `az … show` prints.
#include <cstdint>

#include "arm/fuzz_document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  portcullis::arm::fuzz_document({reinterpret_cast<const char*>(data), size}, portcullis::arm::Format::kJson);
  return 0;
}
