#include "server/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace portcullis::server {

void set_process_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

Result<UserIds> ids_of(const std::string& user) {
  if (user.empty()) return UserIds{geteuid(), getegid()};
  std::vector<char> text(64 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(user.c_str(), &entry, text.data(), text.size(), &found);
  if (found == nullptr) return fail("process.user", "there is no user '" + user + "'; mend `user` in the host file");
  return UserIds{entry.pw_uid, entry.pw_gid};
}

Result<void> drop_privileges(const std::string& user) {
  if (user.empty()) return {};
  const auto ids = ids_of(user);
  if (!ids) return tl::unexpected<Error>(ids.error());
  if (geteuid() == ids->user) return {};
  if (initgroups(user.c_str(), ids->group) != 0 || setgid(ids->group) != 0 || setuid(ids->user) != 0) {
    return fail("process.user", "cannot become user '" + user + "': " + std::strerror(errno) +
                                    "; start as root, or leave `user` out of the host file");
  }
  // Coming back must be impossible.
  if (ids->user != 0 && setuid(0) == 0) return fail("process.user", "privileges could be taken back: refusing to run");
  return {};
}

Result<net::Fd> take_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&wanted, signal);
  if (pthread_sigmask(SIG_BLOCK, &wanted, nullptr) != 0) return fail("process.signals", "signals cannot be blocked");
  net::Fd fd(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return fail("process.signals", std::string("signalfd: ") + std::strerror(errno));
  return fd;
}

int next_signal(const net::Fd& signals) {
  signalfd_siginfo info{};
  const ssize_t got = ::read(signals.get(), &info, sizeof info);
  return got == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace portcullis::server
