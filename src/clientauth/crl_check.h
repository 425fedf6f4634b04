// What the revocation lists of a policy say about a verified path, and what of them is being fetched.
#pragma once

#include <memory>
#include <vector>

#include "clientauth/crl_desk.h"
#include "clientauth/peer_record.h"
#include "clientauth/policy.h"
#include "revocation/crl_index.h"

namespace portcullis::clientauth {

// One answer a certificate that is asked about, in the order of the path: the leaf, then the CAs below the root where
// the policy says so. `path` holds.
using CrlAnswers = std::vector<revocation::CrlAnswer>;
CrlAnswers ask_lists(const CrlPolicy& policy, const x509::PathVerdict& path, WallTime now);
bool any_revoked(const CrlAnswers& answers);

// The same, remembered for a second while the lists are the same: what the requests of one connection ask. Where a list
// is wanting and the policy fetches, with what is known of the fetch. Worker-local.
class CrlCheck {
 public:
  // One a certificate, in the order of the answers; null where no list was wanting.
  using Fetches = std::vector<std::shared_ptr<CrlDesk::Check>>;

  // Without a desk nothing is fetched. It must outlive this.
  explicit CrlCheck(CrlDesk* desk = nullptr) : desk_(desk) {}

  const CrlAnswers& ask(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now);
  // Has those fetched that are wanting; the path was verified (I20).
  const CrlAnswers& fetch(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now);
  // Of the last fetch().
  const Fetches& fetches() const { return fetches_; }
  // As ask() has it, with what is known of other fetches than the last ones.
  CrlAnswers ask_with(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now,
                      const Fetches& fetches);
  // Whether the answer to the i-th certificate may become another one soon: a list is wanting, and nobody has said yet
  // that there is none to be had.
  bool is_open(const CrlPolicy& policy, std::size_t i) const;
  // The same for any of them.
  bool is_open(const CrlPolicy& policy) const;
  CrlDesk* desk() const { return desk_; }

 private:
  void look_up(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now);
  void add_failures(CrlAnswers& answers, const Fetches& fetches) const;

  CrlDesk* desk_;
  std::shared_ptr<const PeerRecord> peer_;
  std::shared_ptr<const CrlSlot> slot_;
  std::uint64_t generation_ = 0;
  WallTime at_{};
  CrlAnswers answers_;
  Fetches fetches_;
};

}  // namespace portcullis::clientauth
