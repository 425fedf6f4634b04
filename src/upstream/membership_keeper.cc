#include "upstream/membership_keeper.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "telemetry/log.h"

namespace portcullis::upstream {

struct MembershipKeeper::State : std::enable_shared_from_this<State> {
  // A name that some pool has, and the moment at which it is asked again.
  struct Name final : event::Timer {
    Name(State& in, std::string of) : state(in), name(std::move(of)) {}
    void on_timer() override { state.refresh(*this); }

    State& state;
    const std::string name;
    std::vector<std::weak_ptr<Membership>> users;
    std::vector<IpAddress> known;  // last known good
    unsigned failures = 0;         // since the last success
    bool in_flight = false;
    bool tried = false;  // answered or failed once
  };

  State(event::Loop& on, Lookup by, KeeperOptions with) : loop(on), lookup(std::move(by)), options(with) {}

  std::shared_ptr<Membership> adopt(const model::BackendAddressPool& pool);
  void refresh(Name& name);
  void on_answer(const std::string& key, Result<net::Resolved> answer);
  void publish(Name& name);
  std::chrono::milliseconds retry_after(unsigned failures) const;
  bool settled() const;

  event::Loop& loop;
  Lookup lookup;
  KeeperOptions options;
  std::map<std::string, std::weak_ptr<Membership>> pools;  // by content key
  std::map<std::string, std::unique_ptr<Name>> names;
  std::function<void()> when_settled;
};

std::shared_ptr<Membership> MembershipKeeper::State::adopt(const model::BackendAddressPool& pool) {
  std::erase_if(pools, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Membership>& slot = pools[Membership::content_key(pool)];
  auto membership = slot.lock();
  const bool is_new = membership == nullptr;
  if (is_new) {
    membership.reset(new Membership(Membership::members_of(pool, true)));
    slot = membership;
  }
  for (const Member& member : membership->members()) {
    if (!member.is_fqdn) continue;
    auto& name = names[member.name];
    if (name == nullptr) name = std::make_unique<Name>(*this, member.name);
    if (is_new) {
      name->users.push_back(membership);
      if (!name->known.empty()) membership->set_addresses(member.name, name->known);
    }
    refresh(*name);
  }
  return membership;
}

void MembershipKeeper::State::refresh(Name& name) {
  if (name.in_flight) return;
  std::erase_if(name.users, [](const auto& user) { return user.expired(); });
  if (name.users.empty()) {
    names.erase(names.find(name.name));
    return;
  }
  name.disarm();
  name.in_flight = true;
  lookup(name.name, [weak = weak_from_this(), &on = loop, key = name.name](Result<net::Resolved> answer) {
    if (!answer && answer.error().code == "resolver.cancelled") return;
    on.post([weak, key, answer = std::move(answer)] {
      if (const auto self = weak.lock()) self->on_answer(key, answer);
    });
  });
}

void MembershipKeeper::State::on_answer(const std::string& key, Result<net::Resolved> answer) {
  const auto found = names.find(key);
  if (found == names.end()) return;
  Name& name = *found->second;
  name.in_flight = false;
  name.tried = true;
  std::chrono::milliseconds again;
  if (answer) {
    if (name.failures > 0) telemetry::log_info("pool.name_resolved", {{"name", key}});
    name.failures = 0;
    name.known = std::move(answer->addresses);
    publish(name);
    again = std::clamp<std::chrono::milliseconds>(answer->ttl, options.min_refresh, options.max_refresh);
  } else {
    if (name.failures == 0) {
      telemetry::log_warn("pool.name_unresolved", answer.error(),
                          {{"name", key}, {"kept_addresses", name.known.size()}});
    }
    again = retry_after(name.failures++);
  }
  loop.timers().arm(name, loop.in(again));
  if (when_settled && settled()) std::exchange(when_settled, nullptr)();
}

void MembershipKeeper::State::publish(Name& name) {
  for (const auto& user : name.users) {
    if (const auto membership = user.lock()) membership->set_addresses(name.name, name.known);
  }
}

std::chrono::milliseconds MembershipKeeper::State::retry_after(unsigned failures) const {
  return std::min(options.first_retry * (1U << std::min(failures, 16U)), options.max_retry);
}

bool MembershipKeeper::State::settled() const {
  return std::all_of(names.begin(), names.end(), [](const auto& entry) { return entry.second->tried; });
}

MembershipKeeper::MembershipKeeper(event::Loop& loop, Lookup lookup, KeeperOptions options)
    : state_(std::make_shared<State>(loop, std::move(lookup), options)) {}

MembershipKeeper::MembershipKeeper(event::Loop& loop, net::Resolver& resolver, KeeperOptions options)
    : MembershipKeeper(
          loop,
          [&resolver](std::string name, net::Resolver::Callback callback) {
            resolver.resolve(std::move(name), std::move(callback));
          },
          options) {}

MembershipKeeper::~MembershipKeeper() = default;

std::shared_ptr<const Membership> MembershipKeeper::adopt(const model::BackendAddressPool& pool) {
  return state_->adopt(pool);
}

bool MembershipKeeper::settled() const { return state_->settled(); }

void MembershipKeeper::on_settled(std::function<void()> action) {
  if (settled()) return action();
  state_->when_settled = std::move(action);
}

}  // namespace portcullis::upstream
