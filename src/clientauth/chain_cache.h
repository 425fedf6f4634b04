// ChainCache: client chains that were judged before, so that a known client costs neither path validation nor memory of
// its own: its connections share one record. A chain is known by every byte presented and by the trust it is judged
// under, so that nothing judged under one trust is found under another. Only what passed is kept, until the first
// certificate of its path expires; possession of the key is proved in every full handshake all the same. Bounded in
// entries and bytes: the least recently used gives way. Shared by workers; sharded, locked for a look-up only.
// Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "x509/certificate.h"

namespace portcullis::clientauth {

struct PeerRecord;

// Names `presented` (in the order presented) as judged by a verifier with these digests.
Digest chain_digest(const x509::CertificateList& presented, const Digest& trust, const Digest& judges_under);

class ChainCache {
 public:
  // `capacity`: records held at most; `bytes`: what they may weigh together (PeerRecord::weight).
  explicit ChainCache(std::size_t capacity = 16'384, std::size_t bytes = 64U << 20U);

  // Null where the chain is not known or what is known does not hold at `now` (such an entry is forgotten).
  std::shared_ptr<const PeerRecord> find(const Digest& chain, WallTime now);
  // A record that would not hold now is not kept.
  void put(const Digest& chain, std::shared_ptr<const PeerRecord> record, WallTime now);
  // Forgets what was judged under trust that is none of `trusts` (trust digests).
  void keep_only(const std::set<Digest>& trusts);
  std::size_t size() const;

  // A certificate above a presented leaf, with its key decoded: shared with the chains kept before, if it is in one.
  x509::Certificate issuer(const x509::Certificate& presented);

 private:
  static constexpr std::size_t kShards = 16;
  using Entries = std::list<std::pair<Digest, std::shared_ptr<const PeerRecord>>>;  // most recently used first
  struct Shard {
    mutable std::mutex mutex;
    Entries entries;
    std::unordered_map<Digest, Entries::iterator, DigestHash> index;
    std::size_t weight = 0;
  };
  static Entries::iterator erase(Shard& shard, Entries::iterator entry);
  Shard& shard_of(const Digest& chain) { return shards_[chain.bytes.back() % kShards]; }

  std::size_t per_shard_;
  std::size_t bytes_per_shard_;
  std::array<Shard, kShards> shards_;

  // Every certificate above the leaf of a chain that was put here. Few CAs issue for many clients; where there are too
  // many, it begins anew.
  static constexpr std::size_t kIssuers = 1024;
  static constexpr std::size_t kIssuerBytes = 4U << 20U;  // of encodings
  void share_issuers(const x509::CertificateList& presented);
  std::mutex issuers_mutex_;
  std::unordered_map<Digest, x509::Certificate, DigestHash> issuers_;
  std::size_t issuer_bytes_ = 0;
};

}  // namespace portcullis::clientauth
