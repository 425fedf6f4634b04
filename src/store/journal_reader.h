// JournalReader: what the journal says, newest first, page by page. A connection of its own that only reads: it never
// stops the writer, and any process that may read the file can have one. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/journal_note.h"

namespace portcullis::store {

// All that are given must hold. Text compares by bytes but where it says otherwise.
struct JournalQuery {
  std::optional<WallTime> from, until;  // until: not included
  std::string gateway, listener;
  std::string reason;       // whole, or up to a dot with `*`: "client_cert.*"
  std::string fingerprint;  // SHA-1 or SHA-256 of the leaf, hex in either case, with colons or without
  std::string subject;      // part of the subject's text, without regard to ASCII case
  std::string client;       // an address
  std::optional<JournalOutcome> outcome;
  std::optional<std::uint64_t> connection;
  std::optional<std::int64_t> run;
  std::int64_t before = INT64_MAX;  // entries with a smaller id: the last one of the page before
  std::uint32_t limit = 100;        // 1–kMostPerPage

  static constexpr std::uint32_t kMostPerPage = 1'000;
};

// RevocationNote as it was written; `source` is empty where nobody was asked.
struct JournalRevocation {
  std::string source, status, reason, responder;
  std::optional<WallTime> this_update, next_update, revoked_at;
  std::optional<std::chrono::milliseconds> age, latency;
  bool cache_hit = false, allowed = false;
};

struct JournalEntry {
  std::int64_t id = 0;
  WallTime time{};
  std::int64_t run = 0;  // of the process: connections count from 1 in each
  WallTime run_started{};
  std::uint64_t connection = 0, request = 0;
  std::string event, outcome, reason, log_value, detail;
  std::string gateway, listener, address, client, sni, host, protocol, cipher;
  std::uint16_t client_port = 0;
  bool resumed = false;
  std::uint64_t left_out = 0;
  std::int64_t chain = 0;  // for chain(); 0: no certificate was presented, and the rest is empty
  std::string subject, issuer, serial, sha1, sha256;
  WallTime not_before{}, not_after{};
  JournalRevocation revocation;
};

struct JournalPage {
  std::vector<JournalEntry> entries;
  bool more = false;  // there may be older ones: ask again with `before` = the last id
};

class JournalReader {
 public:
  // Errors: store.failed (no file, no permission), store.damaged, store.newer, store.older (the gateway brings the file
  // up to date when it opens it).
  static Result<JournalReader> open(const std::string& path);
  JournalReader(JournalReader&&) noexcept;
  JournalReader& operator=(JournalReader&&) noexcept;
  ~JournalReader();

  // Errors: journal.query (a fingerprint that is none, a limit out of range), store.*; store.failed also where the
  // search took too long: narrow it by time.
  Result<JournalPage> find(const JournalQuery& query);
  // The DER of a chain's certificates, leaf first; empty where the journal has forgotten it.
  Result<std::vector<std::string>> chain(std::int64_t chain);

 private:
  struct State;
  explicit JournalReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace portcullis::store
