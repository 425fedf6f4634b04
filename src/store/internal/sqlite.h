// SQLite made safe: a connection and a prepared statement as owned values, failures as Errors. Text and bytes reach a
// statement by binding only. One connection is used by one thread at a time.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace portcullis::store::internal {

// What went wrong, as far as the answer to it differs.
inline constexpr std::string_view kDamaged = "store.damaged";  // not a database, or its pages contradict each other
inline constexpr std::string_view kFull = "store.full";        // the disk, a quota; or it refuses to be written to
inline constexpr std::string_view kBusy = "store.busy";        // another process holds the file's lock
inline constexpr std::string_view kFailed = "store.failed";    // all others

class Statement {
 public:
  Statement() = default;

  // Parameters count from 1. What is bound as a view must live until the next reset().
  Statement& bind(int at, std::int64_t number);
  Statement& bind_text(int at, std::string_view text);
  Statement& bind_blob(int at, std::string_view bytes);

  // The next row: true while there is one. A statement that has ended or failed is reset.
  Result<bool> step();
  // For a statement without rows.
  Result<void> run();
  void reset();

  // Of the row at hand; columns count from 0. Views hold until the next step().
  std::int64_t number(int column) const;
  std::string_view text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* native) : native_(native) {}

  std::unique_ptr<sqlite3_stmt, Finalize> native_;
};

class Database {
 public:
  enum class Mode : std::uint8_t { kWriter, kReader };

  // A writer makes the file where there is none (mode 0600). Statements must be gone before their database.
  static Result<Database> open(const std::string& path, Mode mode);

  Result<Statement> prepare(std::string_view sql);
  struct ToPrepare {
    Statement* into;
    std::string_view sql;
  };
  Result<void> prepare_all(std::initializer_list<ToPrepare> statements);
  // Several statements; their rows are not looked at.
  Result<void> run(const std::string& sql);
  // The first column of the first row of a statement; 0 where there is none.
  Result<std::int64_t> number_of(std::string_view sql);
  std::int64_t last_id() const;
  // Puts the write-ahead log into the file and empties it. False: a reader is in the way.
  bool empty_log();
  // Pages in the write-ahead log; emptied by each commit that leaves more than a thousand, where no reader is in the
  // way.
  std::int64_t log_pages() const { return *log_pages_; }
  // What is read from now on fails with kFailed once about `steps` of SQLite's machine were run.
  void limit_steps(int steps);

 private:
  struct Close {
    void operator()(sqlite3* native) const;
  };
  explicit Database(sqlite3* native) : native_(native) {}
  static int on_commit(void* pages, sqlite3* native, const char* name, int count);

  std::unique_ptr<std::int64_t> log_pages_ = std::make_unique<std::int64_t>(0);  // written by a hook: it never moves
  std::unique_ptr<sqlite3, Close> native_;
};

}  // namespace portcullis::store::internal
