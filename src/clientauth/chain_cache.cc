#include "clientauth/chain_cache.h"

#include <algorithm>
#include <iterator>

#include "clientauth/peer_record.h"
#include "x509/sha256.h"
#include "x509/with_key.h"

namespace portcullis::clientauth {

Digest chain_digest(const x509::CertificateList& presented, const Digest& trust, const Digest& judges_under) {
  x509::Sha256Builder digest;
  digest.add_field("portcullis chain 1").add_field(trust.view()).add_field(judges_under.view());
  for (const x509::Certificate& certificate : presented) digest.add_field(certificate.der());
  return digest.finish();
}

ChainCache::ChainCache(std::size_t capacity, std::size_t bytes)
    : per_shard_(std::max<std::size_t>(capacity / kShards, 1)), bytes_per_shard_(bytes / kShards) {}

ChainCache::Entries::iterator ChainCache::erase(Shard& shard, Entries::iterator entry) {
  shard.weight -= entry->second->weight();
  shard.index.erase(entry->first);
  return shard.entries.erase(entry);
}

std::shared_ptr<const PeerRecord> ChainCache::find(const Digest& chain, WallTime now) {
  Shard& shard = shard_of(chain);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(chain);
  if (found == shard.index.end()) return nullptr;
  if (!found->second->second->holds_at(now)) {
    erase(shard, found->second);
    return nullptr;
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->second;
}

void ChainCache::put(const Digest& chain, std::shared_ptr<const PeerRecord> record, WallTime now) {
  if (!record->holds_at(now)) return;
  share_issuers(record->presented);
  Shard& shard = shard_of(chain);
  const std::lock_guard lock(shard.mutex);
  if (const auto old = shard.index.find(chain); old != shard.index.end()) erase(shard, old->second);
  shard.weight += record->weight();
  shard.entries.emplace_front(chain, std::move(record));
  shard.index.emplace(chain, shard.entries.begin());
  while (shard.entries.size() > per_shard_ || (shard.weight > bytes_per_shard_ && shard.entries.size() > 1)) {
    erase(shard, std::prev(shard.entries.end()));
  }
}

void ChainCache::keep_only(const std::set<Digest>& trusts) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
      entry = trusts.contains(entry->second->trust) ? std::next(entry) : erase(shard, entry);
    }
  }
}

x509::Certificate ChainCache::issuer(const x509::Certificate& presented) {
  const Digest name = presented.sha256();
  {
    const std::lock_guard lock(issuers_mutex_);
    if (const auto found = issuers_.find(name); found != issuers_.end()) return found->second;
  }
  return x509::with_key(presented);
}

void ChainCache::share_issuers(const x509::CertificateList& presented) {
  for (std::size_t i = 1; i < presented.size(); ++i) {
    const Digest name = presented[i].sha256();
    const std::size_t size = presented[i].der_size();
    const std::lock_guard lock(issuers_mutex_);
    if (issuers_.contains(name)) continue;
    if (issuers_.size() >= kIssuers || issuer_bytes_ + size > kIssuerBytes) {
      issuers_.clear();
      issuer_bytes_ = 0;
    }
    issuers_.emplace(name, presented[i]);
    issuer_bytes_ += size;
  }
}

std::size_t ChainCache::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace portcullis::clientauth
