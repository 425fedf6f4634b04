// Any bytes as a revocation list, and as a file of them: refused or read, never a crash. What is read can be asked.
#include <cstdlib>

#include "revocation/crl.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace portcullis;
  using namespace portcullis::revocation;
  constexpr CrlLimits kLimits{.bytes = 1U << 20U, .entries = 64};
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = read_crl_file(bytes, kLimits);
  const auto parsed = parse_crl(bytes, kLimits);
  if (file) {
    for (const std::string& list : *file) (void)parse_crl(list, kLimits);
  }
  if (!parsed) return 0;
  const Crl& crl = *parsed->crl;
  if (crl.next_update <= crl.this_update || crl.entries.size() > kLimits.entries) std::abort();
  if (parsed->signed_part.data() < bytes.data()) std::abort();
  if (parsed->signature.data() + parsed->signature.size() != bytes.data() + bytes.size()) std::abort();
  if (crl.base && crl.number < *crl.base) std::abort();
  (void)crl.entries.find(std::string_view(bytes).substr(0, SerialTable::kMaxSerial));
  return 0;
}
