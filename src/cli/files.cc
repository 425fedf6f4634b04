#include "cli/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/strings.h"
#include "net/fd.h"

namespace portcullis::cli {
namespace {

constexpr std::size_t kMaxPassword = 4096;

tl::unexpected<Error> unreadable(const std::string& path, const char* what, const std::string& why) {
  return fail(kFileNotReadable,
              "Cannot read the " + std::string(what) + " " + printable(absolute_path(path), 400) + ": " + why + ".");
}

std::string in_mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

}  // namespace

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path full = std::filesystem::absolute(path, failed);
  return failed ? path : full.lexically_normal().string();
}

Result<std::string> read_file(const std::string& path, const char* what, std::size_t max) {
  // Non-blocking, because the path may name a FIFO.
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return unreadable(path, what, std::string(std::strerror(errno)) + "; check the path and its permissions");
  }
  if (!S_ISREG(status.st_mode)) {
    return unreadable(path, what, "it is not a regular file; copy it to one and name that");
  }
  std::string text;
  if (!read_up_to(file.get(), max, text)) return unreadable(path, what, std::strerror(errno));
  if (text.size() > max) return unreadable(path, what, "it is over " + in_mebibytes(max) + "; it is never that large");
  return text;
}

Result<std::string> read_password(const std::string& path) {
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  std::string text;
  if (!file || !read_up_to(file.get(), kMaxPassword, text)) {
    return unreadable(path, "password file", std::strerror(errno));
  }
  if (text.size() > kMaxPassword)
    return unreadable(path, "password file", "it is over 4 KiB; put the password alone into it");
  const std::size_t end = text.find('\n');
  std::string line = text.substr(0, end);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  const auto refuse = [&path] {
    return fail("FileNotWritable",
                "Cannot write " + printable(absolute_path(path), 400) + ": " + std::strerror(errno) + ".");
  };
  struct stat status {};
  const bool there = ::stat(path.c_str(), &status) == 0;
  if (there && !S_ISREG(status.st_mode)) {
    const net::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!file || !write_all(file.get(), text)) return refuse();
    return {};
  }
  std::string draft = path + ".XXXXXX";
  {
    const net::Fd file(::mkostemp(draft.data(), O_CLOEXEC));
    if (!file) return refuse();
    const bool kept = write_all(file.get(), text) && ::fchmod(file.get(), there ? status.st_mode & 0777U : 0644) == 0;
    if (!kept) {
      const int error = errno;
      ::unlink(draft.c_str());
      errno = error;
      return refuse();
    }
  }
  if (::rename(draft.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(draft.c_str());
  errno = error;
  return refuse();
}

}  // namespace portcullis::cli
