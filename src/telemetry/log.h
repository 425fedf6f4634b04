// The structured program log: one JSON object a line, `{"time":"…Z","level":"info","event":"ready",…}`. One
// process-wide log is set by main; until then (and in tests) lines go to stderr at once. Callers on any thread;
// formatting happens on the caller's, writing on the log's own, so a slow disk never stops a worker: lines over the
// bound are dropped, counted and reported. Secrets and private keys are never passed in.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/line_writer.h"

namespace portcullis::telemetry {

enum class Level : int { kError, kWarn, kInfo, kDebug };

std::string_view level_name(Level level);
// "error", "warn", "info", "debug" without regard to case.
std::optional<Level> parse_level(std::string_view name);

// One member of a log line. Refers to its text: build it inside the call.
struct Field {
  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, double number) : key(name), value(number) {}
  template <std::same_as<bool> T>
  Field(std::string_view name, T flag) : key(name), value(flag) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view name, T number) : key(name) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<std::int64_t>(number);
    } else {
      value = static_cast<std::uint64_t>(number);
    }
  }

  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;
};
using Fields = std::initializer_list<Field>;

class Log {
 public:
  struct Options {
    std::string path = "-";      // host file `log.path`: a file, or "-" for stdout
    Level level = Level::kInfo;  // host file `log.level`
    std::size_t max_pending_bytes = 4U << 20U;
    const Clock* clock = nullptr;  // outlives the log; null: the system's
  };

  // Errors: `log.open_failed`.
  static Result<std::unique_ptr<Log>> open(Options options);
  ~Log();  // writes out what is pending; the process log must have been taken back before

  // `event` is dotted, stable and documented: "listener.up". Members "time", "level" and "event" are the log's own.
  // `error` may be null.
  void write(Level level, std::string_view event, Fields fields = {}, const Error* error = nullptr);
  bool enabled(Level level) const { return level <= level_.load(std::memory_order_relaxed); }
  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }
  void reopen() { writer_->reopen(); }       // for SIGUSR1; returns at once
  bool flush() { return writer_->flush(); }  // at most two seconds
  LineLosses losses() const { return writer_->losses(); }

 private:
  explicit Log(const Options& options);
  void report(const LineLosses& losses);

  SystemClock system_clock_;
  const Clock& clock_;
  std::atomic<Level> level_;
  LineWriter::Producer* producer_ = nullptr;
  std::unique_ptr<LineWriter> writer_;
};

// Makes `log` the one that log_*() write to; null: stderr again. The log must outlive every thread that logs.
void set_process_log(Log* log);
// The log set, or null.
Log* process_log();

// Whether a line of this level would be written: guards costly fields.
bool log_enabled(Level level);
void log_error(std::string_view event, Fields fields = {});
void log_warn(std::string_view event, Fields fields = {});
void log_info(std::string_view event, Fields fields = {});
void log_debug(std::string_view event, Fields fields = {});
// An Error as fields `code` and `message` after those given, at level error.
void log_error(std::string_view event, const Error& error, Fields fields = {});
void log_warn(std::string_view event, const Error& error, Fields fields = {});

// One line in the form of the log, without its line break, appended to `out`.
void format_log_line(std::string& out, WallTime time, Level level, std::string_view event, Fields fields,
                     const Error* error = nullptr);

}  // namespace portcullis::telemetry
