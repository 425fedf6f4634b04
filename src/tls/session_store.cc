#include "tls/session_store.h"

#include <algorithm>
#include <functional>

#include <openssl/ssl.h>

namespace portcullis::tls {

SessionRef::~SessionRef() { SSL_SESSION_free(native_); }

SessionRef SessionRef::share() const {
  if (native_ != nullptr) SSL_SESSION_up_ref(native_);
  return SessionRef(native_);
}

namespace {
// An SSL_SESSION with its leaf, and the entry around it.
constexpr std::size_t kSessionWeight = 4096;
}  // namespace

SessionStore::SessionStore(std::size_t capacity, std::size_t bytes)
    : per_shard_(std::max<std::size_t>(capacity / kShards, 1)), bytes_per_shard_(bytes / kShards) {}

void SessionStore::erase(Shard& shard, EntryMap::iterator entry) {
  shard.weight -= entry->second.weight;
  shard.entries.erase(entry);
}

void SessionStore::put(std::string_view id, StoredSession session) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const std::uint64_t sequence = shard.next_sequence++;
  const std::size_t weight = kSessionWeight + (session.peer == nullptr ? 0 : session.peer->weight());
  if (const auto old = shard.entries.find(std::string(id)); old != shard.entries.end()) erase(shard, old);
  shard.entries.emplace(id, Entry{std::move(session), sequence, weight});
  shard.weight += weight;
  shard.order.emplace_back(sequence, id);
  trim(shard);
}

void SessionStore::trim(Shard& shard) {
  const auto names = [&shard](const std::pair<std::uint64_t, std::string>& place) {
    const auto found = shard.entries.find(place.second);
    return found != shard.entries.end() && found->second.sequence == place.first;
  };
  while (shard.entries.size() > per_shard_ || (shard.weight > bytes_per_shard_ && shard.entries.size() > 1)) {
    if (names(shard.order.front())) erase(shard, shard.entries.find(shard.order.front().second));
    shard.order.pop_front();
  }
  // Removed and replaced entries leave their place in the order behind. Sweeping them only when they are as many as the
  // shard holds keeps this cheap, and never costs a live session its place.
  if (shard.order.size() > 2 * per_shard_) std::erase_if(shard.order, std::not_fn(names));
}

bool SessionStore::find(std::string_view id, const Digest& session_digest, bool forget, StoredSession& out) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(std::string(id));
  if (found == shard.entries.end() || found->second.stored.session_digest != session_digest) return false;
  StoredSession& stored = found->second.stored;
  out.session_digest = stored.session_digest;
  out.original = stored.original;
  if (forget) {
    out.session = std::move(stored.session);
    out.peer = std::move(stored.peer);
    erase(shard, found);
  } else {
    out.session = stored.session.share();
    out.peer = stored.peer;
  }
  return true;
}

void SessionStore::remove(std::string_view id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.entries.find(std::string(id)); found != shard.entries.end()) erase(shard, found);
}

std::size_t SessionStore::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace portcullis::tls
