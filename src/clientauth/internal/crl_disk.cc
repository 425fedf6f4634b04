#include "clientauth/internal/crl_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

namespace portcullis::clientauth::internal {
namespace {

constexpr std::size_t kMaxFiles = 1000;

}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const std::int64_t modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return FileStamp{status.st_dev, status.st_ino, status.st_size, modified};
}

std::vector<std::string> expand(const std::vector<std::string>& paths, bool* whole) {
  if (whole != nullptr) *whole = true;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error, ignored;
    std::filesystem::directory_iterator entries(path, error);
    if (error) {
      const bool is_file = error == std::errc::not_a_directory || error == std::errc::no_such_file_or_directory;
      if (!is_file && whole != nullptr) *whole = false;
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const std::filesystem::directory_iterator end; entries != end && !error; entries.increment(error)) {
      const std::string name = entries->path().filename().string();
      if (name.starts_with('.') || !entries->is_regular_file(ignored)) continue;
      inside.push_back(entries->path().string());
    }
    if (error && whole != nullptr) *whole = false;
    std::sort(inside.begin(), inside.end());
    if (inside.size() > kMaxFiles) inside.resize(kMaxFiles);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

Result<std::string> read_whole(const std::string& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0)
    return fail("crl.unreadable",
                fmt::format("the file cannot be read: {}; check its permissions", std::strerror(errno)));
  if (static_cast<std::uint64_t>(size) > most) {
    return fail("crl.too_large", fmt::format("the file is larger than {} bytes; split it", most));
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  file.read(bytes.data(), size);
  // It shrank meanwhile: what is there cannot be whole, and the next look finds it changed.
  if (file.gcount() != size)
    return fail("crl.unreadable", "the file changed while it was read; it is read again at the next look");
  return bytes;
}

}  // namespace portcullis::clientauth::internal
