#include "net/stream.h"

namespace portcullis::net {

using event::Deadline;
using event::Task;
using event::Wake;

tl::unexpected<Error> wait_failed(Wake wake) {
  if (wake == Wake::kTimedOut) return fail("net.timeout", "the peer was silent until the deadline", Origin::kClient);
  return fail("net.cancelled", "the connection is being closed by the gateway", Origin::kGateway);
}

Task<Result<std::size_t>> read_some(ByteStream& stream, char* into, std::size_t size, Deadline deadline) {
  for (;;) {
    if (!stream.has_buffered_input()) {
      const Wake wake = co_await stream.watch().readable(deadline);
      if (wake != Wake::kReady) co_return wait_failed(wake);
    }
    const IoResult result = stream.try_read(into, size);
    if (result.bytes > 0) co_return result.bytes;
    switch (result.state) {
      case IoState::kEof:
        co_return std::size_t{0};
      case IoState::kFailed:
        co_return fail("net.reset", "the connection broke", Origin::kClient);
      case IoState::kWantWrite: {
        const Wake wake = co_await stream.watch().writable(deadline);
        if (wake != Wake::kReady) co_return wait_failed(wake);
        break;
      }
      case IoState::kDone:
      case IoState::kWantRead:
        break;
    }
  }
}

Task<Result<void>> write_all(ByteStream& stream, std::string_view bytes, std::chrono::milliseconds patience) {
  for (;;) {
    const IoResult result = stream.try_write(bytes);
    bytes.remove_prefix(result.bytes);
    if (result.state == IoState::kDone) co_return Result<void>();
    if (result.state != IoState::kWantWrite && result.state != IoState::kWantRead) {
      co_return fail("net.reset", "the connection broke", Origin::kClient);
    }
    const Deadline deadline = stream.loop().in(patience);
    const Wake wake = co_await wait_for(stream, result.state, deadline);
    if (wake != Wake::kReady) co_return wait_failed(wake);
  }
}

}  // namespace portcullis::net
