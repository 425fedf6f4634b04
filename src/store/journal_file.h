// JournalFile: the journal on disk, a ring in SQLite (write-ahead log). Written by one thread of one process, which
// holds the state directory's lock; read by anyone who may read the file, at any time. What was committed survives the
// death of the process; the death of the machine may cost the last seconds. A presented chain, and each certificate of
// it, is there once however many entries name it.
//
// Bounded in entries and in bytes. Where an entry has to give way it is the oldest of the fuller half: those who were
// admitted and those who were not share the ring, so that neither pushes out the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/journal_feed.h"
#include "store/journal_note.h"

namespace portcullis::store {

struct JournalLimits {
  std::uint64_t entries = 100'000;  // host file client_auth.journal
  std::uint64_t bytes = 0;          // of the file, without what is free in it; at least kLeastBytes

  static constexpr std::uint64_t kLeastBytes = 1U << 20U;
  // 2 KB an entry, and 4 MB: five times of what a typical one takes.
  static JournalLimits of(std::uint64_t entries) { return {entries, (entries * 2 + 4'096) * 1'024}; }
};

// Finds out what a note's `peer` says; called on the thread that appends.
using DescribePeer = std::function<JournalPeer(const void* peer)>;

class JournalFile {
 public:
  struct Options {
    JournalLimits limits;
    DescribePeer describe;  // null: notes' peers are ignored
    WallTime started{};     // of this process: with its id it tells its connections from those of others
    std::int64_t process = 0;
  };

  // Opens or makes the file; one of an earlier version is brought up to date in one transaction. One that is damaged,
  // or is no journal, is renamed to PATH.damaged (in place of an older such) and a new one begun: `set_aside` says so.
  // Errors: store.newer (of a later version's: left as it is), store.full, store.busy, store.failed.
  static Result<std::unique_ptr<JournalFile>> open(const std::string& path, const Options& options,
                                                   bool* set_aside = nullptr);
  ~JournalFile();
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  // All of them, or none: one transaction, oldest entries giving way in it. Errors: store.damaged (open anew),
  // store.full, store.busy, store.failed.
  Result<void> append(std::span<const JournalSlot* const> notes, std::span<const LeftOut> left_out, WallTime now);

  // Takes effect at once; what is over the new limits goes.
  Result<void> set_limits(const JournalLimits& limits);

  std::uint64_t entries() const;
  // False once the path names another file, or none.
  bool in_place() const;

 private:
  struct Tables;
  explicit JournalFile(std::unique_ptr<Tables> tables);

  std::unique_ptr<Tables> tables_;
};

}  // namespace portcullis::store
