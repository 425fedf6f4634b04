// Store: what the gateway keeps in its state directory, the journal, OCSP's answers and fetched revocation lists, and
// the one thread that writes it. A thread of its own, not the control thread: a disk that stalls must hold up neither
// signals nor a reload. Owned by the server for the life of the process; workers reach it by their JournalFeed only.
//
// A failure on disk is never a failure to serve. Where the directory is locked by another process (one that drains
// while its successor has started), full, or refuses, the program log says so once and once a minute, what could not be
// written is counted, in the journal itself as soon as it can be written again, and it is tried again every few
// seconds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/answer_keeper.h"
#include "store/internal/trouble_report.h"
#include "store/journal_feed.h"
#include "store/journal_file.h"
#include "store/list_keeper.h"
#include "store/state_dir.h"
#include "telemetry/metrics.h"

namespace portcullis::store {

class Store {
 public:
  struct Options {
    std::string state_dir;                   // made and checked by the caller
    std::uint64_t journal_entries = 0;       // host file client_auth.journal; 0: no journal
    DescribePeer describe;                   // called on the store's thread
    const Clock* clock = nullptr;            // outlives the store
    telemetry::Registry* metrics = nullptr;  // outlives the store
    JournalFeed::Options feeds;
    std::chrono::milliseconds interval{500};  // the longest that an entry waits to be written
    std::chrono::milliseconds retry{5'000};   // after a failure to open
    std::chrono::milliseconds report{60'000};
    AnswerLimits answers;
  };

  explicit Store(Options options);
  // As stop(), without a limit.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // One worker's end; lives as long as the store. Before start().
  JournalFeed& add_feed();
  // Starts the thread, which opens what there is to open. Control thread.
  void start();
  // Keeps so many entries from now on, older ones going at once; 0: notes no more, and closes the file. Any thread.
  void set_journal_entries(std::uint64_t entries);
  // Whether OCSP's answers are kept, from now on; off at first, and then the file is closed. Any thread.
  void keep_answers(bool keep);
  AnswerKeeper& answers() { return answers_; }
  // Whether fetched revocation lists are kept, from now on; off at first. Any thread.
  void keep_lists(bool keep);
  ListKeeper& lists() { return lists_; }
  // Waits until what was noted before is on disk, or found impossible to write, at most `limit`.
  bool flush(std::chrono::milliseconds limit = std::chrono::milliseconds(2'000));
  // Writes what was noted, closes and ends the thread. False: the disk did not let go within `limit`; then nothing of
  // this may be destroyed, and the process has to end by force.
  // The default leaves room for a disk that is busy with others: fsync(2) was seen to take over five seconds.
  bool stop(std::chrono::milliseconds limit = std::chrono::milliseconds(20'000));

  const std::string& state_dir() const { return options_.state_dir; }
  std::string journal_path() const { return options_.state_dir + "/journal.db"; }

 private:
  // What has not been written, since it was last written down.
  struct Losses {
    std::uint64_t events = 0;
    WallTime since{};
  };

  void run();
  void set_enabled(bool enabled);
  void drain(bool last);
  void write(std::vector<const JournalSlot*>& notes, std::vector<LeftOut>& left_out);
  Result<void> append(std::span<const JournalSlot* const> notes, std::vector<LeftOut> left_out);
  bool open_journal();
  void apply_limits(std::uint64_t entries);
  void failed(const Error& error, std::uint64_t events);
  void wake();  // any thread
  // Takes the directory's lock where this has it not yet; given back once nothing is kept. Errors: store.locked,
  // store.failed.
  Result<void> own_directory();

  Options options_;
  const WallTime started_;
  telemetry::Counter& written_;
  telemetry::Counter& sampled_;
  telemetry::Counter& unwritten_;
  std::vector<std::unique_ptr<JournalFeed>> feeds_;
  AnswerKeeper answers_;
  ListKeeper lists_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_, done_;
  bool woken_ = false;
  bool stopping_ = false;
  bool ended_ = true;
  std::uint64_t wanted_entries_;
  std::uint64_t flush_asked_ = 0, flush_done_ = 0;

  // The store's thread only.
  std::uint64_t entries_ = 0;
  StateLock lock_;
  std::unique_ptr<JournalFile> journal_;
  MonoTime next_try_{};
  Error not_open_;  // why
  internal::TroubleReport trouble_;
  Losses unwritten_yet_;
  std::vector<std::unique_ptr<JournalFeed::Taken>> taken_;
  std::thread thread_;
};

}  // namespace portcullis::store
