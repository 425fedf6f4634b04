#include "clientauth/crl_fetcher.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "revocation/ocsp_response.h"

namespace portcullis::clientauth {

using event::Deadline;
using event::Task;
using event::Wake;
using std::chrono::milliseconds;

namespace {

// How long a download may take where nobody waits for it any more.
constexpr milliseconds kDownload{30'000};
// How long the keeper's thread may take: it can be busy compiling a document.
constexpr milliseconds kTaking{60'000};
constexpr std::size_t kMostFlights = 64;       // each holds kMaxFetchedCrl at most
constexpr std::size_t kMostFlightsToOne = 16;  // server
constexpr std::size_t kMostRecalls = 8;        // each holds a file
constexpr std::size_t kMostPoints = 4'096;
constexpr std::size_t kMostIssuers = 8;  // of one URL
// The gateway's own limits: no leniency covers them, since clients can bring them about.
constexpr std::string_view kOverloaded = "crl.overloaded";
constexpr char kEnding[] = "the gateway is ending";
// What is in force is saved again, so that files that are in use are younger than others.
constexpr std::chrono::hours kSavedFor{1};
// How long failures in a row are counted after the last, and a URL is known at all.
constexpr milliseconds kForgotten{60'000};

std::shared_ptr<CrlNews> failed(const std::string& url, std::string_view reason, std::string detail) {
  auto news = std::make_shared<CrlNews>();
  news->url = url;
  news->failure =
      std::make_shared<const revocation::CrlFetchFailure>(revocation::CrlFetchFailure{reason, url, std::move(detail)});
  return news;
}

std::string server_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return to_lower(url.substr(0, url.find_first_of("/?#")));
}

bool is_in_date(const std::optional<WallTime>& next_update, WallTime now) {
  return next_update && now <= *next_update + revocation::kClockSkew;
}

}  // namespace

CrlFetcher::CrlFetcher(event::Loop& loop, Fetch fetch)
    : loop_(loop),
      fetch_(std::move(fetch)),
      renewals_(loop, kMostPoints, [this](const std::shared_ptr<Point>& point) { return look_at(point); }),
      landed_(loop),
      taken_(loop),
      recalled_(loop) {}

void CrlFetcher::want(std::shared_ptr<const CrlSlot> slot, std::string url, x509::Certificate issuer,
                      milliseconds timeout, Reply reply) {
  Waiting waiting{std::move(slot), std::move(reply)};
  loop_.post([this, waiting = std::move(waiting), url = std::move(url), issuer = std::move(issuer), timeout]() mutable {
    start(std::move(waiting), url, issuer, timeout);
  });
}

void CrlFetcher::start(Waiting waiting, const std::string& url, const x509::Certificate& issuer, milliseconds timeout) {
  auto found = points_.find(url);
  if (found == points_.end()) {
    if (points_.size() >= kMostPoints) {
      return waiting.reply(failed(url, kOverloaded, "lists of too many URLs are asked for"));
    }
    found = points_.emplace(url, std::make_shared<Point>()).first;
    found->second->from = std::make_shared<const revocation::CrlUrl>(url);
    found->second->server = server_of(url);
  }
  const std::shared_ptr<Point> point = found->second;
  point->timeout = timeout;
  auto& issuers = point->issuers;
  if (std::find(issuers.begin(), issuers.end(), issuer) == issuers.end()) {
    if (issuers.size() >= kMostIssuers) {
      return waiting.reply(failed(url, kOverloaded, "certificates of too many CAs name this URL"));
    }
    issuers.push_back(issuer);
    // What came for the others tells nothing of this one's; what did not come did not come.
    point->said.clear();
  }
  if (auto news = remembered(*point, waiting.slot)) return waiting.reply(std::move(news));
  if (point->flying && loop_.now() - point->began > timeout) {
    auto late = failed(url, "crl.timeout", "the list has been on its way for longer than revocation.timeout");
    late->holds_until = loop_.now() + internal::failure_memory(1);
    return waiting.reply(std::move(late));
  }
  point->waiting.push_back(std::move(waiting));
  if (point->flying) {
    ++counts_.shared;
  } else {
    launch(point);
  }
}

std::shared_ptr<const CrlNews> CrlFetcher::remembered(const Point& point,
                                                      const std::shared_ptr<const CrlSlot>& slot) const {
  if (loop_.now() >= point.holds_until) return nullptr;
  if (point.failed != nullptr) return point.failed;
  const auto found = std::find_if(point.said.begin(), point.said.end(),
                                  [&slot](const Remembered& one) { return one.slot.lock() == slot; });
  return found == point.said.end() ? nullptr : found->news;
}

void CrlFetcher::refuse(Point& point) {
  CrlFetched none;
  none.reason = kOverloaded;
  none.detail = kEnding;
  settle(point, none, std::nullopt);
}

void CrlFetcher::launch(const std::shared_ptr<Point>& point) {
  point->began = loop_.now();
  if (finishing_) {
    refuse(*point);
    return schedule(point);
  }
  point->flying = true;
  if (!std::exchange(point->recalled, true) && memory_.load != nullptr) {
    ++recalls_;
    event::spawn(recall_first(point));
  } else {
    queue(point);
  }
}

void CrlFetcher::queue(const std::shared_ptr<Point>& point) {
  if (has_room_for(*point)) {
    take_off(point);
  } else {
    queued_.push_back(point);
  }
}

bool CrlFetcher::has_room_for(const Point& point) const {
  const auto there = flying_to_.find(point.server);
  return flying_ < kMostFlights && (there == flying_to_.end() || there->second < kMostFlightsToOne);
}

void CrlFetcher::take_off(const std::shared_ptr<Point>& point) {
  ++flying_;
  ++flying_to_[point->server];
  event::spawn(fly(point));
}

void CrlFetcher::land(const std::shared_ptr<Point>& point) {
  point->flying = false;
  --flying_;
  const auto there = flying_to_.find(point->server);
  if (--there->second == 0) flying_to_.erase(there);
  schedule(point);
  const auto next = std::find_if(queued_.begin(), queued_.end(),
                                 [this](const std::shared_ptr<Point>& one) { return has_room_for(*one); });
  if (next != queued_.end()) {
    const std::shared_ptr<Point> turn = *next;
    queued_.erase(next);
    take_off(turn);
  }
  landed_.notify();
}

CrlDelivery CrlFetcher::delivery_of(const Point& point, std::shared_ptr<const std::string> bytes, WallTime fetched_at,
                                    milliseconds latency) const {
  CrlDelivery delivery;
  delivery.origin =
      std::make_shared<const revocation::CrlOrigin>(revocation::CrlOrigin{point.from, fetched_at, latency});
  delivery.bytes = std::move(bytes);
  delivery.issuers = point.issuers;
  for (const Waiting& one : point.waiting) {
    const auto& known = delivery.slots;
    if (std::find(known.begin(), known.end(), one.slot) == known.end()) delivery.slots.push_back(one.slot);
  }
  return delivery;
}

Task<void> CrlFetcher::recall_first(std::shared_ptr<Point> point) {
  while (reading_ >= kMostRecalls && !finishing_) co_await recalled_.wait(event::kNoDeadline);
  if (!finishing_) {
    ++reading_;
    co_await recall(point);
    --reading_;
    recalled_.notify();
  }
  --recalls_;
  if (!finishing_) {
    queue(point);
    co_return;
  }
  point->flying = false;
  refuse(*point);
  landed_.notify();
}

Task<void> CrlFetcher::recall(std::shared_ptr<Point> point) {
  std::optional<SavedCrl> saved = memory_.load(point->from->url);
  if (!saved) co_return;
  // A clock that was set back makes nothing younger than now.
  const WallTime fetched_at = std::min(saved->fetched_at, loop_.wall_now());
  auto bytes = std::make_shared<const std::string>(std::move(saved->bytes));
  CrlDelivery delivery = delivery_of(*point, std::move(bytes), fetched_at, milliseconds(0));
  const std::optional<CrlTaken> taken = co_await hand_over(std::move(delivery));
  if (!taken || finishing_ || !is_in_date(taken->next_update, loop_.wall_now())) co_return;
  ++counts_.recalled;
  point->next_update = taken->next_update;
  point->in_use = true;
  for (const CrlTaken::Result& result : taken->results) {
    if (result.error) continue;
    for (const Waiting& one : point->waiting) {
      if (one.slot == result.slot) one.reply(nullptr);
    }
  }
}

// A list that is older than what some slot knows is no last word.
void CrlFetcher::save(Point& point, const std::string& bytes, WallTime fetched_at, const CrlTaken& taken) {
  if (memory_.save == nullptr) return;
  const auto& results = taken.results;
  const bool is_older = std::any_of(results.begin(), results.end(), [](const CrlTaken::Result& result) {
    return result.error && result.error->code == "crl.superseded";
  });
  const bool is_in_force = taken.next_update.has_value();
  const bool is_due = taken.changed || !point.saved_at || fetched_at - *point.saved_at >= kSavedFor;
  if (is_older || !is_in_force || !is_due) return;
  point.saved_at.reset();
  if (memory_.save(point.from->url, bytes, fetched_at)) point.saved_at = fetched_at;
}

Task<void> CrlFetcher::fly(std::shared_ptr<Point> point) {
  // Again where a profile asked after the lists had gone to the others'.
  do {
    ++counts_.fetches;
    point->began = loop_.now();
    std::string url = point->from->url;
    const Deadline deadline = loop_.in(std::max(point->timeout, kDownload));
    CrlFetched fetched = co_await fetch_(std::move(url), deadline);
    std::optional<CrlTaken> taken;
    std::size_t asked_for = 0;
    if (fetched.reason.empty() && !finishing_) {
      const milliseconds latency = loop_.now() - point->began;
      const WallTime now = loop_.wall_now();
      const auto bytes = std::make_shared<const std::string>(std::move(fetched.body));
      CrlDelivery delivery = delivery_of(*point, bytes, now, latency);
      asked_for = point->issuers.size();
      taken = co_await hand_over(std::move(delivery));
      if (taken) save(*point, *bytes, now, *taken);
    }
    // A CA that has joined meanwhile was not looked for in what came.
    if (taken && !finishing_ && asked_for < point->issuers.size()) continue;
    settle(*point, fetched, taken);
  } while (!finishing_ && !point->waiting.empty());
  land(point);
}

Task<std::optional<CrlTaken>> CrlFetcher::hand_over(CrlDelivery delivery) {
  const auto place = std::make_shared<std::optional<CrlTaken>>();
  deliver_(std::move(delivery), [this, place](CrlTaken taken) {
    loop_.post([this, place, taken = std::move(taken)]() mutable {
      *place = std::move(taken);
      taken_.notify();
    });
  });
  const Deadline limit = loop_.in(kTaking);
  while (!place->has_value() && !finishing_) {
    const Wake wake = co_await taken_.wait(limit);
    if (wake == Wake::kTimedOut) break;
  }
  co_return std::move(*place);
}

void CrlFetcher::settle(Point& point, const CrlFetched& fetched, const std::optional<CrlTaken>& taken) {
  const bool changed = taken && taken->changed;
  const bool was_in_use = std::exchange(point.in_use, false);
  // Whoever holds a connection for long is counted again where the lists are new ones, and only there.
  const bool in_date = is_in_date(point.next_update, loop_.wall_now());
  if (was_in_use && !changed && in_date) point.from->used.store(true, std::memory_order_relaxed);
  point.failures = changed ? 0 : point.failures + 1;
  point.holds_until = loop_.now() + internal::failure_memory(point.failures);
  point.failed = nullptr;
  point.said.clear();
  const auto remember = [&](std::shared_ptr<CrlNews> news) {
    news->latency = loop_.now() - point.began;
    news->holds_until = point.holds_until;
    return news;
  };
  std::shared_ptr<const CrlNews> first;
  if (taken) {
    if (taken->next_update) point.next_update = taken->next_update;
    for (const CrlTaken::Result& result : taken->results) {
      std::shared_ptr<CrlNews> news;
      if (result.error) {
        news = failed(point.from->url, result.error->code, result.error->message);
      } else {
        news = std::make_shared<CrlNews>();
        news->url = point.from->url;
      }
      point.said.push_back({result.slot, remember(std::move(news))});
      if (first == nullptr || first->failure == nullptr) first = point.said.back().news;
    }
  } else {
    const bool came = fetched.reason.empty();
    first = point.failed =
        remember(failed(point.from->url, came ? kOverloaded : fetched.reason,
                        came ? "the list came, and the gateway had no time to look at it" : fetched.detail));
  }
  if (on_fetched_ && first != nullptr) on_fetched_(*first);
  answer(point);
}

void CrlFetcher::answer(Point& point) {
  std::vector<Waiting> left;
  for (Waiting& one : point.waiting) {
    auto news = remembered(point, one.slot);
    if (news == nullptr && finishing_) news = failed(point.from->url, kOverloaded, kEnding);
    if (news == nullptr) {
      left.push_back(std::move(one));
    } else {
      one.reply(std::move(news));
    }
  }
  point.waiting = std::move(left);
}

void CrlFetcher::schedule(const std::shared_ptr<Point>& point) {
  milliseconds after = kForgotten;
  const WallTime now = loop_.wall_now();
  if (is_in_date(point->next_update, now)) {
    const milliseconds patience = internal::failure_memory(point->failures);
    const milliseconds left = *point->next_update - now;
    after = left > milliseconds(0) ? renewals_.ahead(left) : patience;
    if (point->failures > 0) after = std::max(after, patience);
  }
  renewals_.add(point, after);
}

bool CrlFetcher::look_at(const std::shared_ptr<Point>& point) {
  if (point->flying) return true;
  if (!is_in_date(point->next_update, loop_.wall_now())) {
    // Nobody counts as judged by lists that are at their end, so that the keeper may give them up.
    point->from->used.store(false, std::memory_order_relaxed);
    points_.erase(point->from->url);
    return true;
  }
  if (flying_ >= kMostFlights) return false;
  if (point->from->used.exchange(false, std::memory_order_relaxed)) {
    point->in_use = true;
    ++counts_.refreshes;
    launch(point);
  } else {
    schedule(point);
  }
  return true;
}

Task<void> CrlFetcher::finish() {
  finishing_ = true;
  renewals_.close();
  for (const auto& point : std::exchange(queued_, {})) {
    point->flying = false;
    refuse(*point);
  }
  taken_.notify();
  recalled_.notify();
  while (flying_ > 0 || recalls_ > 0) co_await landed_.wait(event::kNoDeadline);
}

}  // namespace portcullis::clientauth
