// The part of CrlKeeper that is about lists from URLs.
#include <algorithm>
#include <utility>

#include "clientauth/crl_keeper.h"
#include "telemetry/log.h"

namespace portcullis::clientauth {
namespace {

using revocation::SignedCrl;

// Puts `list` among `lists`. Whether they say something new.
Result<bool> merge(std::vector<SignedCrl>& lists, SignedCrl list, WallTime now) {
  for (SignedCrl& known : lists) {
    if (!revocation::same_kind(known, list)) continue;
    if (revocation::is_newer(*known.crl, *list.crl)) {
      return fail("crl.superseded", "a newer list of the same CA and scope is known: number " +
                                        known.crl->number.hex() + ", and this is " + list.crl->number.hex());
    }
    if (!revocation::is_newer(*list.crl, *known.crl)) {
      known.origin = std::move(list.origin);
      return false;
    }
  }
  std::erase_if(lists, [&](const SignedCrl& known) {
    return revocation::same_kind(known, list) && !revocation::waits_behind(list, known, now);
  });
  if (lists.size() >= CrlKeeper::kMostOfUrl) {
    std::erase_if(lists, [&](const SignedCrl& one) { return revocation::is_expired(*one.crl, now); });
  }
  if (lists.size() >= CrlKeeper::kMostOfUrl) {
    return fail("crl.too_many_lists", "too many lists of different CAs and scopes have come from this URL");
  }
  lists.push_back(std::move(list));
  return true;
}

// As a file's, with a reason that tells of a list.
Result<std::vector<std::string>> lists_in(const std::string& bytes, const revocation::CrlLimits& limits) {
  auto encoded = revocation::read_crl_file(bytes, limits);
  if (encoded || encoded.error().code == "crl.too_large") return encoded;
  return fail("crl.malformed", "what came is no list: " + encoded.error().message);
}

// Of a URL whose lists have all expired and are of use to nobody; the end where there is none. What a list revoked
// would be forgotten with it, so that this is for the room only.
template <class Fetched>
auto dispensable(Fetched& fetched, WallTime now) {
  return std::find_if(fetched.begin(), fetched.end(), [now](const auto& from) {
    return std::all_of(from.second.begin(), from.second.end(), [now](const SignedCrl& list) {
      return revocation::is_expired(*list.crl, now) && !list.origin->from->used.load(std::memory_order_relaxed);
    });
  });
}

}  // namespace

CrlTaken CrlKeeper::take(const CrlDelivery& delivery) {
  CrlTaken taken;
  const std::string& url = delivery.origin->from->url;
  auto lists = lists_in(*delivery.bytes, limits_);
  std::vector<Encoded> encoded;
  if (lists) {
    for (std::string& der : *lists) encoded.emplace_back(std::move(der));
  }
  for (auto& [digest, watched] : watched_) {
    const std::shared_ptr<CrlSlot> slot = watched.slot.lock();
    if (slot == nullptr || !watched.settings.fetch) continue;
    const bool asked = std::find(delivery.slots.begin(), delivery.slots.end(), slot) != delivery.slots.end();
    if (!asked && !watched.fetched.contains(url)) continue;
    CrlTaken::Result& result = taken.results.emplace_back();
    result.slot = slot;
    if (!lists) {
      result.error = lists.error();
      continue;
    }
    const auto changed = take_for(watched, delivery, encoded, taken.next_update);
    if (!changed) {
      result.error = changed.error();
    } else if (*changed) {
      publish(watched, *slot);
      taken.changed = true;
    } else {
      // Where they came from and when is news to nobody but the log.
      slot->set(index_of(watched, false));
    }
  }
  for (const auto& slot : delivery.slots) {
    const auto told = [&slot](const CrlTaken::Result& result) { return result.slot == slot; };
    if (std::any_of(taken.results.begin(), taken.results.end(), told)) continue;
    taken.results.push_back({slot, Error{"crl.missing", "the profile that asked fetches no lists any more"}});
  }
  return taken;
}

Result<bool> CrlKeeper::take_for(Watched& watched, const CrlDelivery& delivery, const std::vector<Encoded>& encoded,
                                 std::optional<WallTime>& next_update) {
  const WallTime now = delivery.origin->fetched_at;
  const std::string& url = delivery.origin->from->url;
  const auto known = watched.fetched.find(url);
  Lists lists = known == watched.fetched.end() ? Lists() : known->second;
  bool changed = false;
  std::optional<WallTime> next = next_update;
  for (const Encoded& one : encoded) {
    auto list = verified(watched, one);
    if (!list) return forward_error(list);
    const auto named = [&](const x509::Certificate& issuer) { return revocation::is_same_ca(issuer, list->issuer); };
    if (std::none_of(delivery.issuers.begin(), delivery.issuers.end(), named)) continue;
    list->origin = delivery.origin;
    next = std::min(next.value_or(list->crl->next_update), list->crl->next_update);
    const auto merged = merge(lists, std::move(*list), now);
    if (!merged) return tl::unexpected<Error>(merged.error());
    changed = changed || *merged;
  }
  if (lists.empty()) return false;
  if (known == watched.fetched.end() && watched.fetched.size() >= kMostUrls) {
    const auto victim = dispensable(watched.fetched, now);
    if (victim == watched.fetched.end()) {
      return fail("crl.too_many_lists", "lists of too many URLs are in use by the profile");
    }
    watched.fetched.erase(victim);
  }
  watched.fetched[url] = std::move(lists);
  next_update = next;
  return changed;
}

void CrlKeeper::inherit(Watched& watched) {
  if (!watched.settings.fetch) return;
  for (const auto& [digest, other] : watched_) {
    if (&other == &watched) continue;
    for (const auto& [url, lists] : other.fetched) {
      Lists mine;
      std::copy_if(lists.begin(), lists.end(), std::back_inserter(mine), [&watched](const SignedCrl& list) {
        const auto& known = watched.authorities;
        return std::any_of(known.begin(), known.end(),
                           [&](const auto& ca) { return revocation::is_same_ca(ca, list.issuer); });
      });
      if (mine.empty() || (watched.fetched.size() >= kMostUrls && !watched.fetched.contains(url))) continue;
      // Slots may have got different ones from there: the newest of each kind counts.
      for (SignedCrl& list : mine) {
        const WallTime at = list.origin->fetched_at;
        static_cast<void>(merge(watched.fetched[url], std::move(list), at));
      }
    }
  }
}

}  // namespace portcullis::clientauth
