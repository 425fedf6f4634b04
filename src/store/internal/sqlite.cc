#include "store/internal/sqlite.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace portcullis::store::internal {
namespace {

constexpr int kCheckpointAt = 1'000;  // pages

std::string_view code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return kDamaged;
    case SQLITE_FULL:
      return kFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return kBusy;
    case SQLITE_IOERR:
      // A quota and a limit on the size of files end here, not at SQLITE_FULL; why a write failed SQLite does not keep.
      return result == SQLITE_IOERR_WRITE ? kFull : kFailed;
    default:
      return kFailed;
  }
}

tl::unexpected<Error> failure(sqlite3* database, int result) {
  std::string message = database == nullptr ? sqlite3_errstr(result) : sqlite3_errmsg(database);
  const int error = database == nullptr ? 0 : sqlite3_system_errno(database);
  const int kind = result & 0xff;
  if (error != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) {
    message += std::string(" (") + std::strerror(error) + ")";
  }
  return fail(code_of(result), std::move(message));
}

// SQLite would make the file with the umask's mode, and its companions after it. A file that is there is not opened for
// that: closing any descriptor of it would drop the locks that this process's other connections hold (fcntl(2)).
Result<void> make_private(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
      ::close(fd);
      return {};
    }
    if (errno != EEXIST || ::lstat(path.c_str(), &status) != 0) {
      return fail(kFailed, path + ": " + std::strerror(errno));
    }
  }
  if (!S_ISREG(status.st_mode)) return fail(kFailed, path + ": not a file");
  if ((status.st_mode & 0077) == 0 || ::chmod(path.c_str(), 0600) == 0) return {};
  return fail(kFailed, path + ": others may read it, and its mode cannot be changed to 0600");
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* native) const { sqlite3_close_v2(native); }

Statement& Statement::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(native_.get(), at, number);
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(native_.get(), at, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  sqlite3_bind_blob64(native_.get(), at, data, bytes.size(), SQLITE_STATIC);
  return *this;
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(native_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    reset();
    return false;
  }
  auto failed = failure(sqlite3_db_handle(native_.get()), result);
  reset();
  return failed;
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(native_.get());
  sqlite3_clear_bindings(native_.get());
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(native_.get(), column); }

std::string_view Statement::text(int column) const {
  const void* data = sqlite3_column_blob(native_.get(), column);
  const int size = sqlite3_column_bytes(native_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(native_.get(), column) == SQLITE_NULL; }

Result<Database> Database::open(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  if (mode == Mode::kWriter) {
    if (auto made = make_private(path); !made) return forward_error(made);
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  } else {
    flags |= SQLITE_OPEN_READONLY;
  }
  sqlite3* native = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &native, flags, nullptr);
  Database database(native);
  if (result != SQLITE_OK) return failure(native, result);
  sqlite3_busy_timeout(native, 200);
  // What a file's schema says is not to be trusted further than its data.
  sqlite3_db_config(native, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(native, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(native, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_wal_hook(native, &Database::on_commit, database.log_pages_.get());
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* native = nullptr;
  const int result = sqlite3_prepare_v3(native_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &native, nullptr);
  if (result != SQLITE_OK) return failure(native_.get(), result);
  return Statement(native);
}

Result<void> Database::prepare_all(std::initializer_list<ToPrepare> statements) {
  for (const ToPrepare& wanted : statements) {
    auto prepared = prepare(wanted.sql);
    if (!prepared) return forward_error(prepared);
    *wanted.into = std::move(*prepared);
  }
  return {};
}

Result<void> Database::run(const std::string& sql) {
  const int result = sqlite3_exec(native_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return failure(native_.get(), result);
  return {};
}

Result<std::int64_t> Database::number_of(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return forward_error(statement);
  const auto row = statement->step();
  if (!row) return tl::unexpected<Error>(row.error());
  return *row ? statement->number(0) : 0;
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(native_.get()); }

bool Database::empty_log() {
  const int result = sqlite3_wal_checkpoint_v2(native_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (result == SQLITE_OK) *log_pages_ = 0;
  return result == SQLITE_OK;
}

int Database::on_commit(void* pages, sqlite3* native, const char* name, int count) {
  *static_cast<std::int64_t*>(pages) = count;
  if (count >= kCheckpointAt) sqlite3_wal_checkpoint_v2(native, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  return SQLITE_OK;
}

void Database::limit_steps(int steps) {
  const auto stop = [](void*) { return 1; };
  sqlite3_progress_handler(native_.get(), steps, stop, nullptr);
}

}  // namespace portcullis::store::internal
