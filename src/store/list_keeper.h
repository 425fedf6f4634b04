// ListKeeper: revocation lists that were fetched, on their way to the disk, so that a restart finds them though their
// servers be away. Who got one leaves it here and waits for no disk; the store's thread writes it within half a second,
// a file for each URL in `state_dir/lists`. Where that fails it waits, as far as there is room, and is tried again.
// Part of the Store.
//
// Nothing rests on a file's honesty: whoever reads a list from there verifies it like one from the network.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "store/internal/trouble_report.h"
#include "store/saved_list.h"
#include "telemetry/metrics.h"

namespace portcullis::store {

// Where the lists of a state directory are.
std::string lists_path(const std::string& state_dir);

// What was saved of this URL; nothing where that is not there or cannot be read. Any thread, any process.
std::optional<SavedList> find_list(const std::string& directory, const Digest& key, const std::string& url);

struct ListLimits {
  std::uint64_t lists = 1'024;          // the oldest give way
  std::uint64_t bytes = 256ULL << 20U;  // of all files
};

class ListKeeper {
 public:
  struct Options {
    std::string directory;  // made when there is something to save
    ListLimits limits;
    const Clock* clock = nullptr;            // outlives this
    telemetry::Registry* metrics = nullptr;  // outlives this
    std::chrono::milliseconds retry{5'000};  // after a failure
    std::chrono::milliseconds report{60'000};
    std::size_t most_waiting_bytes = 64U << 20U;
  };

  explicit ListKeeper(Options options);

  // Any thread. In place of what was saved of the URL before. False: off, or no room.
  bool save(SavedList list);
  void set_enabled(bool enabled) { enabled_.store(enabled, std::memory_order_relaxed); }
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  const std::string& directory() const { return options_.directory; }

  // The store's thread. Writes what waits; after a failure not before the time to try again, or a `last` time.
  // `own_directory` takes the state directory's lock, or says why not.
  void write(const std::function<Result<void>()>& own_directory, bool last);
  // The store's thread. Gives up what waits.
  void forget();

 private:
  using Lists = std::unordered_map<Digest, SavedList, DigestHash>;

  bool add(SavedList list);  // mutex_ is held; false: no room
  Lists take();
  void give_up(std::uint64_t lists);
  // Leaves what is there where that was fetched later, by a process that had the directory before. Errors: store.full,
  // store.failed.
  Result<void> write(const SavedList& list);
  // Removes what nobody finishes any more, and the oldest files beyond the limits.
  void trim() const;

  Options options_;
  telemetry::Counter& saved_;
  telemetry::Counter& unsaved_;
  std::atomic<bool> enabled_{false};

  std::mutex mutex_;  // guards what follows
  Lists waiting_;
  std::size_t waiting_bytes_ = 0;  // and of what is being written
  std::uint64_t given_up_ = 0;     // for want of room, since it was last reported

  // The store's thread only.
  MonoTime next_try_{};
  internal::TroubleReport trouble_;
};

}  // namespace portcullis::store
