// LineFile is one append-only file, or stdout, that holds whole lines only. Owned and used by one LineWriter's thread.
// It blocks on a slow disk, but on a pipe or socket nobody reads only until the moment given; failures are returned.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::telemetry {

class LineFile {
 public:
  // "-" is stdout, which is never closed. Errors: `log.open_failed`.
  static Result<LineFile> open(const std::string& path);
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;
  ~LineFile();

  // Writes whole lines. `give_up` is asked, ten times a second, whether to stop waiting for a reader. Returns 0 or the
  // errno that stopped it; `*written` is how many bytes of whole lines are in the file, or will be: a line begun on
  // something that cannot be cut back counts, and its rest goes first next time.
  int write_lines(std::string_view lines, const std::function<bool()>& give_up, std::size_t* written);

 private:
  LineFile(int fd, bool owned);

  int write_bytes(std::string_view bytes, const std::function<bool()>& give_up, std::size_t* written);
  bool cut_back(std::size_t torn) const;
  void close();

  int fd_ = -1;
  bool owned_ = false;
  bool regular_ = false;
  std::string rest_;  // of a line that is half in the file
};

}  // namespace portcullis::telemetry
