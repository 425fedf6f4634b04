// The table of OCSP answers. Moments are milliseconds since 1970; `key` is of the question (32 bytes).
#pragma once

namespace portcullis::store::internal {

// "PCO1": tells the file from other databases.
inline constexpr int kAnswerApplication = 0x50434f31;

inline constexpr const char* kAnswerTables = R"sql(
CREATE TABLE answer(
  key BLOB PRIMARY KEY,
  revoked INTEGER NOT NULL,
  this_update INTEGER NOT NULL,
  heard_at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  response BLOB NOT NULL);
CREATE INDEX answer_by_end ON answer(revoked, until);
)sql";

}  // namespace portcullis::store::internal
