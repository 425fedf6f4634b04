#include "clientauth/crl_desk.h"

#include <algorithm>
#include <utility>

#include "revocation/crl_decision.h"
#include "revocation/crl_points.h"

namespace portcullis::clientauth {

using revocation::CrlFetchFailure;

bool CrlDesk::Check::has_ended() const {
  return std::all_of(places.begin(), places.end(), [](const Place& place) { return place.news != nullptr; });
}

std::vector<std::string> CrlDesk::urls_of(const x509::Certificate& certificate) {
  std::vector<std::string> urls = revocation::crl_points(certificate).urls;
  if (urls.size() > kMostUrls) urls.resize(kMostUrls);
  return urls;
}

std::shared_ptr<CrlDesk::Check> CrlDesk::ask(const CrlPolicy& policy, const x509::Certificate& certificate,
                                             const x509::Certificate& issuer) {
  auto check = std::make_shared<Check>(loop_, *policy.fetch);
  for (std::string& url : urls_of(certificate)) check->places.push_back({std::move(url), nullptr});
  using News = std::shared_ptr<const CrlNews>;
  for (std::size_t i = 0; i < check->places.size(); ++i) {
    auto reply =
        room_.reply_to<Check, News>(check, [i](Check& asked, News news) { asked.places[i].news = std::move(news); });
    fetcher_.want(policy.slot, check->places[i].url, issuer, policy.fetch->timeout, std::move(reply));
  }
  return check;
}

bool CrlDesk::holds(const Check& check) const {
  if (!check.has_ended()) return true;
  return std::all_of(check.places.begin(), check.places.end(),
                     [this](const Check::Place& place) { return loop_.now() < place.news->holds_until; });
}

std::shared_ptr<const CrlFetchFailure> CrlDesk::failure(const Check& check) const {
  for (const Check::Place& place : check.places) {
    if (place.news != nullptr) continue;
    const bool in_time = !check.policy.wait_when_cold || (!check.given_up && loop_.now() < deadline(check));
    return std::make_shared<const CrlFetchFailure>(
        CrlFetchFailure{in_time ? "crl.pending" : "crl.timeout", place.url,
                        in_time ? "the list is still on its way" : "no list has come within revocation.timeout"});
  }
  std::shared_ptr<const CrlFetchFailure> unavailable;
  for (const Check::Place& place : check.places) {
    const auto& failure = place.news->failure;
    // A URL that nobody could fetch is none, and an older list than the known one tells nothing.
    if (failure == nullptr || failure->reason == "crl.missing" || failure->reason == "crl.superseded") continue;
    if (!revocation::is_unavailable(*failure)) return failure;
    if (unavailable == nullptr) unavailable = failure;
  }
  if (unavailable != nullptr || check.places.empty()) return unavailable;
  return std::make_shared<const CrlFetchFailure>(
      CrlFetchFailure{"crl.not_covered", check.places.front().url, "no list from there is about this certificate"});
}

event::Task<CrlDesk::Waited> CrlDesk::next(std::shared_ptr<Check> check) {
  Waited waited;
  if (check->has_ended() || check->given_up || !check->policy.wait_when_cold) co_return waited;
  const event::Deadline until = deadline(*check);
  const MonoTime began = loop_.now();
  if (began >= until) co_return waited;
  const event::Wake wake = co_await check->done.wait(until);
  waited.came = wake == event::Wake::kReady;
  waited.span = loop_.now() - began;
  co_return waited;
}

}  // namespace portcullis::clientauth
