#include "x509/sha256.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/check.h"

namespace portcullis::x509 {

Digest sha256(std::string_view bytes) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.bytes.data());
  return digest;
}

Sha256Builder::Sha256Builder() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK(EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
}

Sha256Builder::~Sha256Builder() { EVP_MD_CTX_free(context_); }

void Sha256Builder::add_raw(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
}

Sha256Builder& Sha256Builder::add_field(std::string_view bytes) {
  add_u64(bytes.size());
  add_raw(bytes);
  return *this;
}

Sha256Builder& Sha256Builder::add_u64(std::uint64_t number) {
  char bytes[8];
  for (int i = 7; i >= 0; --i, number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  add_raw({bytes, sizeof bytes});
  return *this;
}

Digest Sha256Builder::finish() {
  Digest digest;
  CHECK(EVP_DigestFinal_ex(context_, digest.bytes.data(), nullptr) == 1);
  return digest;
}

}  // namespace portcullis::x509
