// The state directory (host file state_dir): where this machine keeps its own files, readable by nobody else. Made and
// looked at on the control thread, before anything serves.
#pragma once

#include <string>

#include "base/result.h"

namespace portcullis::store {

// Makes the directory, and those above it, where it is missing: mode 0700, of the user `uid`:`gid` when this process
// may give it away. One that is there is left as it is. Errors: state_dir.unusable.
Result<void> make_state_dir(const std::string& path, unsigned uid, unsigned gid);

// Whether this process may keep its files there: a directory, its own, that nobody else may write to, and writable.
// Errors: state_dir.unusable, with what to do.
Result<void> check_state_dir(const std::string& path);

// The right to write there: one process has it at a time, until it ends or the lock is destroyed.
class StateLock {
 public:
  StateLock() = default;
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) noexcept;
  ~StateLock();

  // Errors: store.locked (another process has it; the message names it), store.failed. Never waits.
  static Result<StateLock> take(const std::string& path);
  bool held() const { return fd_ >= 0; }

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace portcullis::store
