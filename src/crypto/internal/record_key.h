// Keys of AES-GCM for libIPSec_MB (crypto/internal/record_cipher), on x86-64.
//
// The library works with keys that are expanded to 1 KB, in 0.1 µs. A connection at rest keeps only what they are made
// from; the expanded ones are kept for what a thread has sealed and opened last.
#pragma once

#if defined(__x86_64__)

#include <array>
#include <cstddef>
#include <cstdint>

// The header wants to be told that its structures shall be aligned as its code needs them.
#define LINUX
#include <intel-ipsec-mb.h>
#undef LINUX

namespace portcullis::crypto::internal {

// The library's functions for one size of key.
struct AesGcm {
  std::size_t key_size = 0;  // bytes
  aes_gcm_pre_t expand = nullptr;
  aes_gcm_init_t begin = nullptr;
  aes_gcm_enc_dec_update_t encrypt = nullptr, decrypt = nullptr;
  aes_gcm_enc_dec_finalize_t end_encrypt = nullptr, end_decrypt = nullptr;
};

// Static; null where the CPU has no AES-NI, PCLMULQDQ and AVX2, or the library has not passed its own self-test.
const AesGcm* aes128_gcm();
const AesGcm* aes256_gcm();

// Belongs to one thread at a time; wiped when it goes. A copy is the same key.
class RecordKey {
 public:
  explicit RecordKey(const AesGcm& aes) : aes_(&aes) {}
  RecordKey(const RecordKey&) = default;
  RecordKey& operator=(const RecordKey&) = delete;
  ~RecordKey();

  const AesGcm& aes() const { return *aes_; }
  void set(const unsigned char* bytes);  // aes().key_size of them
  // Valid until this thread asks for another key's. Null: none has been set, or the thread is about to end.
  const gcm_key_data* expanded() const;

 private:
  friend class ExpandedKeys;

  void forget_expanded() const;

  const AesGcm* aes_;
  std::uint64_t serial_ = 0;  // no two keys have the same; 0: none
  std::array<unsigned char, IMB_KEY_256_BYTES> bytes_;
};

}  // namespace portcullis::crypto::internal

#endif  // __x86_64__
