#include "net/tcp.h"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace portcullis::net {

using event::Deadline;
using event::Task;
using event::Wake;

IoResult TcpStream::try_read(char* into, std::size_t size) {
  // Known to be drained: the next edge says when to come back, so no system call is spent on EAGAIN.
  if (!watch_.maybe_readable()) return {IoState::kWantRead};
  const ssize_t got = ::recv(fd_.get(), into, size, 0);
  if (got > 0) {
    // Less than was asked for means drained: the next edge will say when there is more.
    if (static_cast<std::size_t>(got) < size) watch_.not_readable();
    return {IoState::kDone, static_cast<std::size_t>(got)};
  }
  if (got == 0) return {IoState::kEof};
  if (errno == EAGAIN || errno == EINTR) {
    watch_.not_readable();
    return {IoState::kWantRead};
  }
  return {IoState::kFailed};
}

IoResult TcpStream::try_write(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ssize_t put = ::send(fd_.get(), bytes.data() + taken, bytes.size() - taken, MSG_NOSIGNAL);
    if (put >= 0) {
      taken += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN) {
      watch_.not_writable();
      return {IoState::kWantWrite, taken};
    } else if (errno != EINTR) {
      return {IoState::kFailed, taken};
    }
  }
  return {IoState::kDone, taken};
}

void TcpStream::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

void TcpStream::reset_on_close() {
  const linger now{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::uint32_t TcpStream::rtt_us() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_rtt;
}

Endpoint TcpStream::local() const { return local_endpoint(fd_.get()); }

Endpoint local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Endpoint::from_sockaddr(storage);
}

namespace {

tl::unexpected<Error> connect_error(int error, const Endpoint& to) {
  const std::string where = to.to_string() + ": " + std::strerror(error);
  if (error == ECONNREFUSED) return fail("net.connect_refused", "nothing listens on " + where, Origin::kUpstream, true);
  if (error == ETIMEDOUT) return fail("net.connect_timeout", "cannot reach " + where, Origin::kUpstream, true);
  return fail("net.connect_failed", "cannot connect to " + where, Origin::kUpstream, true);
}

}  // namespace

Result<std::unique_ptr<TcpStream>> start_connect(event::Loop& loop, const Endpoint& to) {
  const int family = to.address.is_v6() ? AF_INET6 : AF_INET;
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return connect_error(errno, to);
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage address;
  const socklen_t size = to.to_sockaddr(address);
  const bool connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
  if (!connected && errno != EINPROGRESS) return connect_error(errno, to);
  auto stream = std::make_unique<TcpStream>(loop, std::move(fd));
  if (!connected) stream->watch().not_writable();
  return stream;
}

Task<Result<void>> finish_connect(TcpStream& stream, Endpoint to, Deadline deadline) {
  const Wake wake = co_await stream.watch().writable(deadline);
  if (wake == Wake::kTimedOut) co_return connect_error(ETIMEDOUT, to);
  if (wake == Wake::kCancelled) co_return wait_failed(wake);
  int error = 0;
  socklen_t error_size = sizeof error;
  getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &error, &error_size);
  if (error != 0) co_return connect_error(error, to);
  co_return Result<void>();
}

Task<Result<std::unique_ptr<TcpStream>>> connect_tcp(event::Loop& loop, Endpoint to, Deadline deadline) {
  auto stream = start_connect(loop, to);
  if (!stream) co_return stream;
  TcpStream& connecting = **stream;
  auto connected = co_await finish_connect(connecting, to, deadline);
  if (!connected) co_return forward_error(connected);
  co_return stream;
}

namespace {

tl::unexpected<Error> listen_error(const char* what, const Endpoint& at) {
  const int error = errno;
  const std::string message = std::string(what) + " " + at.to_string() + ": " + std::strerror(error);
  if (error == EADDRINUSE) {
    return fail("net.address_in_use", message + "; stop what listens there, or map the port elsewhere with `ports`");
  }
  return fail("net.listen", message);
}

// A bound socket that does not listen yet.
Result<Fd> bind_tcp(const Endpoint& at, bool shared) {
  Fd fd(::socket(at.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return listen_error("cannot open a socket for", at);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at.address.is_v6()) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (shared && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return listen_error("cannot share", at);
  }
  sockaddr_storage address;
  const socklen_t size = at.to_sockaddr(address);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return listen_error("cannot bind", at);
  return fd;
}

}  // namespace

Result<void> check_address_free(const Endpoint& at) {
  auto fd = bind_tcp(at, false);
  if (!fd) return forward_error(fd);
  return {};
}

Result<Fd> listen_tcp(const Endpoint& at) {
  auto fd = bind_tcp(at, true);
  if (!fd) return fd;
  const int on = 1;
  // Accepted sockets inherit it, so that no connection pays a system call of its own for it.
  setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::listen(fd->get(), 4096) != 0) return listen_error("cannot listen on", at);
  return fd;
}

AcceptState try_accept(int listen_fd, Accepted& out) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const int fd = ::accept4(listen_fd, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    out.fd = Fd(fd);
    out.peer = Endpoint::from_sockaddr(storage);
    return AcceptState::kAccepted;
  }
  switch (errno) {
    case EAGAIN:
      return AcceptState::kNothing;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return AcceptState::kNoDescriptors;
    default:
      return AcceptState::kTransient;
  }
}

}  // namespace portcullis::net
