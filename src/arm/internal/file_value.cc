// `data` values: inline text, base64, or a file of this machine.
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arm/internal/context.h"
#include "base/base64.h"
#include "base/descriptor.h"

namespace portcullis::arm {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;

class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// DER that matters is longer than 127 bytes: SEQUENCE, then a long-form length (X.690 §8.1.3.5), which no text has.
bool is_der(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x30' && (static_cast<unsigned char>(bytes[1]) & 0x80U) != 0;
}

// Certificates come as PEM text or as base64 of PEM or of binary; only a file can hold the binary itself.
std::string decode(const std::string& given) {
  if (given.find("-----BEGIN") != std::string::npos || is_der(given)) return given;
  return base64_decode(given).value_or(given);
}

}  // namespace

std::string Context::absolute(const std::string& path) const {
  const std::filesystem::path given(path);
  if (given.is_absolute()) return given.lexically_normal().string();
  std::error_code ignored;
  const std::filesystem::path base =
      options_.base_dir.empty() ? std::filesystem::current_path(ignored) : std::filesystem::path(options_.base_dir);
  return (base / given).lexically_normal().string();
}

std::optional<model::Blob> Context::read_file(const std::string& path, const std::string& pointer) {
  if (options_.files == FileAccess::kForbidden) {
    error(
        "FileReferenceNotAllowed", pointer,
        "Files of this machine may be named only in documents on its disk, never in one sent over the network: put the "
        "content itself here.");
    return std::nullopt;
  }
  const std::string full = absolute(path);
  // Non-blocking, because the path may name a FIFO.
  const FileHandle file(::open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (path.empty() || file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    error("FileNotReadable", pointer, "Cannot open " + printable(full, 400) + ": " + std::strerror(errno) + ".");
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    error("FileNotReadable", pointer, printable(full, 400) + " is not a regular file.");
    return std::nullopt;
  }
  std::string bytes;
  const bool whole = read_up_to(file.fd(), kMaxFileBytes, bytes);
  if (!whole || bytes.size() > kMaxFileBytes) {
    error("FileNotReadable", pointer,
          printable(full, 400) + (whole ? " is larger than 1 MiB." : " cannot be read to its end."));
    return std::nullopt;
  }
  return model::Blob{decode(bytes), full};
}

std::optional<model::Blob> Context::blob_of(const std::string& value, const std::string& pointer) {
  if (value.starts_with('@')) return read_file(value.substr(1), pointer);
  return model::Blob{decode(value), {}};
}

}  // namespace portcullis::arm
