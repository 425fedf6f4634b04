// ByteStream: the one abstract connection. Tries never wait; whoever has to wait awaits the stream's Watch and tries
// again. A plain TCP connection and a TLS one look alike above this line. Worker-local.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "event/loop.h"

namespace portcullis::net {

enum class IoState : std::uint8_t {
  kDone,       // it succeeded
  kWantRead,   // wait until readable, then try again
  kWantWrite,  // wait until writable, then try again
  kEof,        // reads only: the peer ended its stream in the way its protocol demands
  kFailed,     // broken for good
};

struct IoResult {
  IoState state;
  std::size_t bytes = 0;  // moved by this try, whatever the state
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  virtual IoResult try_read(char* into, std::size_t size) = 0;
  // kDone: all of `bytes` is in the kernel's hands. kWantWrite: IoResult::bytes of them were taken; try the rest (which
  // may be nothing) once writable.
  virtual IoResult try_write(std::string_view bytes) = 0;
  // True when a read would give bytes that no readiness event will announce any more.
  virtual bool has_buffered_input() const { return false; }
  // Says goodbye in the stream's own way (close_notify) as far as that works without waiting, and ends the sending
  // side.
  virtual void shutdown_write() = 0;

  virtual event::Watch& watch() = 0;
  event::Loop& loop() { return watch().loop(); }
};

// Waits for the direction that a try asked for.
// Errors: net.timeout, net.cancelled.
inline event::Watch::Waiter wait_for(ByteStream& stream, IoState want, event::Deadline deadline) {
  return want == IoState::kWantWrite ? stream.watch().writable(deadline) : stream.watch().readable(deadline);
}

// Reads at least one byte into `into`; 0 means the end of the stream.
// Errors: net.timeout, net.cancelled, net.reset.
event::Task<Result<std::size_t>> read_some(ByteStream& stream, char* into, std::size_t size, event::Deadline deadline);

// Writes everything. `patience` bounds each wait for a peer that does not take more; a peer that takes some gets it
// anew. Errors: net.timeout, net.cancelled, net.reset.
event::Task<Result<void>> write_all(ByteStream& stream, std::string_view bytes, std::chrono::milliseconds patience);

// The Error for a wait that did not end in readiness.
tl::unexpected<Error> wait_failed(event::Wake wake);

}  // namespace portcullis::net
