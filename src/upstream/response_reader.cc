#include "upstream/response_reader.h"

#include <cstring>

#include "http/response_parser.h"

namespace portcullis::upstream {

namespace {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;

std::string from(const Connection& connection) { return "the backend " + connection.key.endpoint.to_string(); }

tl::unexpected<Error> wait_error(const Connection& connection, Wake wake) {
  if (wake != Wake::kTimedOut) return net::wait_failed(wake);
  return fail("upstream.timeout", from(connection) + " sent no whole response head in time; requestTimeout bounds it",
              Origin::kUpstream);
}

tl::unexpected<Error> ended(const Connection& connection, IoState how, bool untouched) {
  const bool retry_safe = untouched && connection.reused;
  if (how == IoState::kEof) {
    return fail("upstream.closed_early", from(connection) + " closed the connection before a whole response head",
                Origin::kUpstream, retry_safe);
  }
  return fail("upstream.reset", from(connection) + " broke the connection before a whole response head",
              Origin::kUpstream, retry_safe);
}

tl::unexpected<Error> invalid(const Connection& connection, std::string_view why) {
  return fail("upstream.invalid_response", from(connection) + " sent what is no HTTP/1.1 response: " + std::string(why),
              Origin::kUpstream);
}

// Appends what one read gives to the `filled` bytes of `buffer`, at least one, once there is something.
Task<Result<std::size_t>> read_more(Connection& connection, net::BufferPool& buffers, net::Buffer& buffer,
                                    std::size_t filled, bool untouched, Deadline deadline) {
  net::ByteStream& stream = *connection.stream;
  for (;;) {
    if (!stream.has_buffered_input()) {
      const Wake wake = co_await stream.watch().readable(deadline);
      if (wake != Wake::kReady) co_return wait_error(connection, wake);
    }
    if (!buffer) buffer = buffers.small();
    const IoResult result = stream.try_read(buffer.data() + filled, buffer.size() - filled);
    if (result.bytes > 0) co_return result.bytes;
    if (filled == 0) buffer.release();  // nothing came after all: wait without it
    if (result.state == IoState::kEof || result.state == IoState::kFailed) {
      co_return ended(connection, result.state, untouched);
    }
    if (result.state != IoState::kWantWrite) continue;
    const Wake wake = co_await stream.watch().writable(deadline);
    if (wake != Wake::kReady) co_return wait_error(connection, wake);
  }
}

// Room for more after `filled` bytes without an end: false when the largest head is not enough.
bool grow(net::BufferPool& buffers, net::Buffer& buffer, std::size_t filled) {
  if (!buffer || filled < buffer.size()) return true;
  if (buffer.size() >= net::BufferPool::kLarge) return false;
  net::Buffer large = buffers.large();
  std::memcpy(large.data(), buffer.data(), filled);
  buffer = std::move(large);
  return true;
}

}  // namespace

Task<Result<HeadRead>> read_head(Connection& connection, net::BufferPool& buffers, net::Buffer& buffer,
                                 http::ResponseHead& head, bool is_head_request, Deadline deadline, bool may_switch) {
  const std::string_view method = is_head_request ? "HEAD" : "GET";
  http::ResponseParser parser(method);
  std::size_t filled = 0;
  bool untouched = true;
  int interim = 0;
  for (;;) {
    if (!grow(buffers, buffer, filled)) co_return invalid(connection, "the head is too large");
    auto got = co_await read_more(connection, buffers, buffer, filled, untouched, deadline);
    if (!got) co_return forward_error(got);
    filled += *got;
    untouched = false;
    for (;;) {
      const http::Parse parse = parser.parse({buffer.data(), filled}, head);
      if (parse == http::Parse::kRefused) co_return invalid(connection, parser.refusal().message);
      if (parse == http::Parse::kNeedMore) break;
      const bool switches = head.status == 101;
      if (switches && !may_switch) co_return invalid(connection, "101, although no upgrade was asked for");
      if (switches || head.status >= 200) co_return HeadRead{parser.consumed(), filled};
      if (++interim > kMaxInterimHeads) co_return invalid(connection, "too many interim responses");
      filled -= parser.consumed();
      std::memmove(buffer.data(), buffer.data() + parser.consumed(), filled);
      parser.reset(method);
    }
    if (filled == 0) buffer.release();  // an interim head alone: wait without a buffer for the final one
  }
}

}  // namespace portcullis::upstream
