// Files of revocation lists on the disk: which there are, whether they have changed, what they hold. Blocking: control
// thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace portcullis::clientauth::internal {

// Tells two states of a file apart without reading it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// nullopt where there is no such regular file.
std::optional<FileStamp> stamp_of(const std::string& path);

// The files that `paths` name: a directory stands for the regular files in it that are not hidden, 1,000 at most, in
// the order of their names; anything else for itself. `whole`, where given: false if a directory could not be read to
// its end.
std::vector<std::string> expand(const std::vector<std::string>& paths, bool* whole = nullptr);

// Errors: crl.unreadable, crl.too_large.
Result<std::string> read_whole(const std::string& path, std::size_t most);

}  // namespace portcullis::clientauth::internal
