#include "server/limits.h"

#include <algorithm>

namespace portcullis::server {
namespace {
// Rate entries beyond this are swept of those that have nothing to remember.
constexpr std::size_t kSweepAt = 65'536;
}  // namespace

void ConnectionLimits::configure(const model::Limits& limits) {
  most_ = limits.connections;
  most_per_client_ = limits.connections_per_ip;
  handshakes_per_second_ = limits.handshakes_per_ip_per_s;
}

ConnectionLimits::Answer ConnectionLimits::enter(const IpAddress& client) {
  if (connections_.fetch_add(1, std::memory_order_relaxed) >= most_.load(std::memory_order_relaxed)) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return Answer::kTooMany;
  }
  const std::lock_guard lock(mutex_);
  const std::uint32_t most = most_per_client_;
  PerClient& entry = clients_[client];
  if (most != 0 && entry.connections >= most) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return Answer::kTooManyOfClient;
  }
  ++entry.connections;
  return Answer::kAccept;
}

void ConnectionLimits::leave(const IpAddress& client) {
  connections_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  if (found->second.connections > 0) --found->second.connections;
  // Without a rate there is nothing to remember of a client that has left.
  if (found->second.connections == 0 && handshakes_per_second_ == 0) clients_.erase(found);
}

bool ConnectionLimits::may_handshake(const IpAddress& client, MonoTime now) {
  const std::uint32_t rate = handshakes_per_second_;
  if (rate == 0) return true;
  const std::lock_guard lock(mutex_);
  // At most once a second: what is younger stays, and many new addresses must not make each of them cost a sweep.
  if (clients_.size() > kSweepAt && now - swept_ > std::chrono::seconds(1)) forget_idle(now);
  PerClient& entry = clients_[client];
  const double seconds = std::chrono::duration<double>(now - entry.refilled).count();
  entry.tokens = entry.refilled == MonoTime{} ? rate : std::min<double>(rate, entry.tokens + seconds * rate);
  entry.refilled = now;
  if (entry.tokens < 1) return false;
  entry.tokens -= 1;
  return true;
}

void ConnectionLimits::forget_idle(MonoTime now) {
  swept_ = now;
  std::erase_if(clients_, [now](const auto& item) {
    return item.second.connections == 0 && now - item.second.refilled > std::chrono::seconds(1);
  });
}

}  // namespace portcullis::server
