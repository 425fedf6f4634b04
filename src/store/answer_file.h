// AnswerFile: OCSP answers on disk (SQLite, write-ahead log), one for each question, so that a restart asks nobody for
// what is known. Written by one thread of the process that holds the state directory's lock; AnswerReader reads it on
// another, and in other processes. What was committed survives the death of the process.
//
// Bounded in answers and in bytes: good ones give way before revoked ones, and of each those whose time ends first.
// Nothing rests on the file's honesty: whoever reads an answer from it checks it like one from the network.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "store/saved_answer.h"

namespace portcullis::store {

// Where the answers of a state directory are.
std::string answers_path(const std::string& state_dir);

struct AnswerLimits {
  std::uint64_t answers = 65'536;       // as many as are held in memory (clientauth::OcspAnswers)
  std::uint64_t bytes = 128ULL << 20U;  // of the file, without what is free in it; at least kLeastBytes
  static constexpr std::uint64_t kLeastBytes = 1U << 20U;
};

class AnswerFile {
 public:
  static constexpr int kSchema = 1;

  // Opens or makes the file. One that is damaged, or is something else, is renamed to PATH.damaged (in place of an
  // older such) and a new one begun: `set_aside` says so. Errors: store.newer (of a later version's: left as it is),
  // store.full, store.busy, store.failed.
  static Result<std::unique_ptr<AnswerFile>> open(const std::string& path, const AnswerLimits& limits,
                                                  bool* set_aside = nullptr);
  ~AnswerFile();
  AnswerFile(const AnswerFile&) = delete;
  AnswerFile& operator=(const AnswerFile&) = delete;

  // All of them, or none: one transaction, others giving way in it. Those that may not take the place of what is there
  // are passed over. Errors: store.damaged (open anew), store.full, store.busy, store.failed.
  Result<void> save(std::span<const SavedAnswer> answers);

  std::uint64_t answers() const;
  // False once the path names another file, or none.
  bool in_place() const;

 private:
  struct Tables;
  explicit AnswerFile(std::unique_ptr<Tables> tables);

  std::unique_ptr<Tables> tables_;
};

// Looks answers up in the file, whoever writes it. For one thread; waits for the disk, and for a writer 200 ms at most.
class AnswerReader {
 public:
  explicit AnswerReader(std::string path);
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  // Nothing where none is kept, and where the file is not there or cannot be read: that is for the writer to say.
  std::optional<SavedAnswer> find(const Digest& key);

 private:
  struct Open;
  Result<void> open();

  std::string path_;
  std::unique_ptr<Open> open_;  // null: not at the moment
};

}  // namespace portcullis::store
