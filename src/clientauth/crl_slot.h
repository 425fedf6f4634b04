// CrlSlot: the revocation lists of one SSL profile as they are now. The control thread puts a new index in when a file
// changes; workers look at it with every verdict. The index itself is immutable. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/digest.h"
#include "revocation/crl_index.h"

namespace portcullis::clientauth {

class CrlSlot {
 public:
  // `settings`: over where the lists come from, not over the lists: it belongs to the trust digest (I2).
  explicit CrlSlot(const Digest& settings) : settings_(settings) {}

  const Digest& settings() const { return settings_; }
  // Never null; empty at first, which clears nobody.
  std::shared_ptr<const revocation::CrlIndex> index() const {
    const std::lock_guard lock(mutex_);
    return index_;
  }
  // Another number after each set(): cheaper to ask than the index.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  void set(std::shared_ptr<const revocation::CrlIndex> index) {
    {
      const std::lock_guard lock(mutex_);
      index_.swap(index);
    }
    // What was there before is freed by whoever lets go of it last, and not under the lock.
    generation_.fetch_add(1, std::memory_order_release);
  }

 private:
  Digest settings_;
  mutable std::mutex mutex_;
  std::shared_ptr<const revocation::CrlIndex> index_ = std::make_shared<revocation::CrlIndex>();
  std::atomic<std::uint64_t> generation_ = 1;
};

}  // namespace portcullis::clientauth
