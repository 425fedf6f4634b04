#include "store/journal_file.h"

#include <algorithm>
#include <optional>
#include <set>

#include "store/internal/journal_chains.h"
#include "store/internal/journal_schema.h"
#include "store/internal/kept_database.h"

namespace portcullis::store {

using internal::Database;
using internal::JournalChains;
using internal::milliseconds;
using internal::Statement;

namespace {

// Of a write-ahead log that a reader keeps from being emptied: more is not written.
constexpr std::int64_t kMostWaitingPages = 16'384;

enum Insert : int {
  kHalf = 1,
  kTime,
  kRun,
  kConnection,
  kRequest,
  kEvent,
  kOutcome,
  kReason,
  kLogValue,
  kDetail,
  kGateway,
  kListener,
  kAddress,
  kClient,
  kClientPort,
  kSni,
  kHost,
  kProtocol,
  kCipher,
  kResumed,
  kLeftOut,
  kChain,
  kSource,
  kStatus,
  kRevocationReason,
  kResponder,
  kThisUpdate,
  kNextUpdate,
  kRevokedAt,
  kAge,
  kLatency,
  kCacheHit,
  kAllowed
};

}  // namespace

struct JournalFile::Tables {
  // One of the two halves of the ring.
  struct Half {
    std::uint64_t entries = 0;
  };
  explicit Tables(Database opened) : database(std::move(opened)), chains(database) {}

  Result<void> prepare(const Options& options);
  void bind_revocation(const RevocationNote& note);
  Result<void> begin_run();
  Result<void> count();
  Result<void> add(const JournalNote& note);
  Result<void> add(const LeftOut& left_out, WallTime now);
  Result<void> write(std::span<const JournalSlot* const> notes, std::span<const LeftOut> left_out, WallTime now);
  Result<void> trim();
  Result<void> evict(std::uint64_t count);
  Result<void> evict(bool refused, std::uint64_t count);
  // Runs `work` in a transaction of its own.
  Result<void> transaction(const std::function<Result<void>()>& work);

  Database database;
  JournalChains chains;
  JournalLimits limits;
  internal::FilePlace place;
  WallTime started{};
  std::int64_t process = 0;
  std::int64_t run = 0;
  Half halves[2];  // admitted, refused

  Statement insert, oldest;
  internal::FileBounds bounds;
};

Result<void> JournalFile::Tables::prepare(const Options& options) {
  limits = options.limits;
  started = options.started;
  process = options.process;
  auto prepared = database.prepare_all(
      {{&insert,
        "INSERT INTO entry(refused,time,run,connection,request,event,outcome,reason,log_value,detail,gateway,"
        "listener,address,client,client_port,sni,host,protocol,cipher,resumed,left_out,chain,revocation_source,"
        "revocation_status,revocation_reason,responder,this_update,next_update,revoked_at,answer_age,answer_latency,"
        "cache_hit,allowed) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
       {&oldest,
        "DELETE FROM entry WHERE id IN (SELECT id FROM entry INDEXED BY entry_by_half WHERE refused=? "
        "ORDER BY id LIMIT ?) RETURNING chain"}});
  if (prepared) prepared = bounds.prepare(database);
  if (prepared) prepared = chains.prepare(options.describe);
  // A table that is not as it was made.
  if (!prepared) return fail(internal::kDamaged, prepared.error().message);
  if (auto counted = count(); !counted) return counted;
  return transaction([&]() -> Result<void> {
    if (auto begun = begin_run(); !begun) return begun;
    return trim();
  });
}

Result<void> JournalFile::Tables::count() {
  for (const int half : {0, 1}) {
    const auto entries = database.number_of("SELECT count(*) FROM entry WHERE refused=" + std::to_string(half));
    if (!entries) return tl::unexpected<Error>(entries.error());
    halves[half].entries = static_cast<std::uint64_t>(*entries);
  }
  return {};
}

Result<void> JournalFile::Tables::begin_run() {
  const std::string values = std::to_string(milliseconds(started)) + "," + std::to_string(process);
  if (auto forgotten = database.run("DELETE FROM run WHERE id NOT IN (SELECT run FROM entry);"
                                    "INSERT OR IGNORE INTO run(started,process) VALUES(" +
                                    values + ");");
      !forgotten) {
    return forgotten;
  }
  const auto id = database.number_of("SELECT id FROM run WHERE (started,process)=(" + values + ")");
  if (!id) return tl::unexpected<Error>(id.error());
  run = *id;
  return {};
}

Result<void> JournalFile::Tables::transaction(const std::function<Result<void>()>& work) {
  const Half before[2] = {halves[0], halves[1]};
  Result<void> done = internal::in_transaction(database, work);
  if (done) return done;
  std::copy(before, before + 2, halves);
  chains.forget_known();
  return done;
}

Result<void> JournalFile::Tables::add(const JournalNote& note) {
  const auto chain = chains.find_or_store(note);
  if (!chain) return tl::unexpected<Error>(chain.error());
  const bool refused = note.outcome != JournalOutcome::kAdmitted;
  const std::string address = note.local.to_string();
  const std::string client = note.client.address.to_string();
  insert.bind(kHalf, refused ? 1 : 0).bind(kTime, milliseconds(note.at)).bind(kRun, run);
  insert.bind(kConnection, static_cast<std::int64_t>(note.connection));
  insert.bind(kRequest, static_cast<std::int64_t>(note.request));
  insert.bind_text(kEvent, to_string(note.event)).bind_text(kOutcome, to_string(note.outcome));
  insert.bind_text(kReason, note.reason).bind_text(kLogValue, note.log_value).bind_text(kDetail, note.detail);
  insert.bind_text(kGateway, note.gateway).bind_text(kListener, note.listener).bind_text(kAddress, address);
  insert.bind_text(kClient, client).bind(kClientPort, note.client.port);
  insert.bind_text(kSni, note.sni).bind_text(kHost, note.host);
  insert.bind_text(kProtocol, note.protocol).bind_text(kCipher, note.cipher);
  insert.bind(kResumed, note.resumed ? 1 : 0).bind(kLeftOut, 0);
  if (*chain != 0) insert.bind(kChain, *chain);
  if (!note.revocation.source.empty()) bind_revocation(note.revocation);
  if (auto added = insert.run(); !added) return added;
  ++halves[refused].entries;
  return {};
}

// What is not bound is null.
void JournalFile::Tables::bind_revocation(const RevocationNote& note) {
  insert.bind_text(kSource, note.source).bind_text(kStatus, note.status).bind_text(kRevocationReason, note.reason);
  if (!note.responder.empty()) insert.bind_text(kResponder, note.responder);
  for (const auto& [column, time] : {std::pair{kThisUpdate, note.this_update}, std::pair{kNextUpdate, note.next_update},
                                     std::pair{kRevokedAt, note.revoked_at}}) {
    if (time != WallTime{}) insert.bind(column, milliseconds(time));
  }
  if (note.age) insert.bind(kAge, note.age->count());
  if (note.latency) insert.bind(kLatency, note.latency->count());
  insert.bind(kCacheHit, note.cache_hit ? 1 : 0).bind(kAllowed, note.allowed ? 1 : 0);
}

Result<void> JournalFile::Tables::add(const LeftOut& left_out, WallTime now) {
  const std::string client = left_out.client == IpAddress() ? "" : left_out.client.to_string();
  insert.bind(kHalf, 1).bind(kTime, milliseconds(now)).bind(kRun, run).bind(kConnection, 0).bind(kRequest, 0);
  insert.bind_text(kEvent, to_string(JournalEvent::kLeftOut));
  insert.bind_text(kOutcome, to_string(JournalOutcome::kLeftOut));
  insert.bind_text(kReason, left_out.reason).bind_text(kLogValue, "");
  std::string detail = "since " + to_utc_seconds(left_out.since);
  if (left_out.event != JournalEvent::kLeftOut) detail = std::string(to_string(left_out.event)) + " " + detail;
  insert.bind_text(kDetail, detail);
  for (const int none : {kGateway, kListener, kAddress, kSni, kHost, kProtocol, kCipher}) insert.bind_text(none, "");
  insert.bind_text(kClient, client).bind(kClientPort, 0).bind(kResumed, 0);
  insert.bind(kLeftOut, static_cast<std::int64_t>(left_out.count));
  if (auto added = insert.run(); !added) return added;
  ++halves[1].entries;
  return {};
}

Result<void> JournalFile::Tables::evict(bool refused, std::uint64_t count) {
  if (count == 0) return {};
  std::set<std::int64_t> orphans;
  oldest.bind(1, refused ? 1 : 0).bind(2, static_cast<std::int64_t>(count));
  std::uint64_t gone = 0;
  for (;;) {
    const auto row = oldest.step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) break;
    ++gone;
    if (!oldest.is_null(0)) orphans.insert(oldest.number(0));
  }
  // Fewer than asked for: others have deleted from the file, and this half is empty.
  halves[refused].entries = gone < count ? 0 : halves[refused].entries - std::min(gone, halves[refused].entries);
  for (const std::int64_t chain : orphans) {
    if (auto done = chains.forget_unused(chain); !done) return done;
  }
  return {};
}

// The fuller half gives way until both are even, and then both.
Result<void> JournalFile::Tables::evict(std::uint64_t count) {
  const bool fuller = halves[1].entries > halves[0].entries;
  const std::uint64_t lead = halves[fuller].entries - halves[!fuller].entries;
  const std::uint64_t alone = std::min(count, lead);
  const std::uint64_t other = (count - alone) / 2;
  if (auto done = evict(fuller, count - other); !done) return done;
  return evict(!fuller, other);
}

Result<void> JournalFile::Tables::trim() {
  return bounds.trim(
      limits.entries, std::max(limits.bytes, JournalLimits::kLeastBytes),
      [this] { return halves[0].entries + halves[1].entries; }, [this](std::uint64_t count) { return evict(count); });
}

Result<void> JournalFile::Tables::write(std::span<const JournalSlot* const> notes, std::span<const LeftOut> left_out,
                                        WallTime now) {
  for (const JournalSlot* slot : notes) {
    if (auto added = add(slot->note); !added) return added;
  }
  for (const LeftOut& count : left_out) {
    if (auto added = add(count, now); !added) return added;
  }
  return trim();
}

JournalFile::JournalFile(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
JournalFile::~JournalFile() = default;

Result<std::unique_ptr<JournalFile>> JournalFile::open(const std::string& path, const Options& options,
                                                       bool* set_aside) {
  const auto prepare = [&options](Tables& tables) { return tables.prepare(options); };
  auto tables = internal::open_tables<Tables>(path, internal::kJournalKind, prepare, set_aside);
  if (!tables) return forward_error(tables);
  return std::unique_ptr<JournalFile>(new JournalFile(std::move(*tables)));
}

Result<void> JournalFile::append(std::span<const JournalSlot* const> notes, std::span<const LeftOut> left_out,
                                 WallTime now) {
  if (notes.empty() && left_out.empty()) return {};
  if (tables_->database.log_pages() > kMostWaitingPages && !tables_->database.empty_log()) {
    return fail(internal::kBusy, "a reader keeps the write-ahead log from being emptied");
  }
  return tables_->transaction([&] { return tables_->write(notes, left_out, now); });
}

Result<void> JournalFile::set_limits(const JournalLimits& limits) {
  tables_->limits = limits;
  if (auto trimmed = tables_->transaction([this] { return tables_->trim(); }); !trimmed) return trimmed;
  // The file itself becomes smaller, too.
  return tables_->database.run("PRAGMA incremental_vacuum");
}

bool JournalFile::in_place() const { return tables_->place.in_place(); }

std::uint64_t JournalFile::entries() const { return tables_->halves[0].entries + tables_->halves[1].entries; }

}  // namespace portcullis::store
