// LineWriter carries finished lines from many threads to one file on a thread of its own: what the program log and the
// access log are made of. Owned by whoever opened it. Producers never wait for the disk: a line that finds the bound
// reached is dropped and counted, a line that the file refuses (disk full, pipe gone) is counted as failed. The file
// holds whole lines only: a write that stops inside a line is cut back, or completed by the next one.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"

namespace portcullis::telemetry {

class LineFile;

// What a writer has not delivered since it was opened.
struct LineLosses {
  std::uint64_t dropped = 0;          // lines refused because too much was pending
  std::uint64_t failed = 0;           // lines that the file refused
  std::uint64_t reopen_failures = 0;  // reopen() that kept the old file
  std::string last_error;             // what the system said last, e.g. "No space left on device"

  bool same_counts(const LineLosses& other) const {
    return dropped == other.dropped && failed == other.failed && reopen_failures == other.reopen_failures;
  }
};

class LineWriter {
 public:
  struct Options {
    std::string path = "-";                             // a file, or "-" for stdout
    std::size_t block_bytes = 64 * 1024;                // what one producer gathers before it wakes the writer
    std::size_t max_pending_bytes = 16U << 20U;         // of all producers together; each may exceed it by one block
    std::chrono::milliseconds interval{500};            // the longest that a line waits for a block to fill; 1–1000
    std::chrono::milliseconds report_interval{60'000};  // at most one `on_losses` in this time
    std::chrono::milliseconds shutdown_limit{2'000};    // how long the destructor waits for a stalled pipe
    bool eager = false;                                 // wake the writer at every line
    // Called on the writer's thread when losses have grown, with the totals. It may append to other writers, and to
    // this one.
    std::function<void(const LineLosses&)> on_losses;
  };

  // One thread's end. Lives as long as the writer.
  class Producer {
   public:
    // Hands over one line, without its line break. Copies; never blocks on I/O. Any thread, though one a producer is
    // what makes it cheap.
    void append(std::string_view line);

   private:
    friend class LineWriter;
    explicit Producer(LineWriter& writer) : writer_(writer) {}

    LineWriter& writer_;
    std::mutex mutex_;                // held for a copy or a swap only
    std::string active_;              // whole lines
    std::vector<std::string> full_;   // blocks of whole lines, oldest first
    std::vector<std::string> spare_;  // empty blocks, for reuse
  };

  // Opens the file (append, mode 0640) and starts the thread. Errors: `log.open_failed`.
  static Result<std::unique_ptr<LineWriter>> open(Options options);

  // Writes out what is pending, for as long as `shutdown_limit` at a stalled pipe, then closes. Producers must be done.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // A new producer, for one worker. Any thread.
  Producer& add_producer();

  // Asks the writer's thread to write out what is pending to the old file and to open `path` anew. Returns at once;
  // where the new file cannot be opened the old one stays in use and the loss report says so. Any thread.
  void reopen();

  // Waits until every line appended, and every reopen asked for, before the call is done, at most `limit`. Returns
  // whether it was. Any thread but the writer's own.
  bool flush(std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

  LineLosses losses() const;

 private:
  LineWriter(Options options, std::unique_ptr<LineFile> file);

  void wake();
  void run();
  void drain();
  void write_block(const std::string& block);
  void report_losses(bool last);

  const Options options_;
  std::unique_ptr<LineFile> file_;             // the writer's thread only
  std::atomic<std::size_t> pending_bytes_{0};  // in `full_` blocks
  std::atomic<std::uint64_t> dropped_{0};

  mutable std::mutex producers_mutex_;
  std::vector<std::unique_ptr<Producer>> producers_;

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable work_, done_;
  bool woken_ = false;
  bool stopping_ = false;
  bool reopen_ = false;
  std::uint64_t flush_asked_ = 0, flush_done_ = 0;
  std::uint64_t failed_ = 0, reopen_failures_ = 0;
  std::string last_error_;

  std::atomic<std::int64_t> give_up_at_ns_{INT64_MAX};  // steady clock; set by the destructor
  LineLosses reported_;                                 // the writer's thread only
  std::chrono::steady_clock::time_point next_report_{};
  std::thread thread_;
};

}  // namespace portcullis::telemetry
