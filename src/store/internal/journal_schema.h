// The journal's tables. `refused` is the half of the ring that an entry belongs to. The view `journal` is for people
// with a shell and for tests: it is not what programs read.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace portcullis::store::internal {

// A moment as the tables have it: milliseconds since 1970.
inline std::int64_t milliseconds(WallTime time) { return time.time_since_epoch().count(); }

// "PCJ1": tells a journal from other databases.
inline constexpr int kJournalApplication = 0x50434a31;

inline constexpr const char* kJournalTables = R"sql(
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
CREATE VIEW journal AS
  SELECT entry.id, strftime('%Y-%m-%dT%H:%M:%fZ', entry.time / 1000.0, 'unixepoch') AS time, run, connection, request,
    event, outcome, reason, log_value, detail, gateway, listener, address, client, client_port, sni, host, protocol,
    cipher, resumed, left_out, subject, issuer, serial, sha1, sha256,
    strftime('%Y-%m-%dT%H:%M:%SZ', not_before / 1000, 'unixepoch') AS not_before,
    strftime('%Y-%m-%dT%H:%M:%SZ', not_after / 1000, 'unixepoch') AS not_after,
    (SELECT count(*) FROM chain_certificate WHERE chain = entry.chain) AS presented
  FROM entry LEFT JOIN chain ON chain.id = entry.chain;
)sql";

}  // namespace portcullis::store::internal
