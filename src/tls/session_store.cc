#include "tls/session_store.h"

#include <algorithm>
#include <functional>
#include <iterator>

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

void SessionStore::erase(Shard& shard, Entries::iterator entry) {
  shard.weight -= entry->weight;
  shard.by_id.erase(entry->id);
  shard.entries.erase(entry);
}

void SessionStore::put(std::string_view id, StoredSession session) {
  Shard& shard = shard_of(id);
  const std::size_t weight = kSessionWeight + (session.peer == nullptr ? 0 : session.peer->weight());
  const std::lock_guard lock(shard.mutex);
  if (const auto old = shard.by_id.find(id); old != shard.by_id.end()) erase(shard, old->second);
  shard.entries.push_back({std::string(id), std::move(session), weight});
  shard.by_id.emplace(shard.entries.back().id, std::prev(shard.entries.end()));
  shard.weight += weight;
  while (shard.entries.size() > per_shard_ || (shard.weight > bytes_per_shard_ && shard.entries.size() > 1)) {
    erase(shard, shard.entries.begin());
  }
}

bool SessionStore::find(std::string_view id, const Digest& session_digest, bool forget, StoredSession& out) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_id.find(id);
  if (found == shard.by_id.end() || found->second->stored.session_digest != session_digest) return false;
  StoredSession& stored = found->second->stored;
  out.session_digest = stored.session_digest;
  out.original = stored.original;
  if (forget) {
    out.session = std::move(stored.session);
    out.peer = std::move(stored.peer);
    erase(shard, found->second);
  } else {
    out.session = stored.session.share();
    out.peer = stored.peer;
  }
  return true;
}

void SessionStore::remove(std::string_view id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_id.find(id); found != shard.by_id.end()) erase(shard, found->second);
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
