#include "store/state_dir.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"

namespace portcullis::store {
namespace {

constexpr std::string_view kUnusable = "state_dir.unusable";

tl::unexpected<Error> unusable(const std::string& path, const std::string& why) {
  return fail(kUnusable, "state_dir " + path + ": " + why + "; or name another state_dir in the host file");
}

std::string system_error() { return std::strerror(errno); }

int open_lock_file(const std::string& path) {
  return ::open((path + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

}  // namespace

Result<void> make_state_dir(const std::string& path, unsigned uid, unsigned gid) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return {};
  std::error_code failed;
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, failed);
  if (failed) return unusable(path, "cannot be made: " + failed.message() + ": mend its permissions or its disk");
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return unusable(path, "cannot be made: " + system_error() + ": mend its permissions or its disk");
  }
  if (geteuid() == 0 && uid != 0 && ::chown(path.c_str(), uid, gid) != 0) {
    return unusable(path, "cannot be given to its user: " + system_error() + ": start as root, or make it beforehand");
  }
  return {};
}

Result<void> check_state_dir(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return unusable(path, "cannot be looked at: " + system_error() + ": mend the permissions above it");
  if (!S_ISDIR(status.st_mode)) return unusable(path, "is not a directory: move it away");
  if (status.st_uid != geteuid()) {
    return unusable(path, "belongs to user " + std::to_string(status.st_uid) + ", and this process runs as user " +
                              std::to_string(geteuid()) + ": give it to that user");
  }
  if ((status.st_mode & 0022) != 0) {
    return unusable(path, "others may write to it: `chmod 700` it");
  }
  const int fd = open_lock_file(path);
  if (fd < 0) return unusable(path, "cannot be written to: " + system_error() + ": mend its permissions or its disk");
  ::close(fd);
  return {};
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<StateLock> StateLock::take(const std::string& path) {
  StateLock lock(open_lock_file(path));
  if (!lock.held()) return fail("store.failed", path + "/lock: " + system_error());
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("store.failed", path + "/lock: " + system_error());
    char holder[32] = {};
    const ssize_t size = ::pread(lock.fd_, holder, sizeof holder - 1, 0);
    const std::string process = size > 0 ? printable(trim({holder, static_cast<std::size_t>(size)})) : "unknown";
    return fail("store.locked", path + ": in use by process " + process);
  }
  // For the message of the next one only: that it is there at all says nothing.
  const std::string self = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.fd_, 0) != 0 || ::pwrite(lock.fd_, self.data(), self.size(), 0) < 0) {
    return fail("store.failed", path + "/lock: " + system_error());
  }
  return lock;
}

}  // namespace portcullis::store
