// MembershipKeeper: makes the Memberships of a configuration and keeps them true to DNS. Owned by the control side and
// used on the control loop's thread only. A name is resolved once however many pools have it, at its TTL; a failed
// query keeps the last known good addresses and is repeated with back-off. A pool that no snapshot holds any more is
// forgotten. The lookup's callbacks may arrive on any thread, also after the keeper is gone; they post to the loop, so
// the resolver must be destroyed before the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "event/loop.h"
#include "net/resolver.h"
#include "upstream/membership.h"

namespace portcullis::upstream {

struct KeeperOptions {
  std::chrono::milliseconds min_refresh{std::chrono::seconds(5)};  // TTLs are clamped to these
  std::chrono::milliseconds max_refresh{std::chrono::minutes(5)};
  std::chrono::milliseconds first_retry{1000};  // after a failed query; doubled for each further one
  std::chrono::milliseconds max_retry{std::chrono::seconds(30)};
};

class MembershipKeeper {
 public:
  using Lookup = std::function<void(std::string name, net::Resolver::Callback)>;

  MembershipKeeper(event::Loop& loop, Lookup lookup, KeeperOptions options = {});
  // `resolver` must outlive the keeper.
  MembershipKeeper(event::Loop& loop, net::Resolver& resolver, KeeperOptions options = {});
  ~MembershipKeeper();
  MembershipKeeper(const MembershipKeeper&) = delete;
  MembershipKeeper& operator=(const MembershipKeeper&) = delete;

  // The Membership for this pool's content: the living one if there is one, else a new one that already has what is
  // known of its names. Either way its names are asked anew at once (a configuration update clears Azure's DNS cache,
  // azure-semantics §7.7); what is known stays in force meanwhile. A member that is neither a name nor an address
  // (validate/ refuses those) has no endpoint.
  std::shared_ptr<const Membership> adopt(const model::BackendAddressPool& pool);

  // Every name adopted so far has been answered, or has failed, at least once.
  bool settled() const;
  // Calls `action` on the loop's thread, once, as soon as settled(): at once if it already is. One action at a time.
  void on_settled(std::function<void()> action);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace portcullis::upstream
