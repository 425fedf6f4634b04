// CrlFetcher: fetches the revocation lists that certificates name, on the OCSP thread, and no URL twice at one time:
// any number of connections of any worker and profile wait for one fetch. What came goes to the CrlKeeper, on its
// thread, which verifies it and puts it in force before anybody is answered. Lists are fetched anew ahead of their
// nextUpdate while somebody is judged by them; failures are remembered for seconds, longer the longer a URL has failed.
// What is remembered over a restart is taken first where a URL is new, so that nobody waits for a server that is away;
// the list is fetched then all the same, since a newer one may be there. No server has more than some fetches at a
// time, so that one that hangs is in nobody's way; what is asked of it beyond them waits for its turn. want() is for
// any thread, the rest for the fetcher's own. Must outlive its fetches: co_await finish() before destroying it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clientauth/crl_delivery.h"
#include "clientauth/internal/renewal.h"
#include "event/loop.h"
#include "event/signal.h"
#include "event/task.h"

namespace portcullis::clientauth {

constexpr std::size_t kMaxFetchedCrl = 16U << 20U;  // bytes

// What became of one fetch: the content of a 200, or why there is none.
struct CrlFetched {
  std::string_view reason;  // "crl.timeout" …; empty: it came
  std::string detail;       // for people
  std::string body;
};

// What became of the lists of one URL, for one slot. Immutable.
struct CrlNews {
  std::string url;
  std::shared_ptr<const revocation::CrlFetchFailure> failure;  // null: lists came, new ones or the known
  std::chrono::milliseconds latency{0};                        // of the fetch
  MonoTime holds_until{};                                      // before then there is nothing new to ask for
};

// What one URL served once, for the time after a restart.
struct SavedCrl {
  std::string bytes;
  WallTime fetched_at{};
};

struct CrlFetchCounts {
  std::uint64_t fetches = 0;
  std::uint64_t refreshes = 0;  // of them: ahead of need
  std::uint64_t shared = 0;     // that joined a fetch under way
  std::uint64_t recalled = 0;   // URLs whose list was there from before a restart
};

class CrlFetcher {
 public:
  using Fetch = std::function<event::Task<CrlFetched>(std::string url, event::Deadline)>;
  // Hands a delivery to the CrlKeeper; the second is called once, from any thread, or never where that thread has
  // ended.
  using Deliver = std::function<void(CrlDelivery, std::function<void(CrlTaken)>)>;
  using Reply = std::function<void(std::shared_ptr<const CrlNews>)>;
  using Observer = std::function<void(const CrlNews&)>;
  // What outlives the process; both on the fetcher's thread. `load` waits for the disk.
  struct Memory {
    std::function<bool(const std::string& url, const std::string& bytes, WallTime fetched_at)> save;  // false: not now
    std::function<std::optional<SavedCrl>(const std::string& url)> load;
  };

  CrlFetcher(event::Loop& loop, Fetch fetch);
  CrlFetcher(const CrlFetcher&) = delete;
  CrlFetcher& operator=(const CrlFetcher&) = delete;

  // Before anything is asked. `observer`: what became of each fetch, by its first failure.
  void deliver_by(Deliver deliver) { deliver_ = std::move(deliver); }
  void on_fetched(Observer observer) { on_fetched_ = std::move(observer); }
  // Nothing is saved or loaded where a function is missing. What was saved is verified like any list.
  void remember_by(Memory memory) { memory_ = std::move(memory); }

  // Any thread. `issuer`: of the certificate that names the URL. `reply` is called once, on the fetcher's thread: at
  // once where a failure is remembered or the server has taken longer than `timeout` already, else when the fetch has
  // ended. Before that it is called with null where a list was remembered that could tell. A download may go on for
  // longer than anybody waits, so that the next request finds its list.
  void want(std::shared_ptr<const CrlSlot> slot, std::string url, x509::Certificate issuer,
            std::chrono::milliseconds timeout, Reply reply);

  // Asks no more; done once every fetch has ended.
  event::Task<void> finish();

  const CrlFetchCounts& counts() const { return counts_; }

 private:
  struct Waiting {
    std::shared_ptr<const CrlSlot> slot;
    Reply reply;
  };
  struct Remembered {
    std::weak_ptr<const CrlSlot> slot;
    std::shared_ptr<const CrlNews> news;
  };
  // One URL.
  struct Point {
    std::shared_ptr<const revocation::CrlUrl> from;
    std::string server;  // host and port, as the URL has them
    std::chrono::milliseconds timeout{0};
    x509::CertificateList issuers;  // of the certificates that named it
    bool flying = false;            // or waiting for its turn
    MonoTime began{};               // of that
    std::vector<Waiting> waiting;
    unsigned failures = 0;                  // in a row: nothing came, or nothing new
    std::shared_ptr<const CrlNews> failed;  // for every slot
    std::vector<Remembered> said;           // for these
    MonoTime holds_until{};                 // both of them
    std::optional<WallTime> next_update;    // of what is in force
    bool in_use = false;                    // when the fetch under way began
    bool recalled = false;                  // what is remembered of it has been looked for
    std::optional<WallTime> saved_at;       // what is in force
  };

  void start(Waiting waiting, const std::string& url, const x509::Certificate& issuer,
             std::chrono::milliseconds timeout);
  void launch(const std::shared_ptr<Point>& point);
  bool has_room_for(const Point& point) const;
  void take_off(const std::shared_ptr<Point>& point);
  void land(const std::shared_ptr<Point>& point);
  void refuse(Point& point);  // the gateway is ending
  std::shared_ptr<const CrlNews> remembered(const Point& point, const std::shared_ptr<const CrlSlot>& slot) const;
  event::Task<void> fly(std::shared_ptr<Point> point);
  // Before the first fetch of a URL that is new: puts in force what is remembered of it, and has those look again whom
  // that can tell. Waits for no server's turn.
  event::Task<void> recall_first(std::shared_ptr<Point> point);
  event::Task<void> recall(std::shared_ptr<Point> point);
  void queue(const std::shared_ptr<Point>& point);
  void save(Point& point, const std::string& bytes, WallTime fetched_at, const CrlTaken& taken);
  CrlDelivery delivery_of(const Point& point, std::shared_ptr<const std::string> bytes, WallTime fetched_at,
                          std::chrono::milliseconds latency) const;
  // Nothing where the keeper does not answer.
  event::Task<std::optional<CrlTaken>> hand_over(CrlDelivery delivery);
  void settle(Point& point, const CrlFetched& fetched, const std::optional<CrlTaken>& taken);
  // Those of whom something is known now.
  void answer(Point& point);
  void schedule(const std::shared_ptr<Point>& point);
  bool look_at(const std::shared_ptr<Point>& point);

  event::Loop& loop_;
  Fetch fetch_;
  Deliver deliver_;
  Observer on_fetched_;
  Memory memory_;
  std::map<std::string, std::shared_ptr<Point>> points_;
  std::size_t flying_ = 0;
  std::size_t recalls_ = 0, reading_ = 0;         // begun, and of them those that have their turn
  std::map<std::string, std::size_t> flying_to_;  // by server
  std::deque<std::shared_ptr<Point>> queued_;     // for their turn
  internal::RenewalQueue<Point> renewals_;
  event::Signal landed_, taken_, recalled_;
  CrlFetchCounts counts_;
  bool finishing_ = false;
};

}  // namespace portcullis::clientauth
