#include "store/internal/trouble_report.h"

#include <utility>

#include "telemetry/log.h"

namespace portcullis::store::internal {
namespace {

std::string_view remedy(std::string_view code) {
  if (code == "store.locked") return "end the other process, or give this one another state_dir";
  if (code == "store.newer") return "move the file away to begin a new one";
  if (code == "store.full") return "make room on the disk of state_dir, or see what its quota and its health are";
  if (code == "store.busy") return "end what reads or locks the file: a program that holds a transaction open";
  return "mend the file's permissions or its disk, or move it away";
}

}  // namespace

TroubleReport::TroubleReport(std::string event, std::string path, std::chrono::milliseconds every)
    : event_(std::move(event)), path_(std::move(path)), every_(every) {}

void TroubleReport::tell(const Error& error, MonoTime now, std::uint64_t lost) {
  lost_ += lost;
  if (told_ == error.code && now < next_) return;
  told_ = error.code;
  next_ = now + every_;
  telemetry::log_error(event_, error, {{"path", path_}, {"not_written", lost_}, {"do", remedy(error.code)}});
  lost_ = 0;
}

bool TroubleReport::over() {
  const bool had = !told_.empty();
  told_.clear();
  return had;
}

}  // namespace portcullis::store::internal
