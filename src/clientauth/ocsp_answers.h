// OcspAnswers: what OCSP responders said, for all workers, each answer until its nextUpdate. Bounded: the least
// recently used gives way, revoked ones last. Sharded, locked for a look-up only. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "clientauth/ocsp_query.h"
#include "revocation/status.h"

namespace portcullis::clientauth {

// The outcome of one question. Immutable but for its marks; shared between threads.
struct OcspAnswer {
  std::shared_ptr<const OcspQuery> query;
  revocation::RevocationStatus status;
  WallTime fetched_at{};
  std::chrono::milliseconds latency{0};  // of the fetch
  // Until then it is anyone's answer; `fetched_at` itself where nobody else may have it (no nextUpdate).
  WallTime usable_until{};
  // Until then it goes on counting for a connection that has it already; never before usable_until.
  WallTime holds_until{};
  // Held by every answer to this question that anything still holds: who is interested in the next one.
  std::shared_ptr<const int> interest;

  mutable std::atomic<bool> superseded{false};  // a newer one has taken its place
  mutable std::atomic<bool> used{false};

  bool usable_at(WallTime now) const;
  bool holds_at(WallTime now) const;
};

class OcspAnswers {
 public:
  explicit OcspAnswers(std::size_t capacity = 65'536);

  // Null where no answer is known that anyone may use at `now`.
  std::shared_ptr<const OcspAnswer> find(const Digest& key, WallTime now);
  // The last answer to this question, however old; null: none is remembered.
  std::shared_ptr<const OcspAnswer> last(const Digest& key);
  // Whether that one, however old, says that the certificate is revoked: only a newer good answer takes it back (I26).
  bool says_revoked(const Digest& key) const;
  // Takes the place of the one before, which is marked as superseded.
  void put(std::shared_ptr<const OcspAnswer> answer);
  std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;
  using Entries = std::list<std::shared_ptr<const OcspAnswer>>;  // most recently used first
  struct Shard {
    mutable std::mutex mutex;
    Entries entries;
    std::unordered_map<Digest, Entries::iterator, DigestHash> index;
  };
  Shard& shard_of(const Digest& key) { return shards_[key.bytes.back() % kShards]; }
  const Shard& shard_of(const Digest& key) const { return shards_[key.bytes.back() % kShards]; }
  static void make_room(Shard& shard);

  std::size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace portcullis::clientauth
