// Membership: which addresses a backend pool has now. IP members are fixed; FQDN members follow DNS (azure-semantics
// §7.7): re-resolved at their TTL, last known good on failure. One object per distinct content, made by the
// MembershipKeeper on the control thread, shared by every worker, alive across snapshots that do not change it.
// A worker pays one atomic load per request while nothing changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "model/gateway.h"

namespace portcullis::upstream {

// One entry of the pool as the document names it. Lives as long as its Membership.
struct Member {
  std::string name;  // canonical FQDN, or the address as text: log `serverRouted`, pickHostNameFromBackendAddress
  bool is_fqdn = false;
};

// One address to which requests can go. The port is the backend settings', so it is not here.
struct Target {
  IpAddress address;
  const Member* member;  // into Membership::members()
};

// An immutable state of a pool.
struct Endpoints {
  std::uint64_t version = 0;
  std::vector<Target> targets;  // in the document's order; empty while no member is resolved
};

class Membership {
 public:
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Process-wide unique; never reused.
  std::uint64_t id() const { return id_; }
  // Changes whenever current() would answer something else. Any thread.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Takes a lock: call it only when version() has moved. Any thread; never null.
  std::shared_ptr<const Endpoints> current() const;
  const std::vector<Member>& members() const { return members_; }

  // What decides whether two pools share one Membership: their members, canonical, in order.
  static std::string content_key(const model::BackendAddressPool& pool);

 private:
  friend class MembershipKeeper;
  explicit Membership(std::vector<Member> members);
  // `report`: log what is neither a name nor an address.
  static std::vector<Member> members_of(const model::BackendAddressPool& pool, bool report);

  // Control thread. `addresses` is what `name` means now.
  void set_addresses(const std::string& name, std::vector<IpAddress> addresses);
  void publish();

  const std::uint64_t id_;
  const std::vector<Member> members_;
  std::map<std::string, std::vector<IpAddress>> resolved_;  // control thread only; by FQDN
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const Endpoints> current_;  // guarded by mutex_
};

}  // namespace portcullis::upstream
