// When what was fetched is fetched anew: ahead of its end while it is in use, and after failures ever later. What the
// OcspService and the CrlFetcher have in common. Of one loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <unordered_map>
#include <utility>

#include "event/loop.h"

namespace portcullis::clientauth::internal {

// How long a failure is remembered, `failures` of them having come in a row: 2 s, doubled for each one more, 16 s at
// most.
inline std::chrono::milliseconds failure_memory(unsigned failures) {
  constexpr std::chrono::milliseconds kFirst{2'000};
  constexpr unsigned kMostDoublings = 3;
  return kFirst * (1 << std::min(std::max(failures, 1U) - 1, kMostDoublings));
}

// Calls `due` for each thing that was added, when its time has come and it is still there.
template <class T>
class RenewalQueue {
 public:
  // False: not now; asked again for the same thing a moment later, and for nothing else before.
  using Due = std::function<bool(const std::shared_ptr<T>&)>;

  // Beyond `most` nothing is taken.
  RenewalQueue(event::Loop& loop, std::size_t most, Due due)
      : loop_(loop), most_(most), due_(std::move(due)), timer_(*this), random_(std::random_device{}()) {}

  // After 75 % of `left`, give or take 10, so that what was fetched together is not fetched together again; 500 ms at
  // the soonest.
  std::chrono::milliseconds ahead(std::chrono::milliseconds left) {
    std::uniform_real_distribution<double> part(0.65, 0.85);
    const auto after = static_cast<std::int64_t>(static_cast<double>(left.count()) * part(random_));
    return std::max(std::chrono::milliseconds(after), kSoonest);
  }
  // In place of when it was due before, if it was.
  void add(const std::shared_ptr<T>& what, std::chrono::milliseconds after) {
    if (closed_) return;
    if (const auto before = places_.find(what.get()); before != places_.end()) remove(before->second);
    if (entries_.size() >= most_) return;
    place(loop_.now() + after, what);
    if (entries_.begin()->second.thing == what.get()) loop_.timers().arm(timer_, entries_.begin()->first);
  }
  // Nothing is due any more.
  void close() {
    closed_ = true;
    timer_.disarm();
    entries_.clear();
    places_.clear();
  }

 private:
  static constexpr std::chrono::milliseconds kSoonest{500};
  static constexpr std::chrono::milliseconds kPause{250};

  class Timer final : public event::Timer {
   public:
    explicit Timer(RenewalQueue& queue) : queue_(queue) {}

   private:
    void on_timer() override { queue_.run(); }
    RenewalQueue& queue_;
  };

  // The address tells entries apart, also of what is no longer there.
  struct Entry {
    const T* thing;
    std::weak_ptr<T> what;
  };
  using Entries = std::multimap<MonoTime, Entry>;

  void place(MonoTime due, const std::shared_ptr<T>& what) {
    places_[what.get()] = entries_.emplace(due, Entry{what.get(), what});
  }
  void remove(typename Entries::iterator entry) {
    places_.erase(entry->second.thing);
    entries_.erase(entry);
  }

  void run() {
    const MonoTime now = loop_.now();
    while (!entries_.empty() && entries_.begin()->first <= now) {
      const auto first = entries_.begin();
      const MonoTime due = first->first;
      const std::shared_ptr<T> what = first->second.what.lock();
      // Before it is told: it may be added again meanwhile.
      remove(first);
      if (what != nullptr && !due_(what)) {
        if (!closed_ && !places_.contains(what.get())) place(due, what);
        return loop_.timers().arm(timer_, now + kPause);
      }
      if (closed_) return;
    }
    if (!entries_.empty()) loop_.timers().arm(timer_, entries_.begin()->first);
  }

  event::Loop& loop_;
  const std::size_t most_;
  const Due due_;
  Timer timer_;
  Entries entries_;
  std::unordered_map<const T*, typename Entries::iterator> places_;
  std::mt19937_64 random_;
  bool closed_ = false;
};

}  // namespace portcullis::clientauth::internal
