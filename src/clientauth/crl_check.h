// What the revocation lists of a policy say about a verified path: the part of a verdict that waits for nobody.
#pragma once

#include <memory>
#include <vector>

#include "clientauth/peer_record.h"
#include "clientauth/policy.h"
#include "revocation/crl_index.h"

namespace portcullis::clientauth {

// One answer a certificate that is asked about, in the order of the path: the leaf, then the CAs below the root where
// the policy says so. `path` holds.
using CrlAnswers = std::vector<revocation::CrlAnswer>;
CrlAnswers ask_lists(const CrlPolicy& policy, const x509::PathVerdict& path, WallTime now);
bool any_revoked(const CrlAnswers& answers);

// The same, remembered for a second while the lists are the same: what the requests of one connection ask.
// Worker-local.
class CrlCheck {
 public:
  const CrlAnswers& ask(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now);

 private:
  std::shared_ptr<const PeerRecord> peer_;
  std::shared_ptr<const CrlSlot> slot_;
  std::uint64_t generation_ = 0;
  WallTime at_{};
  CrlAnswers answers_;
};

}  // namespace portcullis::clientauth
