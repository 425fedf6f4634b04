#include "snapshot/internal/compile_sessions.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <string.h>  // NOLINT: explicit_bzero is POSIX's only
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "net/fd.h"

namespace portcullis::snapshot::internal {
namespace {

using model::Findings;

constexpr char kPointer[] = "/client_auth/ticket_key_file";
// OpenSSL ends a TLS 1.2 handshake whose session, the leaf with it, is over 65,280 bytes long.
constexpr std::uint32_t kMostPresentedBytes = 60 * 1024;

// The open file, so that what is judged is what is read.
bool fit_to_read(int fd, const std::string& path, Findings& findings) {
  struct stat about {};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    findings.error("TicketKeyFileUnreadable", kPointer,
                   "'" + path + "' is not a regular file; name one that holds the keys");
    return false;
  }
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    findings.error("TicketKeyFileExposed", kPointer,
                   "others than the owner of '" + path +
                       "' may use it, and whoever reads these keys can read and forge sessions; chmod 0600 it, and "
                       "replace the keys if anybody may have seen them");
    return false;
  }
  return true;
}

std::shared_ptr<tls::TicketKeys> read_key_file(const std::string& path, Findings& findings) {
  // Without O_NONBLOCK a named pipe would hold the control thread.
  const net::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string bytes;
  if (fd && !fit_to_read(fd.get(), path, findings)) return nullptr;
  if (!fd || !read_up_to(fd.get(), tls::TicketKeys::kMostFileBytes, bytes)) {
    findings.error("TicketKeyFileUnreadable", kPointer, "'" + path + "' cannot be read: " + ::strerror(errno));
    return nullptr;
  }
  auto keys = tls::TicketKeys::parse(bytes);
  ::explicit_bzero(bytes.data(), bytes.size());
  if (keys) return std::move(*keys);
  findings.error("TicketKeyFileInvalid", kPointer, "'" + path + "': " + keys.error().message);
  return nullptr;
}

}  // namespace

std::shared_ptr<tls::TicketKeys> compile_ticket_keys(const model::HostConfig& host,
                                                     const std::shared_ptr<tls::TicketKeys>& own, Findings& findings) {
  const model::ClientAuth& settings = host.client_auth;
  const bool from_file = !settings.ticket_key_file.empty();
  if (settings.sessions != model::SessionMode::kTickets) {
    if (from_file) {
      findings.warning("TicketKeyFileUnused", kPointer, "the keys are not used: client_auth.sessions is not `tickets`");
    }
    return nullptr;
  }
  if (host.limits.presented_bytes > kMostPresentedBytes) {
    findings.error(
        "PresentedBytesOverTicket", "/limits/presented_bytes",
        "client_auth.sessions: tickets needs limits.presented_bytes of 61440 at most, since a session with a "
        "larger certificate has no room in a ticket");
    return nullptr;
  }
  if (from_file) return read_key_file(settings.ticket_key_file, findings);
  return own != nullptr ? own : tls::TicketKeys::of_this_process();
}

}  // namespace portcullis::snapshot::internal
