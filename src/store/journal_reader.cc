#include "store/journal_reader.h"

#include <utility>

#include "base/strings.h"
#include "store/internal/journal_schema.h"
#include "store/internal/sqlite.h"

namespace portcullis::store {

using internal::Database;
using internal::Statement;
using internal::time_of;

namespace {

// About two seconds: a search of the largest journal for what is not there ends before.
constexpr int kMostSteps = 100'000'000;

constexpr const char* kColumns =
    "SELECT entry.id,time,run,run.started,connection,request,event,outcome,reason,log_value,detail,gateway,listener,"
    "address,client,client_port,sni,host,protocol,cipher,resumed,left_out,entry.chain,subject,issuer,serial,sha1,"
    "sha256,not_before,not_after,revocation_source,revocation_status,revocation_reason,responder,this_update,"
    "next_update,revoked_at,answer_age,answer_latency,cache_hit,allowed FROM entry LEFT JOIN run ON run.id=entry.run "
    "LEFT JOIN chain ON chain.id=entry.chain "
    "WHERE entry.id<?";

// The conditions of a query: SQL of ours, and the values to bind to it in order.
class Conditions {
 public:
  void add(const char* sql, std::int64_t number) {
    sql_ += sql;
    values_.push_back({number, {}, false});
  }
  void add(const char* sql, std::string text) {
    sql_ += sql;
    values_.push_back({0, std::move(text), true});
  }
  const std::string& sql() const { return sql_; }
  void bind(Statement& statement) const {
    int at = 0;
    for (const Value& value : values_) {
      ++at;
      if (value.is_text) {
        statement.bind_text(at, value.text);
      } else {
        statement.bind(at, value.number);
      }
    }
  }

 private:
  struct Value {
    std::int64_t number;
    std::string text;
    bool is_text;
  };
  std::string sql_ = kColumns;
  std::vector<Value> values_;
};

// 40 or 64 lower-case hex digits; empty: it is no fingerprint.
std::string plain_fingerprint(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == ':' || c == ' ') continue;
    if (hex_value(c) < 0) return {};
    plain += ascii_lower(c);
  }
  return plain.size() == 40 || plain.size() == 64 ? plain : std::string();
}

Result<Conditions> conditions_of(const JournalQuery& query) {
  if (query.limit == 0 || query.limit > JournalQuery::kMostPerPage) {
    return fail("journal.query", "a page has 1 to " + std::to_string(JournalQuery::kMostPerPage) + " entries");
  }
  Conditions where;
  where.add("", query.before);
  if (query.from) where.add(" AND time>=?", query.from->time_since_epoch().count());
  if (query.until) where.add(" AND time<?", query.until->time_since_epoch().count());
  if (!query.gateway.empty()) where.add(" AND gateway=?", query.gateway);
  if (!query.listener.empty()) where.add(" AND listener=?", query.listener);
  if (!query.client.empty()) where.add(" AND client=?", query.client);
  if (query.reason.ends_with(".*")) {
    const std::string prefix = query.reason.substr(0, query.reason.size() - 1);
    where.add(" AND substr(reason,1,length(?))", prefix);
    where.add("=?", prefix);
  } else if (!query.reason.empty()) {
    where.add(" AND reason=?", query.reason);
  }
  if (query.outcome) where.add(" AND outcome=?", std::string(to_string(*query.outcome)));
  if (query.connection) where.add(" AND connection=?", static_cast<std::int64_t>(*query.connection));
  if (query.run) where.add(" AND run=?", *query.run);
  if (!query.fingerprint.empty()) {
    const std::string plain = plain_fingerprint(query.fingerprint);
    if (plain.empty()) {
      return fail("journal.query", "'" + printable(query.fingerprint, 80) +
                                       "' is no fingerprint: 40 (SHA-1) or 64 (SHA-256) hex digits");
    }
    where.add(plain.size() == 40 ? " AND entry.chain IN (SELECT id FROM chain WHERE sha1=?)"
                                 : " AND entry.chain IN (SELECT id FROM chain WHERE sha256=?)",
              plain);
  }
  // Not LIKE: what is searched for has no wildcards.
  if (!query.subject.empty()) where.add(" AND instr(lower(subject),?)>0", to_lower(query.subject));
  return where;
}

JournalRevocation revocation_of(const Statement& row, int column) {
  JournalRevocation known;
  for (std::string* into : {&known.source, &known.status, &known.reason, &known.responder}) *into = row.text(column++);
  for (auto* into : {&known.this_update, &known.next_update, &known.revoked_at}) {
    if (!row.is_null(column)) *into = time_of(row.number(column));
    ++column;
  }
  for (auto* into : {&known.age, &known.latency}) {
    if (!row.is_null(column)) *into = std::chrono::milliseconds(row.number(column));
    ++column;
  }
  known.cache_hit = row.number(column++) != 0;
  known.allowed = row.number(column) != 0;
  return known;
}

JournalEntry entry_of(const Statement& row) {
  JournalEntry entry;
  int column = 0;
  const auto number = [&] { return row.number(column++); };
  const auto text = [&](std::string& into) { into = row.text(column++); };
  entry.id = number();
  entry.time = time_of(number());
  entry.run = number();
  entry.run_started = time_of(number());
  entry.connection = static_cast<std::uint64_t>(number());
  entry.request = static_cast<std::uint64_t>(number());
  for (std::string* into : {&entry.event, &entry.outcome, &entry.reason, &entry.log_value, &entry.detail,
                            &entry.gateway, &entry.listener, &entry.address, &entry.client}) {
    text(*into);
  }
  entry.client_port = static_cast<std::uint16_t>(number());
  for (std::string* into : {&entry.sni, &entry.host, &entry.protocol, &entry.cipher}) text(*into);
  entry.resumed = number() != 0;
  entry.left_out = static_cast<std::uint64_t>(number());
  entry.chain = number();
  for (std::string* into : {&entry.subject, &entry.issuer, &entry.serial, &entry.sha1, &entry.sha256}) text(*into);
  entry.not_before = time_of(number());
  entry.not_after = time_of(number());
  entry.revocation = revocation_of(row, column);
  return entry;
}

}  // namespace

struct JournalReader::State {
  Database database;
};

JournalReader::JournalReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
JournalReader::JournalReader(JournalReader&&) noexcept = default;
JournalReader& JournalReader::operator=(JournalReader&&) noexcept = default;
JournalReader::~JournalReader() = default;

Result<JournalReader> JournalReader::open(const std::string& path) {
  auto database = Database::open(path, Database::Mode::kReader);
  if (!database) return forward_error(database);
  const auto application = database->number_of("PRAGMA application_id");
  if (!application) return tl::unexpected<Error>(application.error());
  if (*application != internal::kJournalApplication) return fail(internal::kDamaged, path + ": no journal");
  const auto schema = database->number_of("PRAGMA user_version");
  if (!schema) return tl::unexpected<Error>(schema.error());
  if (*schema > internal::kJournalSchema) return fail("store.newer", path + ": written by a later version");
  if (*schema < internal::kJournalSchema) {
    return fail("store.older",
                path + ": written by an earlier version; the gateway brings it up to date when it opens it");
  }
  return JournalReader(std::make_unique<State>(State{std::move(*database)}));
}

Result<JournalPage> JournalReader::find(const JournalQuery& query) {
  const auto where = conditions_of(query);
  if (!where) return tl::unexpected<Error>(where.error());
  auto statement =
      state_->database.prepare(where->sql() + " ORDER BY entry.id DESC LIMIT " + std::to_string(query.limit + 1));
  if (!statement) return forward_error(statement);
  where->bind(*statement);
  state_->database.limit_steps(kMostSteps);
  JournalPage page;
  for (;;) {
    const auto row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return page;
    if (page.entries.size() == query.limit) {
      page.more = true;
      return page;
    }
    page.entries.push_back(entry_of(*statement));
  }
}

Result<std::vector<std::string>> JournalReader::chain(std::int64_t chain) {
  auto statement = state_->database.prepare(
      "SELECT der FROM chain_certificate JOIN certificate ON certificate.id=certificate WHERE chain=? ORDER BY place");
  if (!statement) return forward_error(statement);
  statement->bind(1, chain);
  std::vector<std::string> certificates;
  for (;;) {
    const auto row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return certificates;
    certificates.emplace_back(statement->text(0));
  }
}

}  // namespace portcullis::store
