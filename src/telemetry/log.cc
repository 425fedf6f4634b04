#include "telemetry/log.h"

#include <array>
#include <utility>

#include <unistd.h>

#include "base/strings.h"
#include "telemetry/json_line.h"

namespace portcullis::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"error", "warn", "info", "debug"};
std::atomic<Log*> the_log{nullptr};

void add_field(JsonLine& line, const Field& field) {
  std::visit([&](auto value) { line.add(field.key, value); }, field.value);
}

JsonLine& open_line(JsonLine& line, WallTime time, Level level, std::string_view event) {
  return line.add_time("time", time).add("level", level_name(level)).add("event", event);
}

// One write() a line, so that lines of several threads do not mix.
void write_stderr(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (count <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_process(Level level, std::string_view event, Fields fields, const Error* error) {
  Log* log = process_log();
  if (log == nullptr ? level > Level::kInfo : !log->enabled(level)) return;
  if (log != nullptr) {
    log->write(level, event, fields, error);
    return;
  }
  std::string line;
  format_log_line(line, SystemClock().wall(), level, event, fields, error);
  write_stderr(std::move(line));
}

}  // namespace

std::string_view level_name(Level level) { return kLevelNames.at(static_cast<std::size_t>(level)); }

std::optional<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (equals_ignore_case(name, kLevelNames[i])) return static_cast<Level>(i);
  }
  return std::nullopt;
}

void format_log_line(std::string& out, WallTime time, Level level, std::string_view event, Fields fields,
                     const Error* error) {
  JsonLine line(out);
  open_line(line, time, level, event);
  for (const Field& field : fields) add_field(line, field);
  if (error != nullptr) line.add("code", error->code).add("message", error->message);
  line.close();
}

Log::Log(const Options& options)
    : clock_(options.clock != nullptr ? *options.clock : system_clock_), level_(options.level) {}

Result<std::unique_ptr<Log>> Log::open(Options options) {
  std::unique_ptr<Log> log(new Log(options));
  LineWriter::Options writer;
  writer.path = std::move(options.path);
  writer.max_pending_bytes = options.max_pending_bytes;
  writer.block_bytes = 16 * 1024;
  writer.eager = true;
  writer.on_losses = [raw = log.get()](const LineLosses& losses) { raw->report(losses); };
  auto opened = LineWriter::open(std::move(writer));
  if (!opened) return forward_error(opened);
  log->writer_ = std::move(*opened);
  log->producer_ = &log->writer_->add_producer();
  return log;
}

Log::~Log() = default;

void Log::report(const LineLosses& losses) {
  std::string line;
  format_log_line(line, clock_.wall(), Level::kWarn, "log.lines_lost",
                  {{"dropped", losses.dropped},
                   {"failed", losses.failed},
                   {"reopenFailures", losses.reopen_failures},
                   {"message", losses.last_error}});
  // Not through the log: what it could not write before, it may not write now.
  write_stderr(std::move(line));
}

void Log::write(Level level, std::string_view event, Fields fields, const Error* error) {
  if (!enabled(level)) return;
  thread_local std::string line;
  line.clear();
  format_log_line(line, clock_.wall(), level, event, fields, error);
  producer_->append(line);
}

void set_process_log(Log* log) { the_log.store(log, std::memory_order_release); }
Log* process_log() { return the_log.load(std::memory_order_acquire); }

bool log_enabled(Level level) {
  const Log* log = process_log();
  return log == nullptr ? level <= Level::kInfo : log->enabled(level);
}

void log_error(std::string_view event, Fields fields) { write_process(Level::kError, event, fields, nullptr); }
void log_warn(std::string_view event, Fields fields) { write_process(Level::kWarn, event, fields, nullptr); }
void log_info(std::string_view event, Fields fields) { write_process(Level::kInfo, event, fields, nullptr); }
void log_debug(std::string_view event, Fields fields) { write_process(Level::kDebug, event, fields, nullptr); }
void log_error(std::string_view event, const Error& error, Fields fields) {
  write_process(Level::kError, event, fields, &error);
}
void log_warn(std::string_view event, const Error& error, Fields fields) {
  write_process(Level::kWarn, event, fields, &error);
}

}  // namespace portcullis::telemetry
