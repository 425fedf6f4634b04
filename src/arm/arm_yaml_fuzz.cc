// Any bytes as a gateway document in YAML, and as a host file.
#include <cstdint>

#include "arm/fuzz_document.h"
#include "arm/host_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace portcullis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  arm::fuzz_document(text, arm::Format::kYaml);
  const arm::HostReading host = arm::read_host_config(text, "/");
  CHECK(host.config.has_value() != host.findings.has_errors());
  return 0;
}
