#include "conn/h1.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "http/writer.h"

namespace portcullis::conn {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;

namespace {

// Where heads and small writes are put together. One for all connections of a thread: what is in it is sent, or copied
// out, before anything else runs.
thread_local std::string scratch;

// Content up to this size is copied behind the head, so that both leave in one write.
constexpr std::size_t kJoinedContent = 32 * 1024;
constexpr std::size_t kScratchKept = 256 * 1024;
constexpr std::uint64_t kLingerBytes = 256 * 1024;

std::string& fresh_scratch() {
  if (scratch.capacity() > kScratchKept) std::string().swap(scratch);
  scratch.clear();
  return scratch;
}

}  // namespace

H1Connection::H1Connection(net::ByteStream& stream, net::BufferPool& buffers, Control& control, const Handler& handler,
                           Patience patience)
    : Exchange(stream.loop(), buffers),
      stream_(stream),
      control_(control),
      handler_(handler),
      patience_(patience),
      interim_over_(stream.loop()) {
  control_.set_watch(&stream_.watch());
}

H1Connection::~H1Connection() { control_.set_watch(nullptr); }

Task<void> H1Connection::serve(std::string early) {
  if (!early.empty()) {
    buffer_ = early.size() <= net::BufferPool::kSmall ? buffers_.small() : buffers_.large();
    CHECK(early.size() <= buffer_.size());
    std::memcpy(buffer_.data(), early.data(), early.size());
    end_ = early.size();
  }
  for (;;) {
    const HeadRead read = co_await read_head();
    if (read == HeadRead::kClosed) co_return;
    co_await handler_(*this);
    on_client_gone(nullptr);
    on_drain(nullptr);
    if (!responded_ || !response_done_ || client_ended_) co_return;
    if (!keep_alive_) {
      co_await linger();
      co_return;
    }
    // A client that pipelines must not keep the worker from everybody else.
    if (unread() > 0) co_await event::yield(loop_);
  }
}

void H1Connection::begin_request() {
  parser_.reset();
  request_.clear();
  body_.start(http::BodyKind::kNone, 0);
  refused_ = responded_ = response_done_ = close_after_ = false;
  tunnelled_ = keep_alive_ = continue_due_ = client_ended_ = false;
  interim_sent_ = {};
  received_bytes_ = sent_bytes_ = 0;
}

Task<H1Connection::HeadRead> H1Connection::read_head() {
  begin_request();
  const MonoTime since = loop_.now();
  Deadline deadline = since + patience_.keep_alive;
  bool started = false;
  for (;;) {
    if (unread() > 0 && !started) {
      started = true;
      started_ = loop_.now();
      deadline = loop_.in(patience_.head);
    }
    if (unread() > 0) {
      const HeadRead parsed = parse_head();
      if (parsed != HeadRead::kMore) co_return parsed;
    } else {
      if (control_.draining()) co_return HeadRead::kClosed;
      if (control_.refused()) deadline = std::min(deadline, since + patience_.first_request);
      buffer_.release();
      control_.set_idle(true);
    }
    const Result<void> filled = co_await fill(deadline);
    control_.set_idle(false);
    if (filled || hurried(filled.error())) continue;
    if (!started || filled.error().code != "net.timeout") co_return HeadRead::kClosed;
    http::Refusal late{408, "http.head_timeout", "ERRORINFO_INVALID_REQUEST",
                       "the request head was not complete in time"};
    refuse(std::move(late));
    co_return HeadRead::kRefused;
  }
}

// The wait has ended because the client is refused, which has not asked anything yet.
bool H1Connection::hurried(const Error& ended) const {
  return ended.code == "net.cancelled" && control_.refused() && !control_.draining() && !stream_.watch().cancelled();
}

H1Connection::HeadRead H1Connection::parse_head() {
  const http::Parse outcome = parser_.parse({buffer_.data() + begin_, unread()}, request_);
  if (outcome == http::Parse::kNeedMore) return HeadRead::kMore;
  if (outcome == http::Parse::kRefused) {
    refuse(parser_.refusal());
    return HeadRead::kRefused;
  }
  control_.asked();
  received_bytes_ = parser_.consumed();
  begin_ += parser_.consumed();
  body_.start(request_.body, request_.content_length);
  continue_due_ = request_.expect_continue && !body_.done();
  // The head is the request's own by now: while a backend works on it, this connection holds no buffer.
  if (unread() == 0) buffer_.release();
  return HeadRead::kRequest;
}

void H1Connection::refuse(http::Refusal refusal) {
  received_bytes_ = unread();
  refusal_ = std::move(refusal);
  refused_ = true;
  close_after_ = true;
}

// Makes space behind the unread bytes. False when the largest buffer is full of them.
bool H1Connection::make_room() {
  if (!buffer_) {
    buffer_ = buffers_.small();
    begin_ = end_ = 0;
  }
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ < buffer_.size()) return true;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, unread());
  } else {
    if (buffer_.size() >= net::BufferPool::kLarge) return false;
    net::Buffer larger = buffers_.large();
    std::memcpy(larger.data(), buffer_.data(), unread());
    buffer_ = std::move(larger);
  }
  end_ = unread();
  begin_ = 0;
  return true;
}

Task<Result<void>> H1Connection::fill(Deadline deadline) {
  for (bool first = true;; first = false) {
    // A client that keeps the stream busy without a byte of content is silent all the same.
    if (!first && loop_.now() >= deadline) co_return net::wait_failed(Wake::kTimedOut);
    if (!stream_.has_buffered_input()) {
      const Wake wake = co_await stream_.watch().readable(deadline);
      if (wake != Wake::kReady) co_return net::wait_failed(wake);
    }
    if (!make_room()) co_return fail("http.head_too_large", "no head is this long", Origin::kClient);
    const IoResult result = stream_.try_read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += result.bytes;
    if (result.bytes > 0) co_return Result<void>();
    if (result.state == IoState::kEof)
      co_return fail("net.closed", "the client closed the connection", Origin::kClient);
    if (result.state == IoState::kFailed) co_return fail("net.reset", "the connection broke", Origin::kClient);
    if (result.state == IoState::kWantWrite) {
      const Wake wake = co_await stream_.watch().writable(deadline);
      if (wake != Wake::kReady) co_return net::wait_failed(wake);
    }
  }
}

Task<Result<std::string_view>> H1Connection::read_body() {
  for (;;) {
    if (body_.done()) co_return std::string_view();
    if (unread() > 0) {
      continue_due_ = false;
      const http::BodyPiece piece = body_.gather(buffer_.data() + begin_, unread());
      begin_ += piece.consumed;
      received_bytes_ += piece.consumed;
      if (!piece.content.empty()) co_return piece.content;
      if (piece.refused) co_return fail(body_.refusal().code, body_.refusal().message, Origin::kClient);
      if (body_.done()) co_return std::string_view();
    }
    if (continue_due_ && !responded_) {
      continue_due_ = false;
      interim_going_ = true;
      interim_sent_ = co_await send(http::kContinue);
      interim_going_ = false;
      interim_over_.notify();
      if (!interim_sent_) co_return tl::unexpected<Error>(interim_sent_.error());
    }
    const Deadline deadline = loop_.in(patience_.body);
    const Result<void> filled = co_await fill(deadline);
    if (!filled) co_return tl::unexpected<Error>(filled.error());
  }
}

bool H1Connection::may_keep_alive() const {
  // A body that is not read to its end leaves bytes of unknown meaning in the way of the next request.
  return request_.keep_alive && !close_after_ && !refused_ && body_.done() && !control_.draining();
}

Task<Result<void>> H1Connection::respond(http::ResponseHead& head, std::string_view content, bool end) {
  CHECK(!responded_);
  responded_ = true;
  // A body that is read beside this may be sending 100 Continue: one writer at a time, and in order.
  while (interim_going_) co_await interim_over_.wait(event::kNoDeadline);
  if (!interim_sent_) co_return interim_sent_;
  responded_at_ = loop_.now();
  const bool until_close_for_10 = head.body == http::BodyKind::kChunked && request_.version == http::Version::kHttp10;
  if (until_close_for_10) head.body = http::BodyKind::kUntilClose;
  head.version = request_.version;
  head.keep_alive = keep_alive_ = may_keep_alive() && head.body != http::BodyKind::kUntilClose;
  response_kind_ = head.body;
  std::string& out = fresh_scratch();
  http::append_response(out, head);
  const bool joined = content.size() <= kJoinedContent;
  if (joined && !content.empty() && response_kind_ == http::BodyKind::kChunked) {
    http::append_chunk_head(out, content.size());
    out.append(content).append(http::kChunkEnd);
  } else if (joined) {
    out.append(content);
  }
  const bool finish = end && joined;
  if (finish && response_kind_ == http::BodyKind::kChunked) out.append(http::kLastChunk);
  const Result<void> sent = co_await send(out);
  if (!sent) co_return sent;
  if (joined) {
    response_done_ = end;
    co_return sent;
  }
  co_return co_await write_body(content, end, nullptr);
}

Task<Result<void>> H1Connection::write_body(std::string_view content, bool end, const http::Fields* trailers) {
  if (response_kind_ != http::BodyKind::kChunked) {
    Result<void> sent;
    if (!content.empty()) sent = co_await send(content);
    if (sent && end) response_done_ = true;
    co_return sent;
  }
  std::string& out = fresh_scratch();
  if (!content.empty()) {
    http::append_chunk_head(out, content.size());
    out.append(content).append(http::kChunkEnd);
  }
  if (end) http::append_last_chunk(out, trailers);
  Result<void> sent = co_await send(out);
  if (sent && end) response_done_ = true;
  co_return sent;
}

// `bytes` may lie in the scratch: what the kernel does not take at once is copied out before anyone else can use it.
Task<Result<void>> H1Connection::send(std::string_view bytes) {
  const IoResult result = stream_.try_write(bytes);
  sent_bytes_ += result.bytes;
  if (result.state == IoState::kDone) co_return Result<void>();
  if (result.state == IoState::kFailed) co_return fail("net.reset", "the client has gone", Origin::kClient);
  std::string rest(bytes.substr(result.bytes));
  sent_bytes_ += rest.size();
  co_return co_await net::write_all(stream_, rest, patience_.write);
}

// Closing with unread input would make the kernel reset the connection, and the client could lose the response: end our
// side, and read on for a moment.
Task<void> H1Connection::linger() {
  if (!tunnelled_) stream_.shutdown_write();
  const Deadline deadline = loop_.in(patience_.linger);
  for (std::uint64_t read = 0; read < kLingerBytes;) {
    begin_ = end_ = 0;
    const Result<void> filled = co_await fill(deadline);
    if (!filled) co_return;
    read += end_;
  }
}

Task<Result<void>> H1Connection::open_tunnel(http::ResponseHead& head) {
  CHECK(!responded_ && body_.done());
  responded_ = tunnelled_ = true;
  responded_at_ = loop_.now();
  keep_alive_ = false;
  head.status = 101;
  head.version = http::Version::kHttp11;
  head.body = http::BodyKind::kNone;
  head.announces_length = false;
  head.fields.set("Upgrade", "websocket");
  std::string& out = fresh_scratch();
  http::append_response(out, head);
  co_return co_await send(out);
}

Task<Result<std::string_view>> H1Connection::read_tunnel(Deadline deadline) {
  if (unread() == 0) {
    buffer_.release();
    const Result<void> filled = co_await fill(deadline);
    client_ended_ = !filled && filled.error().code == "net.closed";
    if (client_ended_) co_return std::string_view();
    if (!filled) co_return tl::unexpected<Error>(filled.error());
  }
  const std::string_view bytes(buffer_.data() + begin_, unread());
  begin_ = end_;
  received_bytes_ += bytes.size();
  co_return bytes;
}

Task<Result<void>> H1Connection::write_tunnel(std::string_view bytes) {
  sent_bytes_ += bytes.size();
  co_return co_await net::write_all(stream_, bytes, patience_.write);
}

void H1Connection::end_tunnel() {
  if (!std::exchange(response_done_, true)) stream_.shutdown_write();
}

void H1Connection::on_client_gone(std::function<void()> action) {
  control_.set_abort(action);
  if (tunnelled_ && action) {
    event::Watch& watch = stream_.watch();
    watch.on_peer_closed([&watch, action = std::move(action)] {
      if (watch.broken()) action();
    });
    return;
  }
  stream_.watch().on_peer_closed(std::move(action));
}

void H1Connection::on_drain(std::function<void()> action) {
  if (action && control_.draining()) return action();
  control_.set_on_drain(std::move(action));
}

}  // namespace portcullis::conn
