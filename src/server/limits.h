// The limits of the host file on connections, over all workers. Thread-safe: an atomic for the total, and a table by
// address that exists only while a per-address limit is set.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/ip_address.h"
#include "model/host_config.h"

namespace portcullis::server {

class ConnectionLimits {
 public:
  enum class Answer : std::uint8_t { kAccept, kTooMany, kTooManyOfClient, kTooFast };

  // Any thread; takes effect for connections that come after.
  void configure(const model::Limits& limits);

  // Counts the connection in when the answer is kAccept; the caller then owes a leave().
  Answer enter(const IpAddress& client);
  void leave(const IpAddress& client);
  // Whether one more handshake of this client fits into limits.handshakes_per_ip_per_s.
  bool may_handshake(const IpAddress& client, MonoTime now);

  std::uint64_t connections() const { return connections_.load(std::memory_order_relaxed); }

 private:
  struct PerClient {
    std::uint32_t connections = 0;
    double tokens = 0;
    MonoTime refilled{};
  };
  struct Hash {
    std::size_t operator()(const IpAddress& address) const { return std::hash<std::string_view>{}(address.bytes()); }
  };
  void forget_idle(MonoTime now);

  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint32_t> most_{100'000};
  std::atomic<std::uint32_t> most_per_client_{0};
  std::atomic<std::uint32_t> handshakes_per_second_{0};
  std::mutex mutex_;
  std::unordered_map<IpAddress, PerClient, Hash> clients_;  // guarded by mutex_
  MonoTime swept_{};                                        // guarded by mutex_
};

}  // namespace portcullis::server
