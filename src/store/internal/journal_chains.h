// The presented chains of the journal: each once, and each certificate of them once, for as long as an entry names
// them. Works within its caller's transaction; the store's thread only.
#pragma once

#include <memory>
#include <unordered_map>

#include "store/internal/sqlite.h"
#include "store/journal_file.h"

namespace portcullis::store::internal {

class JournalChains {
 public:
  explicit JournalChains(Database& database) : database_(database) {}

  Result<void> prepare(DescribePeer describe);
  // The row of a note's chain; 0: it has none.
  Result<std::int64_t> find_or_store(const JournalNote& note);
  // Drops the chain unless an entry names it, and those of its certificates that are in no other.
  Result<void> forget_unused(std::int64_t chain);
  // After a transaction was rolled back: rows that are remembered may not be there.
  void forget_known() { known_.clear(); }

 private:
  struct Known {
    std::weak_ptr<const void> peer;  // expired: the address is somebody else's now
    std::int64_t chain = 0;
  };
  Result<std::int64_t> store(const JournalPeer& peer);
  Result<std::int64_t> store(const JournalCertificate& certificate);

  Database& database_;
  DescribePeer describe_;
  std::unordered_map<const void*, Known> known_;
  Statement find_chain_, insert_chain_, link_certificate_, find_certificate_, insert_certificate_;
  Statement chain_in_use_, certificates_of_, unlink_certificates_, drop_chain_, drop_certificate_;
};

}  // namespace portcullis::store::internal
