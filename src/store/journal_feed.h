// JournalFeed: one worker's end of the journal. The worker notes, the store's thread takes; between them is a buffer
// with a bound in entries and in bytes, so that a slow disk costs entries and never a handshake. A note that the
// sampler leaves out costs a look-up; one that is kept is copied into memory that is used again and again. A lock is
// held for a copy or a swap only, as in telemetry::LineWriter.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "store/journal_note.h"
#include "store/journal_sampler.h"

namespace portcullis::store {

// A note that owns what it says.
struct JournalSlot {
  void assign(const JournalNote& note);

  JournalNote note;  // its views point into `text`, or at static strings
  std::string text;
};

class JournalFeed {
 public:
  struct Options {
    std::size_t entries = 4'096;         // waiting at most
    std::size_t peer_bytes = 8U << 20U;  // what their clients' records may weigh together
    std::size_t wake_at = 1'024;         // entries after which the store's thread is woken
    JournalSampler::Rates rates;
    std::function<void()> wake;  // any thread; may be null
  };
  // What the store's thread takes at once.
  struct Taken {
    std::deque<JournalSlot> slots;  // the first `used` of them
    std::size_t used = 0;
    std::vector<LeftOut> left_out;
  };

  explicit JournalFeed(Options options) : options_(std::move(options)), sampler_(options_.rates) {}

  // The worker's thread. Nothing where the journal is off. Never waits for the disk.
  void add(const JournalNote& note, MonoTime now);
  // False where the journal is off: the note need not be made.
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }

  // The store's thread. Swaps what has come with what was taken before, whose slots are used again.
  void take(Taken& taken, MonoTime now, bool all_counts);
  // Any thread.
  void set_enabled(bool enabled) { enabled_.store(enabled, std::memory_order_relaxed); }

 private:
  const Options options_;
  std::atomic<bool> enabled_{false};
  std::mutex mutex_;
  JournalSampler sampler_;         // guarded by mutex_, as all below
  std::deque<JournalSlot> slots_;  // never moved, for their views; grows to options_.entries where it is needed
  std::size_t used_ = 0;
  std::size_t peer_bytes_ = 0;
};

}  // namespace portcullis::store
