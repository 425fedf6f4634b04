#include "upstream/membership.h"

#include <algorithm>
#include <optional>

#include "base/host_name.h"
#include "telemetry/log.h"

namespace portcullis::upstream {

namespace {

std::atomic<std::uint64_t> next_id{1};

std::optional<Member> member_of(const model::BackendAddress& given) {
  const std::string& text = given.ip_address.empty() ? given.fqdn : given.ip_address;
  if (const auto address = IpAddress::parse(text)) return Member{address->to_string(), false};
  if (!given.ip_address.empty()) return std::nullopt;
  auto name = canonical_host(text);
  if (!name || name->front() == '[') return std::nullopt;
  return Member{std::move(*name), true};
}

// A backend that has both kinds of address is one server, not two, and without IPv6 connectivity every other request
// would first fail: IPv6 only where there is nothing else.
std::vector<IpAddress> preferred(std::vector<IpAddress> addresses) {
  const bool any_v4 = std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return !a.is_v6(); });
  if (any_v4) std::erase_if(addresses, [](const auto& address) { return address.is_v6(); });
  return addresses;
}

}  // namespace

Membership::Membership(std::vector<Member> members)
    : id_(next_id.fetch_add(1, std::memory_order_relaxed)), members_(std::move(members)) {
  publish();
}

std::vector<Member> Membership::members_of(const model::BackendAddressPool& pool, bool report) {
  std::vector<Member> members;
  for (const auto& given : pool.backend_addresses) {
    auto member = member_of(given);
    if (!member) {
      if (report) telemetry::log_warn("pool.member_ignored", {{"pool", pool.name}, {"pointer", given.pointer}});
      continue;
    }
    const auto same = [&member](const Member& other) { return other.name == member->name; };
    if (std::none_of(members.begin(), members.end(), same)) members.push_back(std::move(*member));
  }
  return members;
}

std::string Membership::content_key(const model::BackendAddressPool& pool) {
  std::string key;
  for (const Member& member : members_of(pool, false)) key.append(member.name).push_back('\n');
  return key;
}

std::shared_ptr<const Endpoints> Membership::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void Membership::set_addresses(const std::string& name, std::vector<IpAddress> addresses) {
  addresses = preferred(std::move(addresses));
  std::vector<IpAddress>& known = resolved_[name];
  if (known == addresses) return;
  known = std::move(addresses);
  publish();
}

void Membership::publish() {
  auto endpoints = std::make_shared<Endpoints>();
  for (const Member& member : members_) {
    if (!member.is_fqdn) {
      endpoints->targets.push_back({*IpAddress::parse(member.name), &member});
      continue;
    }
    const auto found = resolved_.find(member.name);
    if (found == resolved_.end()) continue;
    for (const IpAddress& address : found->second) endpoints->targets.push_back({address, &member});
  }
  const std::uint64_t version = version_.load(std::memory_order_relaxed) + 1;
  endpoints->version = version;
  const std::lock_guard lock(mutex_);
  current_ = std::move(endpoints);
  version_.store(version, std::memory_order_release);
}

}  // namespace portcullis::upstream
