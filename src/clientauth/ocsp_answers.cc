#include "clientauth/ocsp_answers.h"

#include <algorithm>
#include <iterator>

#include "revocation/ocsp_response.h"

namespace portcullis::clientauth {

namespace {
// Entries that are looked at for one that is not revoked when one must go.
constexpr int kSpared = 16;
}  // namespace

// Before the moment it was fetched at the clock was turned back, and nothing is known of its dates.
bool OcspAnswer::usable_at(WallTime now) const {
  return now < usable_until && now >= fetched_at - revocation::kClockSkew;
}
bool OcspAnswer::holds_at(WallTime now) const {
  return now < holds_until && now >= fetched_at - revocation::kClockSkew && !superseded.load(std::memory_order_relaxed);
}

OcspAnswers::OcspAnswers(std::size_t capacity) : per_shard_(std::max<std::size_t>(capacity / kShards, 1)) {}

std::shared_ptr<const OcspAnswer> OcspAnswers::find(const Digest& key, WallTime now) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end() || !(*found->second)->usable_at(now)) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return *found->second;
}

std::shared_ptr<const OcspAnswer> OcspAnswers::last(const Digest& key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  return found == shard.index.end() ? nullptr : *found->second;
}

bool OcspAnswers::says_revoked(const Digest& key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  return found != shard.index.end() && (*found->second)->status.outcome == revocation::Outcome::kRevoked;
}

void OcspAnswers::make_room(Shard& shard) {
  // Revoked ones go to the front again, so that they do not gather at the end until nothing else is within reach.
  for (int i = 0; i < kSpared && shard.entries.size() > 1; ++i) {
    const auto last = std::prev(shard.entries.end());
    if ((*last)->status.outcome != revocation::Outcome::kRevoked) break;
    shard.entries.splice(shard.entries.begin(), shard.entries, last);
  }
  const auto victim = std::prev(shard.entries.end());
  shard.index.erase((*victim)->query->key);
  shard.entries.erase(victim);
}

void OcspAnswers::put(std::shared_ptr<const OcspAnswer> answer) {
  const Digest& key = answer->query->key;
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto old = shard.index.find(key);
  if (old != shard.index.end()) {
    (*old->second)->superseded.store(true, std::memory_order_relaxed);
    *old->second = std::move(answer);
    shard.entries.splice(shard.entries.begin(), shard.entries, old->second);
    return;
  }
  if (shard.entries.size() >= per_shard_) make_room(shard);
  shard.entries.push_front(std::move(answer));
  shard.index.emplace(shard.entries.front()->query->key, shard.entries.begin());
}

std::size_t OcspAnswers::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace portcullis::clientauth
