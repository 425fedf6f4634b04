#include "store/internal/kept_database.h"

#include <algorithm>
#include <cstdio>

#include <sys/stat.h>

#include "base/strings.h"

namespace portcullis::store::internal {
namespace {

constexpr std::int64_t kPageBytes = 4'096;

// From one schema to the one that this program has.
Result<void> bring_up_to_date(Database& database, const DatabaseKind& kind, std::size_t schema) {
  if (schema == kind.schemas.size()) return {};
  std::string sql;
  for (const char* step : kind.schemas.subspan(schema)) sql += step;
  sql += kind.views;
  sql += "PRAGMA application_id=" + std::to_string(kind.application) +
         "; PRAGMA user_version=" + std::to_string(kind.schemas.size()) + ";";
  return in_transaction(database, [&] { return database.run(sql); });
}

Result<void> create(Database& database, const DatabaseKind& kind) {
  // The first takes effect in an empty file only, and not within a transaction.
  if (auto made = database.run("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"); !made) return made;
  return bring_up_to_date(database, kind, 0);
}

Result<void> check(Database& database, const DatabaseKind& kind) {
  auto check = database.prepare("PRAGMA quick_check(1)");
  if (!check) return forward_error(check);
  const auto row = check->step();
  if (!row) return tl::unexpected<Error>(row.error());
  if (*row && check->text(0) != "ok") return fail(kDamaged, printable(check->text(0)));
  const auto tables = database.number_of("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='" +
                                         std::string(kind.table) + "'");
  if (!tables) return tl::unexpected<Error>(tables.error());
  if (*tables != 1) return fail(kDamaged, "no table '" + std::string(kind.table) + "'");
  return {};
}

Result<void> make_ready(Database& database, const DatabaseKind& kind) {
  if (auto set = database.run("PRAGMA page_size=4096; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; "
                              "PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=8388608; PRAGMA cache_size=-6144;");
      !set) {
    return set;
  }
  const auto application = database.number_of("PRAGMA application_id");
  if (!application) return tl::unexpected<Error>(application.error());
  const auto objects = database.number_of("SELECT count(*) FROM sqlite_schema");
  if (!objects) return tl::unexpected<Error>(objects.error());
  if (*objects == 0) {
    if (auto made = create(database, kind); !made) return made;
  } else if (*application != kind.application) {
    return fail(kDamaged, "no " + std::string(kind.name) + " of Portcullis");
  }
  const auto schema = database.number_of("PRAGMA user_version");
  if (!schema) return tl::unexpected<Error>(schema.error());
  const auto newest = static_cast<std::int64_t>(kind.schemas.size());
  if (*schema > newest) {
    return fail("store.newer", "written by a later version (schema " + std::to_string(*schema) + ", this one reads " +
                                   std::to_string(newest) + ")");
  }
  if (*schema < 1) return fail(kDamaged, "no schema " + std::to_string(*schema));
  if (auto set = database.run("PRAGMA journal_mode=WAL"); !set) return set;
  if (auto whole = check(database, kind); !whole) return whole;
  // It has read the whole file.
  if (auto let_go = database.run("PRAGMA shrink_memory"); !let_go) return let_go;
  return bring_up_to_date(database, kind, static_cast<std::size_t>(*schema));
}

Result<void> set_damaged_aside(const std::string& path) {
  std::remove((path + "-wal").c_str());
  std::remove((path + "-shm").c_str());
  const std::string aside = path + ".damaged";
  if (std::rename(path.c_str(), aside.c_str()) == 0) return {};
  return fail(kFailed, path + ": damaged, and cannot be renamed to " + aside);
}

}  // namespace

Result<void> in_transaction(Database& database, const std::function<Result<void>()>& work) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return begun;
  Result<void> done = work();
  if (done) done = database.run("COMMIT");
  // Where SQLite has rolled back by itself this fails, and that is as good.
  if (!done) static_cast<void>(database.run("ROLLBACK"));
  return done;
}

Result<void> open_kept(const std::string& path, const DatabaseKind& kind,
                       const std::function<Result<void>(Database)>& use, bool* set_aside) {
  if (set_aside != nullptr) *set_aside = false;
  for (bool first = true;; first = false) {
    Result<void> opened;
    {
      auto database = Database::open(path, Database::Mode::kWriter);
      if (database) {
        opened = make_ready(*database, kind);
        if (opened) opened = use(std::move(*database));
      } else {
        opened = forward_error(database);
      }
      if (opened) return opened;
    }
    if (opened.error().code != kDamaged || !first) {
      opened.error().message.insert(0, path + ": ");
      return opened;
    }
    if (auto moved = set_damaged_aside(path); !moved) return moved;
    if (set_aside != nullptr) *set_aside = true;
  }
}

std::pair<dev_t, ino_t> FilePlace::named_by(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

Result<void> FileBounds::prepare(Database& database) {
  return database.prepare_all({{&pages_, "PRAGMA page_count"}, {&free_pages_, "PRAGMA freelist_count"}});
}

Result<std::int64_t> FileBounds::used() {
  std::int64_t pages = 0;
  for (auto [statement, sign] : {std::pair{&pages_, 1}, std::pair{&free_pages_, -1}}) {
    const auto row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    pages += sign * statement->number(0);
    statement->reset();
  }
  return pages * kPageBytes;
}

Result<void> FileBounds::trim(std::uint64_t most_rows, std::uint64_t most_bytes,
                              const std::function<std::uint64_t()>& rows,
                              const std::function<Result<void>(std::uint64_t)>& evict) {
  if (rows() > most_rows) {
    if (auto done = evict(rows() - most_rows); !done) return done;
  }
  const auto most = static_cast<std::int64_t>(most_bytes);
  // Each round takes what should suffice if rows were alike; they are not.
  for (;;) {
    const auto taken = used();
    if (!taken) return tl::unexpected<Error>(taken.error());
    if (*taken <= most || rows() == 0) return {};
    const auto over = static_cast<std::uint64_t>(*taken - most);
    const std::uint64_t share = rows() * over / static_cast<std::uint64_t>(*taken);
    if (auto done = evict(std::min(rows(), share + rows() / 64 + 1)); !done) return done;
  }
}

}  // namespace portcullis::store::internal
