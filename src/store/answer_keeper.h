// AnswerKeeper: OCSP answers on their way to the disk. Who hears one leaves it here and waits for no disk; the store's
// thread writes it within half a second. Where that fails it waits, as far as there is room, and is tried again: a
// restart then asks anew what could not be written, and the gate is none the worse. Part of the Store.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/answer_file.h"
#include "store/internal/trouble_report.h"
#include "telemetry/metrics.h"

namespace portcullis::store {

class AnswerKeeper {
 public:
  struct Options {
    std::string path;
    AnswerLimits limits;
    const Clock* clock = nullptr;            // outlives this
    telemetry::Registry* metrics = nullptr;  // outlives this
    std::chrono::milliseconds retry{5'000};  // after a failure
    std::chrono::milliseconds report{60'000};
    std::size_t most_waiting_bytes = 8U << 20U;
  };

  explicit AnswerKeeper(Options options);

  // Any thread. Off, nothing is saved.
  void save(SavedAnswer answer);
  void set_enabled(bool enabled) { enabled_.store(enabled, std::memory_order_relaxed); }
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  const std::string& path() const { return options_.path; }

  // The store's thread. Opens the file where it is not, and writes what waits; after a failure not before the time to
  // try again, or a `last` time. `own_directory` takes the directory's lock, or says why not.
  void write(const std::function<Result<void>()>& own_directory, bool last);
  void close() { file_.reset(); }

 private:
  using Answers = std::unordered_map<Digest, SavedAnswer, DigestHash>;

  static std::size_t weight(const SavedAnswer& answer) { return answer.response.size() + 256; }
  void add(SavedAnswer answer);  // mutex_ is held
  std::vector<SavedAnswer> take();
  // What could not be written; newer ones may have come meanwhile.
  std::uint64_t put_back(std::vector<SavedAnswer> answers);
  Result<void> open(const std::function<Result<void>()>& own_directory);
  Result<void> write(const std::vector<SavedAnswer>& answers, const std::function<Result<void>()>& own_directory);

  Options options_;
  telemetry::Counter& saved_;
  telemetry::Counter& unsaved_;
  std::atomic<bool> enabled_{false};

  std::mutex mutex_;  // guards what follows
  Answers waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t given_up_ = 0;  // for want of room, since it was last reported

  // The store's thread only.
  std::unique_ptr<AnswerFile> file_;
  MonoTime next_try_{};
  internal::TroubleReport trouble_;
};

}  // namespace portcullis::store
