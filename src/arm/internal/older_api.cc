#include "arm/internal/older_api.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/strings.h"

namespace portcullis::arm {
namespace {

// The first version that demands priorities. Versions are dates: they compare as text.
constexpr std::string_view kPriorities = "2021-08-01";
// Azure numbers from here when it has to, leaving room before.
constexpr std::uint32_t kFirst = 10'010;
constexpr std::uint32_t kStep = 10;

int rank(const model::Gateway& gateway, const model::RequestRoutingRule& rule) {
  enum { kExact, kWildcard, kAnyHost };
  const auto* listener =
      rule.http_listener ? model::find_by_name(gateway.http_listeners, rule.http_listener->name) : nullptr;
  if (listener == nullptr) return kAnyHost;
  std::vector<std::string> hosts = listener->host_names;
  if (!listener->host_name.empty()) hosts.push_back(listener->host_name);
  if (hosts.empty()) return kAnyHost;
  const bool wildcard = std::any_of(hosts.begin(), hosts.end(), [](const std::string& host) {
    return host.find_first_of("*?") != std::string::npos;
  });
  return wildcard ? kWildcard : kExact;
}

}  // namespace

void assign_priorities(std::string_view api_version, model::Gateway& gateway, model::Findings& findings) {
  if (api_version.empty() || api_version >= kPriorities) return;
  std::vector<model::RequestRoutingRule*> without;
  std::set<std::uint32_t> taken;
  for (model::RequestRoutingRule& rule : gateway.request_routing_rules) {
    if (rule.priority)
      taken.insert(*rule.priority);
    else
      without.push_back(&rule);
  }
  if (without.empty()) return;
  std::stable_sort(without.begin(), without.end(),
                   [&](const auto* a, const auto* b) { return rank(gateway, *a) < rank(gateway, *b); });
  std::uint32_t next = kFirst;
  for (model::RequestRoutingRule* rule : without) {
    while (taken.contains(next)) next += kStep;
    rule->priority = next;
    next += kStep;
  }
  findings.warning("RulePriorityAssigned", gateway.pointer + "/properties/requestRoutingRules",
                   "The API version " + printable(api_version, 40) +
                       " knows no priorities, so the rules without one are numbered from " + std::to_string(kFirst) +
                       ": exact host names first, then wildcards, then any host. Write priorities to choose.");
}

}  // namespace portcullis::arm
