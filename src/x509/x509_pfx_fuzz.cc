// Any bytes as a server certificate file, PFX or PEM: refused or read, never a crash, never a long key derivation.
#include "x509/key_pair.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto pair = portcullis::x509::load_key_pair(bytes, "secret");
  if (pair) (void)pair->public_cert_data();
  return 0;
}
