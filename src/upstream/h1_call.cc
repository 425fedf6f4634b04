#include "upstream/h1_call.h"

#include <algorithm>
#include <utility>

#include "http/writer.h"

namespace portcullis::upstream {

using event::Deadline;
using event::Task;

namespace {

// Four full TLS records: what a large buffer holds beyond them would leave as a fifth, tiny one.
constexpr std::size_t kMostPerRead = 64 * 1024;

}  // namespace

Task<Result<void>> H1Call::send_head(http::RequestHead& head, std::chrono::milliseconds patience) {
  chunked_ = head.body == http::BodyKind::kChunked;
  // Whether the backend's connection is kept is ours to say; the client's wish for its own stays as it was.
  const bool client_keeps_alive = std::exchange(head.keep_alive, true);
  // One for all requests of a thread: what the kernel does not take at once is copied out before anyone else runs.
  thread_local std::string out;
  out.clear();
  http::append_request(out, head);
  head.keep_alive = client_keeps_alive;
  net::ByteStream& stream = *connection_->stream;
  const net::IoResult result = stream.try_write(out);
  if (result.state == net::IoState::kDone) co_return Result<void>();
  std::string rest = out.substr(result.bytes);
  Result<void> sent = co_await net::write_all(stream, rest, patience);
  // A connection that had been closed while it was idle: nothing of the request was taken.
  if (!sent) sent.error().retry_safe = connection_->reused;
  co_return sent;
}

Task<Result<void>> H1Call::send_content(std::string_view content, std::chrono::milliseconds patience) {
  net::ByteStream& stream = *connection_->stream;
  if (!chunked_) co_return co_await net::write_all(stream, content, patience);
  std::string out;
  http::append_chunk_head(out, content.size());
  out.append(content).append(http::kChunkEnd);
  co_return co_await net::write_all(stream, out, patience);
}

Task<Result<void>> H1Call::end_content(const http::Fields& trailers, std::chrono::milliseconds patience) {
  if (!chunked_) co_return Result<void>();
  std::string out;
  http::append_last_chunk(out, &trailers);
  co_return co_await net::write_all(*connection_->stream, out, patience);
}

Task<void> H1Call::await_answer() {
  awaiting_ = true;
  co_await connection_->stream->watch().readable(event::kNoDeadline);
  awaiting_ = false;
}

void H1Call::stop_waiting() {
  if (awaiting_) connection_->stream->watch().cancel_read_wait();
}

Task<Result<void>> H1Call::read_head(http::ResponseHead& head, bool is_head_request, Deadline deadline) {
  auto read =
      co_await upstream::read_head(*connection_, buffers_, buffer_, head, is_head_request, deadline, may_switch_);
  if (!read) co_return forward_error(read);
  begin_ = read->body_begin;
  end_ = read->filled;
  filled_up_ = end_ == buffer_.size();
  keep_alive_ = head.keep_alive;
  body_.start(head.body, head.content_length, Origin::kUpstream);
  co_return Result<void>();
}

AnswerPiece H1Call::take() {
  const http::BodyPiece piece = body_.gather(buffer_.data() + begin_, end_ - begin_);
  begin_ += piece.consumed;
  if (piece.refused) broken_ = true;
  return {piece.content, body_.done(), broken_};
}

Task<void> H1Call::await_more(Deadline deadline) {
  if (buffer_ && filled_up_ && buffer_.size() < net::BufferPool::kLarge) buffer_.release();
  if (!buffer_) buffer_ = filled_up_ ? buffers_.large() : buffers_.small();
  begin_ = end_ = 0;
  const std::size_t room = std::min(buffer_.size(), kMostPerRead);
  net::ByteStream& stream = *connection_->stream;
  const Result<std::size_t> got = co_await net::read_some(stream, buffer_.data(), room, deadline);
  if (!got || *got == 0) {
    const bool complete = got.has_value() && body_.on_eof();
    if (!complete) broken_ = true;
    co_return;
  }
  end_ = *got;
  filled_up_ = end_ == room;
}

void H1Call::finish(bool request_done) {
  connection_->reusable = request_done && body_.done() && !broken_ && begin_ == end_ && keep_alive_ && !may_switch_;
  buffer_.release();
  pool_.release(std::move(connection_));
}

}  // namespace portcullis::upstream
