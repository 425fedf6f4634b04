// TCP: connected sockets as ByteStreams, listening sockets, and connecting. Everything non-blocking and close-on-exec.
#pragma once

#include <memory>
#include <optional>

#include "base/ip_address.h"
#include "net/fd.h"
#include "net/stream.h"

namespace portcullis::net {

class TcpStream final : public ByteStream {
 public:
  // Takes a connected (or connecting) non-blocking socket. Worker-local from here on.
  TcpStream(event::Loop& loop, Fd fd) : fd_(std::move(fd)), watch_(loop, fd_.get()) {}

  IoResult try_read(char* into, std::size_t size) override;
  IoResult try_write(std::string_view bytes) override;
  void shutdown_write() override;
  event::Watch& watch() override { return watch_; }

  int fd() const { return fd_.get(); }
  // Closing will reset the connection, so that the peer cannot take what it got for the whole.
  void reset_on_close();
  // Smoothed round-trip time in microseconds (TCP_INFO), 0 when the kernel does not say.
  std::uint32_t rtt_us() const;
  // The local end.
  Endpoint local() const;

 private:
  Fd fd_;
  event::Watch watch_;
};

// Opens a connection. Errors (origin upstream, retry safe): net.connect_refused, net.connect_timeout,
// net.connect_failed.
event::Task<Result<std::unique_ptr<TcpStream>>> connect_tcp(event::Loop& loop, Endpoint to, event::Deadline deadline);
// The same in two steps, for whoever must be able to cancel the stream's watch meanwhile: begins, then waits for the
// end. finish_connect() adds net.cancelled; `stream` must outlive it.
Result<std::unique_ptr<TcpStream>> start_connect(event::Loop& loop, const Endpoint& to);
event::Task<Result<void>> finish_connect(TcpStream& stream, Endpoint to, event::Deadline deadline);

// A listening socket with SO_REUSEPORT, so that every worker has its own on the same address. Errors: net.listen.
Result<Fd> listen_tcp(const Endpoint& at);
// Whether nobody listens on that address: SO_REUSEPORT would otherwise share it with a stranger of the same user in
// silence. Errors: net.address_in_use, net.listen.
Result<void> check_address_free(const Endpoint& at);
// The address a socket is bound to (the port the kernel chose for port 0).
Endpoint local_endpoint(int fd);

struct Accepted {
  Fd fd;
  Endpoint peer;
};

enum class AcceptState : std::uint8_t { kAccepted, kNothing, kNoDescriptors, kTransient };

// One accept on a non-blocking listening socket. kNoDescriptors: the process or machine is out of them (EMFILE, ENFILE)
// or of memory; kTransient: that one connection failed, try again at once.
AcceptState try_accept(int listen_fd, Accepted& out);

}  // namespace portcullis::net
