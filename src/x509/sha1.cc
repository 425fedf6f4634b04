#include "x509/sha1.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace portcullis::x509 {

std::string sha1(std::string_view bytes) {
  std::string digest(20, '\0');
  unsigned int size = 0;
  auto* const out = reinterpret_cast<unsigned char*>(digest.data());
  CHECK(EVP_Digest(bytes.data(), bytes.size(), out, &size, EVP_sha1(), nullptr) == 1 && size == digest.size());
  return digest;
}

}  // namespace portcullis::x509
