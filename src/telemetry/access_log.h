// The access log: workers hand over finished lines, a thread of its own writes them within a second. Owned by the
// server for the life of the process, across snapshots. Any thread may open producers; each worker appends to its own.
// A full disk or a stalled pipe never reaches a worker: lines are counted as lost, and the program log says so once a
// minute.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "telemetry/line_writer.h"
#include "telemetry/metrics.h"

namespace portcullis::telemetry {

class AccessLogSink {
 public:
  struct Options {
    std::string path = "off";                    // host file `access_log.path`: a file, "-" for stdout, "off"
    std::size_t max_pending_bytes = 16U << 20U;  // what may wait for the disk before lines are dropped
    Registry* metrics = nullptr;  // gets portcullis_access_log_lines_lost_total{reason}; outlives the sink
    std::chrono::milliseconds report_interval{60'000};
  };

  // One worker's end of the sink; lives as long as the sink.
  class Producer {
   public:
    // Copies one finished line (without its line break). Does nothing where the log is off. Never blocks on I/O.
    void append(std::string_view line) {
      if (producer_ != nullptr) producer_->append(line);
    }
    // False where the log is off: the caller need not build the line.
    bool enabled() const { return producer_ != nullptr; }

   private:
    friend class AccessLogSink;
    LineWriter::Producer* producer_ = nullptr;
  };

  // Errors: `log.open_failed`.
  static Result<std::unique_ptr<AccessLogSink>> open(Options options);

  // A handle for one worker; cheap to copy.
  Producer producer();

  bool enabled() const { return writer_ != nullptr; }
  void reopen();  // for SIGUSR1; returns at once
  bool flush();   // waits until what was appended before is in the file, at most two seconds
  LineLosses losses() const;

 private:
  AccessLogSink() = default;

  std::unique_ptr<LineWriter> writer_;  // null: off
};

}  // namespace portcullis::telemetry
