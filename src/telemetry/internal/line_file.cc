#include "telemetry/internal/line_file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace portcullis::telemetry {

Result<LineFile> LineFile::open(const std::string& path) {
  if (path == "-") return LineFile(STDOUT_FILENO, false);
  // O_NONBLOCK: opening a FIFO without a reader must fail, not wait.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) {
    const std::string why = std::generic_category().message(errno);
    return fail("log.open_failed", fmt::format("cannot open log file {}: {}; make its folder and let the user that "
                                               "Portcullis runs as write there",
                                               path, why));
  }
  return LineFile(fd, true);
}

LineFile::LineFile(int fd, bool owned) : fd_(fd), owned_(owned) {
  struct stat info {};
  regular_ = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

LineFile::LineFile(LineFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      owned_(other.owned_),
      regular_(other.regular_),
      rest_(std::move(other.rest_)) {}

LineFile& LineFile::operator=(LineFile&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    owned_ = other.owned_;
    regular_ = other.regular_;
    rest_ = std::move(other.rest_);
  }
  return *this;
}

LineFile::~LineFile() { close(); }

void LineFile::close() {
  if (owned_ && fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int LineFile::write_lines(std::string_view lines, const std::function<bool()>& give_up, std::size_t* written) {
  *written = 0;
  std::size_t done = 0;
  if (!rest_.empty()) {
    const int error = write_bytes(rest_, give_up, &done);
    rest_.erase(0, done);
    if (error != 0) return error;
  }
  const int error = write_bytes(lines, give_up, &done);
  if (error == 0) {
    *written = lines.size();
    return 0;
  }
  const std::size_t last_break = lines.substr(0, done).rfind('\n');
  const std::size_t whole = last_break == std::string_view::npos ? 0 : last_break + 1;
  *written = whole;
  if (done > whole && !cut_back(done - whole)) {
    const std::size_t end = lines.find('\n', done) + 1;
    rest_ = lines.substr(done, end - done);
    *written = end;
  }
  return error;
}

int LineFile::write_bytes(std::string_view bytes, const std::function<bool()>& give_up, std::size_t* written) {
  *written = 0;
  while (*written < bytes.size()) {
    std::size_t size = bytes.size() - *written;
    if (!regular_) {
      // Where poll() says writable, PIPE_BUF bytes go in without waiting, even if stdout is in blocking mode.
      size = std::min<std::size_t>(size, PIPE_BUF);
      pollfd ready{fd_, POLLOUT, 0};
      const int count = ::poll(&ready, 1, 100);
      if (count == 0 || (count < 0 && errno == EINTR)) {
        if (give_up()) return EAGAIN;
        continue;
      }
    }
    const ssize_t count = ::write(fd_, bytes.data() + *written, size);
    if (count > 0) {
      *written += static_cast<std::size_t>(count);
    } else if (count == 0) {
      return EIO;
    } else if (errno != EINTR && errno != EAGAIN) {
      return errno;
    } else if (give_up()) {
      return EAGAIN;
    }
  }
  return 0;
}

// Takes the last `torn` bytes off a regular file, where they are still its last: another process may append as well.
bool LineFile::cut_back(std::size_t torn) const {
  if (!regular_) return false;
  struct stat info {};
  const off_t end = ::lseek(fd_, 0, SEEK_CUR);
  if (end < 0 || ::fstat(fd_, &info) != 0 || info.st_size != end) return false;
  return ::ftruncate(fd_, end - static_cast<off_t>(torn)) == 0;
}

}  // namespace portcullis::telemetry
