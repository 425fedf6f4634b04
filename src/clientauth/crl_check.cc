#include "clientauth/crl_check.h"

#include <algorithm>

namespace portcullis::clientauth {
namespace {

constexpr std::chrono::seconds kMemory{1};

}  // namespace

CrlAnswers ask_lists(const CrlPolicy& policy, const x509::PathVerdict& path, WallTime now) {
  const std::shared_ptr<const revocation::CrlIndex> index = policy.slot->index();
  CrlAnswers answers;
  for (const auto& [certificate, issuer] : x509::with_issuers(path.path, policy.intermediates)) {
    answers.push_back(index->find(*certificate, *issuer, now));
  }
  return answers;
}

bool any_revoked(const CrlAnswers& answers) {
  return std::any_of(answers.begin(), answers.end(), [](const revocation::CrlAnswer& answer) {
    return answer.status == revocation::CrlAnswer::Status::kRevoked;
  });
}

const CrlAnswers& CrlCheck::ask(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now) {
  // Read before the index: a list that comes in between is asked again next time.
  const std::uint64_t generation = policy.slot->generation();
  const bool same = peer_ == peer && slot_ == policy.slot && generation_ == generation;
  if (same && now >= at_ && now - at_ < kMemory) return answers_;
  answers_ = ask_lists(policy, peer->path, now);
  peer_ = peer;
  slot_ = policy.slot;
  generation_ = generation;
  at_ = now;
  return answers_;
}

}  // namespace portcullis::clientauth
