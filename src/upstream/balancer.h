// Balancer: which address of a pool serves the next request. Round robin over the pool's current addresses; an address
// that refused a connection is passed over for a few seconds while another can serve. Worker-local: one a worker, for
// every pool. Cannot fail; a pool without addresses gives nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/ip_address.h"
#include "upstream/membership.h"

namespace portcullis::upstream {

struct Pick {
  Endpoint endpoint;
  const Member* member;  // valid as long as the Membership: the request's snapshot pins it
};

class Balancer {
 public:
  static constexpr std::chrono::milliseconds kPassOver{5000};

  // `worker`: the worker's index, so that workers do not begin with the same address.
  explicit Balancer(std::size_t worker = 0, std::chrono::milliseconds pass_over = kPassOver)
      : worker_(worker), pass_over_(pass_over) {}

  // The next address of the pool, with the port of the backend settings. nullopt: the pool has none now, or (for a
  // second try) none but `exclude`, the endpoint that just failed. `now`: the loop's.
  std::optional<Pick> pick(const Membership& pool, std::uint16_t port, MonoTime now, const Endpoint* exclude = nullptr);

  // A connection to `endpoint` could not be made: pass it over for a while.
  void connect_failed(const Endpoint& endpoint, MonoTime now);
  // A connection was made: it is as good as any other again.
  void connect_succeeded(const Endpoint& endpoint) {
    if (!failed_until_.empty()) failed_until_.erase(endpoint);
  }

  // Forgets every pool and failure: for a new snapshot.
  void clear();

 private:
  struct PoolState {
    std::shared_ptr<const Endpoints> endpoints;
    std::size_t next = 0;
  };
  bool passed_over(const Endpoint& endpoint, MonoTime now);

  std::size_t worker_;
  std::chrono::milliseconds pass_over_;
  std::unordered_map<std::uint64_t, PoolState> pools_;  // by Membership::id
  std::unordered_map<Endpoint, MonoTime, EndpointHash> failed_until_;
};

}  // namespace portcullis::upstream
