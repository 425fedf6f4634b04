// SHA-256 over bytes and over lists of fields. The builder writes each field with its length before it, so that two
// different lists of fields can never give one digest: trust and session digests (invariant I2) are made with it.
// Pure; any thread. A failure of libcrypto itself is a broken invariant and aborts.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/digest.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace portcullis::x509 {

Digest sha256(std::string_view bytes);

class Sha256Builder {
 public:
  Sha256Builder();
  ~Sha256Builder();
  Sha256Builder(const Sha256Builder&) = delete;
  Sha256Builder& operator=(const Sha256Builder&) = delete;

  // Eight bytes of length (big endian), then the bytes.
  Sha256Builder& add_field(std::string_view bytes);
  // Eight bytes, big endian.
  Sha256Builder& add_u64(std::uint64_t number);
  // Once, at the end.
  Digest finish();

 private:
  void add_raw(std::string_view bytes);
  EVP_MD_CTX* context_;
};

}  // namespace portcullis::x509
