#include "store/answer_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/internal/answer_schema.h"
#include "store/internal/kept_database.h"

namespace portcullis::store {

std::string answers_path(const std::string& state_dir) { return state_dir + "/ocsp.db"; }

using internal::Database;
using internal::milliseconds;
using internal::Statement;
using internal::time_of;

namespace {

constexpr const char* kSchemas[] = {internal::kAnswerTables};
static_assert(std::size(kSchemas) == AnswerFile::kSchema);
constexpr internal::DatabaseKind kKind{"file of OCSP answers", internal::kAnswerApplication, "answer", kSchemas};
// A look-up takes a few dozen; a table that is not as it was made must not hold its reader up.
constexpr int kMostSteps = 100'000;

}  // namespace

struct AnswerFile::Tables {
  explicit Tables(Database opened) : database(std::move(opened)) {}

  Result<void> prepare();
  Result<void> count();
  Result<void> put(const SavedAnswer& answer);
  Result<void> trim();
  Result<void> evict(std::uint64_t wanted);

  Database database;
  AnswerLimits limits;
  internal::FilePlace place;
  std::uint64_t answers = 0;
  Statement known, insert, replace, last;
  internal::FileBounds bounds;
};

Result<void> AnswerFile::Tables::prepare() {
  auto prepared = database.prepare_all(
      {{&known, "SELECT revoked,this_update FROM answer WHERE key=?"},
       {&insert, "INSERT INTO answer(key,revoked,this_update,heard_at,until,response) VALUES(?,?,?,?,?,?)"},
       {&replace, "UPDATE answer SET revoked=?2,this_update=?3,heard_at=?4,until=?5,response=?6 WHERE key=?1"},
       {&last,
        "DELETE FROM answer WHERE key IN (SELECT key FROM answer INDEXED BY answer_by_end ORDER BY revoked,until "
        "LIMIT ?) RETURNING 1"}});
  if (prepared) prepared = bounds.prepare(database);
  // A table that is not as it was made.
  if (!prepared) return fail(internal::kDamaged, prepared.error().message);
  if (auto counted = count(); !counted) return counted;
  return internal::in_transaction(database, [this] { return trim(); });
}

Result<void> AnswerFile::Tables::count() {
  const auto there = database.number_of("SELECT count(*) FROM answer");
  if (!there) return tl::unexpected<Error>(there.error());
  answers = static_cast<std::uint64_t>(*there);
  return {};
}

Result<void> AnswerFile::Tables::put(const SavedAnswer& answer) {
  if (answer.response.size() > SavedAnswer::kMostBytes) return {};
  known.bind_blob(1, answer.key.view());
  const auto found = known.step();
  if (!found) return tl::unexpected<Error>(found.error());
  const bool may = !*found || answer.may_replace(known.number(0) != 0, time_of(known.number(1)));
  known.reset();
  if (!may) return {};
  Statement& statement = *found ? replace : insert;
  statement.bind_blob(1, answer.key.view()).bind(2, answer.revoked ? 1 : 0);
  statement.bind(3, milliseconds(answer.this_update)).bind(4, milliseconds(answer.heard_at));
  statement.bind(5, milliseconds(answer.until));
  if (auto done = statement.bind_blob(6, answer.response).run(); !done) return done;
  if (!*found) ++answers;
  return {};
}

Result<void> AnswerFile::Tables::evict(std::uint64_t wanted) {
  last.bind(1, static_cast<std::int64_t>(wanted));
  std::uint64_t gone = 0;
  for (;;) {
    const auto row = last.step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) break;
    ++gone;
  }
  // Fewer than asked for: others have deleted from the file, and it is empty.
  answers = gone < wanted ? 0 : answers - std::min(gone, answers);
  return {};
}

Result<void> AnswerFile::Tables::trim() {
  return bounds.trim(
      limits.answers, std::max(limits.bytes, AnswerLimits::kLeastBytes), [this] { return answers; },
      [this](std::uint64_t wanted) { return evict(wanted); });
}

AnswerFile::AnswerFile(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
AnswerFile::~AnswerFile() = default;

Result<std::unique_ptr<AnswerFile>> AnswerFile::open(const std::string& path, const AnswerLimits& limits,
                                                     bool* set_aside) {
  const auto prepare = [&limits](Tables& tables) {
    tables.limits = limits;
    return tables.prepare();
  };
  auto tables = internal::open_tables<Tables>(path, kKind, prepare, set_aside);
  if (!tables) return forward_error(tables);
  return std::unique_ptr<AnswerFile>(new AnswerFile(std::move(*tables)));
}

Result<void> AnswerFile::save(std::span<const SavedAnswer> answers) {
  if (answers.empty()) return {};
  const std::uint64_t before = tables_->answers;
  auto done = internal::in_transaction(tables_->database, [&]() -> Result<void> {
    for (const SavedAnswer& answer : answers) {
      if (auto put = tables_->put(answer); !put) return put;
    }
    return tables_->trim();
  });
  if (!done) tables_->answers = before;
  return done;
}

std::uint64_t AnswerFile::answers() const { return tables_->answers; }
bool AnswerFile::in_place() const { return tables_->place.in_place(); }

struct AnswerReader::Open {
  explicit Open(Database opened) : database(std::move(opened)) {}
  Database database;
  Statement statement;
  internal::FilePlace place;
};

AnswerReader::AnswerReader(std::string path) : path_(std::move(path)) {}
AnswerReader::~AnswerReader() = default;

Result<void> AnswerReader::open() {
  const internal::FilePlace place(path_);
  auto database = Database::open(path_, Database::Mode::kReader);
  if (!database) return forward_error(database);
  auto opened = std::make_unique<Open>(std::move(*database));
  opened->place = place;
  const auto application = opened->database.number_of("PRAGMA application_id");
  const auto schema = opened->database.number_of("PRAGMA user_version");
  if (!application || !schema || *application != internal::kAnswerApplication || *schema != AnswerFile::kSchema) {
    return fail(internal::kDamaged, path_ + ": not what is read here");
  }
  // What is over the limit was not written by this program.
  auto prepared = opened->database.prepare(
      "SELECT response,revoked,this_update,heard_at,until FROM answer WHERE key=? AND length(response)<=" +
      std::to_string(SavedAnswer::kMostBytes));
  if (!prepared) return forward_error(prepared);
  opened->statement = std::move(*prepared);
  opened->database.limit_steps(kMostSteps);
  open_ = std::move(opened);
  return {};
}

std::optional<SavedAnswer> AnswerReader::find(const Digest& key) {
  if (open_ != nullptr && !open_->place.in_place()) open_.reset();
  if (open_ == nullptr && !open()) return std::nullopt;
  Statement& statement = open_->statement;
  const auto found = statement.bind_blob(1, key.view()).step();
  if (!found || !*found) {
    if (!found) open_.reset();
    return std::nullopt;
  }
  SavedAnswer answer;
  answer.key = key;
  answer.response = statement.text(0);
  answer.revoked = statement.number(1) != 0;
  answer.this_update = time_of(statement.number(2));
  answer.heard_at = time_of(statement.number(3));
  answer.until = time_of(statement.number(4));
  statement.reset();
  return answer;
}

}  // namespace portcullis::store
