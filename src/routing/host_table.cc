#include "routing/host_table.h"

#include <algorithm>
#include <utility>

#include "base/host_name.h"
#include "base/strings.h"

namespace portcullis::routing {

Result<HostTable> HostTable::build(const std::vector<HostEntry>& entries) {
  HostTable out;
  const auto keep_best = [](std::optional<Choice>& best, const Choice& choice) {
    if (!best || choice.priority < best->priority) best = choice;
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Choice choice{i, entries[i].priority};
    keep_best(out.first_, choice);
    if (entries[i].hosts.empty()) keep_best(out.basic_, choice);
    for (const std::string& host : entries[i].hosts) {
      auto canonical = canonical_host(host);
      if (!canonical) {
        return fail(
            "routing.bad_host_name",
            "'" + printable(host) + "' is not a host name that a listener can match; use letters, digits, '-' and '.'");
      }
      const auto [at, added] = out.exact_.try_emplace(std::move(*canonical), choice);
      if (!added && choice.priority < at->second.priority) at->second = choice;
    }
  }
  return out;
}

std::optional<std::size_t> HostTable::select(std::string_view canonical_host) const {
  const auto exact = exact_.find(canonical_host);
  if (exact == exact_.end()) return basic_ ? std::optional(basic_->index) : std::nullopt;
  if (!basic_ || exact->second.priority < basic_->priority) return exact->second.index;
  if (basic_->priority < exact->second.priority) return basic_->index;
  return std::min(exact->second.index, basic_->index);
}

std::optional<std::size_t> HostTable::select_for_sni(std::optional<std::string_view> canonical_sni) const {
  if (canonical_sni) {
    const auto exact = exact_.find(*canonical_sni);
    if (exact != exact_.end()) return exact->second.index;
  }
  if (basic_) return basic_->index;
  return first_ ? std::optional(first_->index) : std::nullopt;
}

}  // namespace portcullis::routing
