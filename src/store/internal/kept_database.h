// A database of ours in the state directory: told from others by its application id, of one schema, looked through when
// it is opened, and set aside where it is damaged. By the thread that writes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "base/clock.h"
#include "store/internal/sqlite.h"

namespace portcullis::store::internal {

// A moment as the tables have it: milliseconds since 1970.
inline std::int64_t milliseconds(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_of(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }

struct DatabaseKind {
  std::string_view name;   // "journal": for messages
  int application = 0;     // PRAGMA application_id
  const char* table = "";  // its main one: a file without it is damaged
  // SQL that makes schema n (PRAGMA user_version) of the one before, and the first in an empty file.
  std::span<const char* const> schemas;
  const char* views = "";  // SQL for what is made anew whenever the tables have changed
};

// Opens the database at `path`, makes its tables where it is empty, brings those of an earlier version up to date,
// looks whether the file is whole, and hands it to `use`. One that is damaged or of another kind, or that `use` finds
// so, is renamed to PATH.damaged (in place of an older such) and a new one begun, which `set_aside` (may be null)
// tells. Errors: store.newer (of a later version's: left as it is), store.full, store.busy, store.failed.
Result<void> open_kept(const std::string& path, const DatabaseKind& kind,
                       const std::function<Result<void>(Database)>& use, bool* set_aside);

// Runs `work`, which says whether it succeeded, in a transaction: all of it or nothing.
Result<void> in_transaction(Database& database, const std::function<Result<void>()>& work);

// Which file a path names: whether it has been moved away since.
class FilePlace {
 public:
  FilePlace() = default;
  explicit FilePlace(std::string path) : path_(std::move(path)), file_(named_by(path_)) {}
  bool in_place() const { return named_by(path_) == file_; }

 private:
  static std::pair<dev_t, ino_t> named_by(const std::string& path);
  std::string path_;
  std::pair<dev_t, ino_t> file_{};
};

// open_kept() for a kind's prepared tables: Tables(Database) is made, its `prepare` says whether they are as they were
// made, and its `place` is the file.
template <class Tables, class Prepare>
Result<std::unique_ptr<Tables>> open_tables(const std::string& path, const DatabaseKind& kind, Prepare prepare,
                                            bool* set_aside) {
  std::unique_ptr<Tables> tables;
  const auto use = [&](Database database) {
    tables = std::make_unique<Tables>(std::move(database));
    Result<void> ready = prepare(*tables);
    if (!ready) tables.reset();
    return ready;
  };
  if (auto opened = open_kept(path, kind, use, set_aside); !opened) return forward_error(opened);
  tables->place = FilePlace(path);
  return tables;
}

// Keeps a file within its bounds, in the transaction at hand.
class FileBounds {
 public:
  Result<void> prepare(Database& database);
  // `rows`: how many there are. `evict(n)` takes so many away. At most `most_rows`, and `most_bytes` of the file
  // without what is free in it.
  Result<void> trim(std::uint64_t most_rows, std::uint64_t most_bytes, const std::function<std::uint64_t()>& rows,
                    const std::function<Result<void>(std::uint64_t)>& evict);

 private:
  Result<std::int64_t> used();

  Statement pages_, free_pages_;
};

}  // namespace portcullis::store::internal
