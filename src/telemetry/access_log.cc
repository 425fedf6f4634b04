#include "telemetry/access_log.h"

#include <utility>

#include "telemetry/log.h"

namespace portcullis::telemetry {
namespace {

// Tells the program log and the metrics of what was lost since the last time. Used on the writer's thread only.
class LossReport {
 public:
  explicit LossReport(Registry* metrics) {
    if (metrics == nullptr) return;
    static constexpr std::string_view kName = "portcullis_access_log_lines_lost_total";
    static constexpr std::string_view kHelp = "Access log lines that did not reach the log.";
    dropped_ = &metrics->counter(kName, kHelp, {{"reason", "queue_full"}});
    failed_ = &metrics->counter(kName, kHelp, {{"reason", "write_failed"}});
  }

  void operator()(const LineLosses& now) {
    if (dropped_ != nullptr) {
      dropped_->add(now.dropped - before_.dropped);
      failed_->add(now.failed - before_.failed);
    }
    if (now.reopen_failures > before_.reopen_failures) {
      log_error("access_log.reopen_failed", {{"message", now.last_error}});
    }
    if (now.dropped > before_.dropped || now.failed > before_.failed) {
      log_warn("access_log.lines_lost", {{"dropped", now.dropped - before_.dropped},
                                         {"failed", now.failed - before_.failed},
                                         {"message", now.last_error}});
    }
    before_ = now;
  }

 private:
  Counter* dropped_ = nullptr;
  Counter* failed_ = nullptr;
  LineLosses before_;
};

}  // namespace

Result<std::unique_ptr<AccessLogSink>> AccessLogSink::open(Options options) {
  std::unique_ptr<AccessLogSink> sink(new AccessLogSink);
  if (options.path == "off") return sink;
  LineWriter::Options writer;
  writer.path = std::move(options.path);
  writer.max_pending_bytes = options.max_pending_bytes;
  writer.report_interval = options.report_interval;
  writer.on_losses = LossReport(options.metrics);
  auto opened = LineWriter::open(std::move(writer));
  if (!opened) return forward_error(opened);
  sink->writer_ = std::move(*opened);
  return sink;
}

AccessLogSink::Producer AccessLogSink::producer() {
  Producer handle;
  if (writer_ != nullptr) handle.producer_ = &writer_->add_producer();
  return handle;
}

void AccessLogSink::reopen() {
  if (writer_ != nullptr) writer_->reopen();
}

bool AccessLogSink::flush() { return writer_ == nullptr || writer_->flush(); }

LineLosses AccessLogSink::losses() const { return writer_ == nullptr ? LineLosses{} : writer_->losses(); }

}  // namespace portcullis::telemetry
