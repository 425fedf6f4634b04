#include "crypto/internal/record_key.h"

#if defined(__x86_64__)

#include <algorithm>
#include <atomic>
#include <memory>

#include <openssl/crypto.h>

namespace portcullis::crypto::internal {

namespace {

struct Library {
  IMB_MGR* all = alloc_mb_mgr(0);  // for as long as the process lives
  bool usable = false;
  AesGcm aes128, aes256;

  Library() {
    if (all == nullptr) return;
    init_mb_mgr_auto(all, nullptr);
    constexpr std::uint64_t kNeeded =
        IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2 | IMB_FEATURE_SELF_TEST_PASS;
    usable = imb_get_errno(all) == 0 && (all->features & kNeeded) == kNeeded;
    aes128 = {IMB_KEY_128_BYTES,      all->gcm128_pre,          all->gcm128_init,        all->gcm128_enc_update,
              all->gcm128_dec_update, all->gcm128_enc_finalize, all->gcm128_dec_finalize};
    aes256 = {IMB_KEY_256_BYTES,      all->gcm256_pre,          all->gcm256_init,        all->gcm256_enc_update,
              all->gcm256_dec_update, all->gcm256_enc_finalize, all->gcm256_dec_finalize};
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

std::atomic<std::uint64_t> keys_set{0};

}  // namespace

// Of one thread.
class ExpandedKeys {
 public:
  ExpandedKeys() = default;
  ExpandedKeys(const ExpandedKeys&) = delete;
  ExpandedKeys& operator=(const ExpandedKeys&) = delete;
  ~ExpandedKeys() { OPENSSL_cleanse(slots_.data(), sizeof slots_); }

  const gcm_key_data* of(const RecordKey& key) {
    Slot& slot = slot_of(key);
    if (slot.serial != key.serial_) {
      key.aes_->expand(key.bytes_.data(), &slot.key);
      slot.serial = key.serial_;
    }
    return &slot.key;
  }
  void forget(const RecordKey& key) {
    Slot& slot = slot_of(key);
    if (slot.serial == key.serial_) OPENSSL_cleanse(&slot, sizeof slot);
  }

 private:
  struct Slot {
    gcm_key_data key;
    std::uint64_t serial = 0;  // of the key; 0: empty
  };
  Slot& slot_of(const RecordKey& key) { return slots_[key.serial_ % slots_.size()]; }

  std::array<Slot, 128> slots_;
};

namespace {

thread_local bool thread_ends = false;

// Null where the thread ends and its own are gone: what is freed as late as that has nothing there any more.
ExpandedKeys* expanded_keys() {
  struct Owner {
    std::unique_ptr<ExpandedKeys> keys = std::make_unique<ExpandedKeys>();
    ~Owner() { thread_ends = true; }
  };
  if (thread_ends) return nullptr;
  thread_local const Owner owner;
  return owner.keys.get();
}

}  // namespace

const AesGcm* aes128_gcm() { return library().usable ? &library().aes128 : nullptr; }
const AesGcm* aes256_gcm() { return library().usable ? &library().aes256 : nullptr; }

RecordKey::~RecordKey() {
  forget_expanded();
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

void RecordKey::set(const unsigned char* bytes) {
  forget_expanded();
  std::copy_n(bytes, aes_->key_size, bytes_.begin());
  serial_ = ++keys_set;
}

void RecordKey::forget_expanded() const {
  ExpandedKeys* const keys = serial_ == 0 ? nullptr : expanded_keys();
  if (keys != nullptr) keys->forget(*this);
}

const gcm_key_data* RecordKey::expanded() const {
  ExpandedKeys* const keys = serial_ == 0 ? nullptr : expanded_keys();
  return keys == nullptr ? nullptr : keys->of(*this);
}

}  // namespace portcullis::crypto::internal

#endif  // __x86_64__
