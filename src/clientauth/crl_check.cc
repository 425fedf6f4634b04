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
    const auto& origin = answers.back().origin;
    if (origin == nullptr || origin->from->used.load(std::memory_order_relaxed)) continue;
    origin->from->used.store(true, std::memory_order_relaxed);
  }
  return answers;
}

bool any_revoked(const CrlAnswers& answers) {
  return std::any_of(answers.begin(), answers.end(), [](const revocation::CrlAnswer& answer) {
    return answer.status == revocation::CrlAnswer::Status::kRevoked;
  });
}

void CrlCheck::look_up(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now) {
  // Read before the index: a list that comes in between is asked again next time.
  const std::uint64_t generation = policy.slot->generation();
  const bool same_client = peer_ == peer && slot_ == policy.slot;
  if (!same_client) fetches_.clear();
  if (same_client && generation_ == generation && now >= at_ && now - at_ < kMemory) return;
  answers_ = ask_lists(policy, peer->path, now);
  peer_ = peer;
  slot_ = policy.slot;
  generation_ = generation;
  at_ = now;
}

void CrlCheck::add_failures(CrlAnswers& answers, const Fetches& fetches) const {
  for (std::size_t i = 0; i < fetches.size() && i < answers.size(); ++i) {
    answers[i].failure = nullptr;
    if (fetches[i] == nullptr || !revocation::wants_list(answers[i])) continue;
    auto failure = desk_->failure(*fetches[i]);
    // A list that is too old does cover it.
    const bool says_more =
        failure != nullptr && (failure->reason != "crl.not_covered" || answers[i].reason == "crl.missing");
    if (says_more) answers[i].failure = std::move(failure);
  }
}

const CrlAnswers& CrlCheck::ask(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now) {
  look_up(policy, peer, now);
  add_failures(answers_, fetches_);
  return answers_;
}

CrlAnswers CrlCheck::ask_with(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer, WallTime now,
                              const Fetches& fetches) {
  look_up(policy, peer, now);
  CrlAnswers answers = answers_;
  add_failures(answers, fetches);
  return answers;
}

const CrlAnswers& CrlCheck::fetch(const CrlPolicy& policy, const std::shared_ptr<const PeerRecord>& peer,
                                  WallTime now) {
  look_up(policy, peer, now);
  if (!policy.fetch || desk_ == nullptr || std::none_of(answers_.begin(), answers_.end(), revocation::wants_list)) {
    fetches_.clear();
  } else {
    const auto path = x509::with_issuers(peer->path.path, policy.intermediates);
    fetches_.resize(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (!revocation::wants_list(answers_[i])) {
        fetches_[i] = nullptr;
      } else if (fetches_[i] == nullptr || !desk_->holds(*fetches_[i])) {
        fetches_[i] = desk_->ask(policy, *path[i].first, *path[i].second);
      }
    }
  }
  add_failures(answers_, fetches_);
  return answers_;
}

bool CrlCheck::is_open(const CrlPolicy& policy, std::size_t i) const {
  if (!policy.fetch || desk_ == nullptr || !revocation::wants_list(answers_[i])) return false;
  return i >= fetches_.size() || fetches_[i] == nullptr || !fetches_[i]->has_ended();
}

bool CrlCheck::is_open(const CrlPolicy& policy) const {
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    if (is_open(policy, i)) return true;
  }
  return false;
}

}  // namespace portcullis::clientauth
