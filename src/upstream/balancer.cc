#include "upstream/balancer.h"

namespace portcullis::upstream {

std::optional<Pick> Balancer::pick(const Membership& pool, std::uint16_t port, MonoTime now, const Endpoint* exclude) {
  const auto [found, is_new] = pools_.try_emplace(pool.id());
  PoolState& state = found->second;
  if (is_new) state.next = worker_;
  if (state.endpoints == nullptr || state.endpoints->version != pool.version()) state.endpoints = pool.current();
  const auto& targets = state.endpoints->targets;
  std::optional<Pick> last_resort;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::size_t at = (state.next + i) % targets.size();
    const Pick pick{{targets[at].address, port}, targets[at].member};
    if (exclude != nullptr && pick.endpoint == *exclude) continue;
    if (!passed_over(pick.endpoint, now)) {
      state.next = at + 1;
      return pick;
    }
    if (!last_resort) {
      last_resort = pick;
    }
  }
  // Passing over must not empty a pool. Go on round robin, so that all of them are tried again.
  if (last_resort) ++state.next;
  return last_resort;
}

void Balancer::connect_failed(const Endpoint& endpoint, MonoTime now) {
  // Members come and go with DNS: what has passed is dropped before it can pile up.
  if (failed_until_.size() >= 1024)
    std::erase_if(failed_until_, [now](const auto& entry) { return entry.second <= now; });
  failed_until_[endpoint] = now + pass_over_;
}

bool Balancer::passed_over(const Endpoint& endpoint, MonoTime now) {
  if (failed_until_.empty()) return false;
  const auto found = failed_until_.find(endpoint);
  if (found == failed_until_.end()) return false;
  if (now < found->second) return true;
  failed_until_.erase(found);
  return false;
}

void Balancer::clear() {
  pools_.clear();
  failed_until_.clear();
}

}  // namespace portcullis::upstream
