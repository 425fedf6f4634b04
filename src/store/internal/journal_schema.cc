#include "store/internal/journal_schema.h"

#include <iterator>

namespace portcullis::store::internal {
namespace {

// As schema 1 had them; what came later is added to a new file as to an old one.
constexpr const char* kTables = R"sql(
CREATE TABLE run(
  id INTEGER PRIMARY KEY,
  started INTEGER NOT NULL,
  process INTEGER NOT NULL,
  UNIQUE(started, process));
CREATE TABLE certificate(
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE,
  der BLOB NOT NULL);
CREATE TABLE chain(
  id INTEGER PRIMARY KEY,
  digests BLOB NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  issuer TEXT NOT NULL,
  serial TEXT NOT NULL,
  sha1 TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL);
CREATE INDEX chain_by_sha1 ON chain(sha1);
CREATE INDEX chain_by_sha256 ON chain(sha256);
CREATE TABLE chain_certificate(
  chain INTEGER NOT NULL,
  place INTEGER NOT NULL,
  certificate INTEGER NOT NULL,
  PRIMARY KEY(chain, place)) WITHOUT ROWID;
CREATE INDEX chain_by_certificate ON chain_certificate(certificate);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY,
  refused INTEGER NOT NULL,
  time INTEGER NOT NULL,
  run INTEGER NOT NULL,
  connection INTEGER NOT NULL,
  request INTEGER NOT NULL,
  event TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  log_value TEXT NOT NULL,
  detail TEXT NOT NULL,
  gateway TEXT NOT NULL,
  listener TEXT NOT NULL,
  address TEXT NOT NULL,
  client TEXT NOT NULL,
  client_port INTEGER NOT NULL,
  sni TEXT NOT NULL,
  host TEXT NOT NULL,
  protocol TEXT NOT NULL,
  cipher TEXT NOT NULL,
  resumed INTEGER NOT NULL,
  left_out INTEGER NOT NULL,
  chain INTEGER);
CREATE INDEX entry_by_half ON entry(refused);
CREATE INDEX entry_by_time ON entry(time);
CREATE INDEX entry_by_chain ON entry(chain) WHERE chain IS NOT NULL;
CREATE INDEX entry_by_reason ON entry(reason) WHERE refused = 1;
)sql";

// Schema 2: what was known of revocation (RevocationNote). Null where nobody was asked, and for what is not known;
// times are milliseconds since 1970, age and latency milliseconds.
constexpr const char* kRevocation = R"sql(
ALTER TABLE entry ADD COLUMN revocation_source TEXT;
ALTER TABLE entry ADD COLUMN revocation_status TEXT;
ALTER TABLE entry ADD COLUMN revocation_reason TEXT;
ALTER TABLE entry ADD COLUMN responder TEXT;
ALTER TABLE entry ADD COLUMN this_update INTEGER;
ALTER TABLE entry ADD COLUMN next_update INTEGER;
ALTER TABLE entry ADD COLUMN revoked_at INTEGER;
ALTER TABLE entry ADD COLUMN answer_age INTEGER;
ALTER TABLE entry ADD COLUMN answer_latency INTEGER;
ALTER TABLE entry ADD COLUMN cache_hit INTEGER;
ALTER TABLE entry ADD COLUMN allowed INTEGER;
)sql";

// Made anew whenever the tables have changed. Age and latency in seconds.
constexpr const char* kView = R"sql(
DROP VIEW IF EXISTS journal;
CREATE VIEW journal AS
  SELECT entry.id, strftime('%Y-%m-%dT%H:%M:%fZ', entry.time / 1000.0, 'unixepoch') AS time, run, connection, request,
    event, outcome, reason, log_value, detail, gateway, listener, address, client, client_port, sni, host, protocol,
    cipher, resumed, left_out, subject, issuer, serial, sha1, sha256,
    strftime('%Y-%m-%dT%H:%M:%SZ', not_before / 1000, 'unixepoch') AS not_before,
    strftime('%Y-%m-%dT%H:%M:%SZ', not_after / 1000, 'unixepoch') AS not_after,
    (SELECT count(*) FROM chain_certificate WHERE chain = entry.chain) AS presented,
    revocation_source, revocation_status, revocation_reason, responder,
    strftime('%Y-%m-%dT%H:%M:%SZ', this_update / 1000, 'unixepoch') AS this_update,
    strftime('%Y-%m-%dT%H:%M:%SZ', next_update / 1000, 'unixepoch') AS next_update,
    strftime('%Y-%m-%dT%H:%M:%SZ', revoked_at / 1000, 'unixepoch') AS revoked_at,
    answer_age / 1000.0 AS age, answer_latency / 1000.0 AS latency, cache_hit, allowed
  FROM entry LEFT JOIN chain ON chain.id = entry.chain;
)sql";

constexpr const char* kSchemas[] = {kTables, kRevocation};
static_assert(std::size(kSchemas) == kJournalSchema);

}  // namespace

const DatabaseKind kJournalKind{"journal", kJournalApplication, "entry", kSchemas, kView};

}  // namespace portcullis::store::internal
