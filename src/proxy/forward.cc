#include "proxy/forward.h"

#include <algorithm>
#include <utility>

#include "event/signal.h"
#include "http/body.h"
#include "http/hop_by_hop.h"
#include "http/writer.h"
#include "proxy/stages.h"
#include "proxy/tunnel.h"
#include "proxy/websocket_handshake.h"
#include "upstream/response_reader.h"

namespace portcullis::proxy {

using event::Deadline;
using event::Task;
using upstream::Connection;

namespace {

constexpr std::chrono::milliseconds kConnectPatience{5'000};
// Four full TLS records: what a large buffer holds beyond them would leave as a fifth, tiny one.
constexpr std::size_t kMostPerRead = 64 * 1024;
constexpr std::string_view kNoLive = "ERRORINFO_UPSTREAM_NO_LIVE";
constexpr std::string_view kTimedOut = "ERRORINFO_UPSTREAM_TIMED_OUT";
constexpr std::string_view kClosed = "ERRORINFO_UPSTREAM_CLOSED_CONNECTION";

// RFC 9110 §9.2.2, for what may be sent again on a connection that proved closed.
bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

class Forwarder {
 public:
  explicit Forwarder(RequestContext& context)
      : context_(context), services_(context.services), backend_(context.rule()->backend), uploaded_(services_.loop) {}

  Task<void> run();

 private:
  enum class Outcome : std::uint8_t { kDone, kRetryElsewhere, kRetryFresh };

  Task<Outcome> attempt(upstream::Pick pick, bool fresh);
  Task<Result<void>> obtain_connection(Endpoint endpoint, bool fresh);
  Task<Result<void>> send_head();
  Task<void> upload();
  Task<Result<void>> upload_pieces();
  Task<void> await_answer();
  Task<void> join_upload();
  Task<Outcome> tunnel(upstream::HeadRead read);
  Task<void> relay(upstream::HeadRead read);
  Task<bool> relay_piece(std::string_view content, bool end);
  Task<bool> read_more();
  Outcome failed(const Error& error, bool fresh);
  void give_back();
  bool wants_tunnel() const { return context_.exchange.request().upgrade != http::Upgrade::kNone; }
  std::chrono::milliseconds patience() const { return backend_.request_timeout; }

  RequestContext& context_;
  Services& services_;
  const snapshot::Backend& backend_;
  std::unique_ptr<Connection> connection_;
  net::Buffer buffer_;               // bytes of the response
  std::size_t begin_ = 0, end_ = 0;  // those not yet decoded
  bool filled_up_ = false;           // the last read filled the buffer: a larger one will do better
  bool corrupt_ = false;             // the response's framing broke
  http::BodyReader body_;
  bool head_sent_ = false;
  bool upstream_keep_alive_ = false;

  // The request's body runs beside the response, so that a backend may answer before it has read everything.
  bool uploading_ = false;
  bool awaiting_answer_ = false;  // nothing of the answer has come: no other read may be cancelled by the upload's end
  bool upload_failed_by_client_ = false;
  Result<void> upload_result_;
  event::Signal uploaded_;
};

Task<void> Forwarder::run() {
  std::optional<Endpoint> excluded;
  // A connection that becomes a tunnel carries nothing else, before or after.
  bool fresh = wants_tunnel();
  for (unsigned tries = 0; tries < 3; ++tries) {
    const Endpoint* exclude = excluded ? &*excluded : nullptr;
    const auto pick = services_.balancer.pick(*backend_.members, backend_.port, services_.loop.now(), exclude);
    if (!pick) {
      if (context_.refused.status == 0) context_.refuse(502, "upstream.no_live", kNoLive);
      break;
    }
    context_.take_back_refusal();
    const upstream::Pick chosen = *pick;
    const Outcome outcome = co_await attempt(chosen, fresh);
    if (outcome == Outcome::kDone) break;
    if (outcome == Outcome::kRetryFresh) {
      fresh = true;
      continue;
    }
    // One other address, once.
    if (excluded) break;
    excluded = chosen.endpoint;
  }
  if (context_.refused.status >= 500) services_.counters.upstream_failures.add();
}

Task<Result<void>> Forwarder::obtain_connection(Endpoint endpoint, bool fresh) {
  const upstream::ConnectionKey key{endpoint, {}};
  if (!fresh) connection_ = services_.connections.acquire_idle(key);
  if (connection_ != nullptr) co_return Result<void>();
  // Whoever is gone by the time that this has ended needs no other address tried.
  RequestContext* const context = &context_;
  context_.exchange.on_client_gone([context] { context->client_gone = true; });
  const Deadline deadline = services_.loop.in(std::min(kConnectPatience, patience()));
  auto made = co_await services_.connections.connect(key, deadline);
  if (!made) {
    services_.balancer.connect_failed(endpoint, services_.loop.now());
    co_return tl::unexpected<Error>(std::move(made.error()));
  }
  services_.balancer.connect_succeeded(endpoint);
  connection_ = std::move(*made);
  co_return Result<void>();
}

Task<Forwarder::Outcome> Forwarder::attempt(upstream::Pick pick, bool fresh) {
  ++context_.upstream.attempts;
  context_.upstream.routed = pick.endpoint;
  http::Fields& fields = context_.exchange.request().fields;
  // HTTP/1.1 has no request without Host (RFC 9112 §3.2), though an HTTP/1.0 client may send none.
  if (backend_.host_from_member || !fields.has("Host")) fields.set("Host", pick.member->name);
  const Result<void> obtained = co_await obtain_connection(pick.endpoint, fresh);
  if (context_.client_gone) co_return failed({}, fresh);
  if (!obtained) {
    const bool timed_out = obtained.error().code == "net.connect_timeout";
    context_.refuse(timed_out ? 504 : 502, obtained.error().code, timed_out ? kTimedOut : kNoLive);
    co_return Outcome::kRetryElsewhere;
  }
  context_.upstream.source_port = connection_->local_port;
  context_.upstream.sent = services_.loop.now();
  net::ByteStream* const stream = connection_->stream.get();
  RequestContext* const context = &context_;
  context_.exchange.on_client_gone([stream, context] {
    context->client_gone = true;
    stream->watch().cancel();
  });
  const Result<void> sent = co_await send_head();
  if (!sent) {
    Error error = sent.error();
    // A connection that had been closed while it was idle: nothing of the request was taken.
    error.retry_safe = connection_->reused;
    co_return failed(error, fresh);
  }
  if (!context_.exchange.body_done()) {
    uploading_ = true;
    event::spawn(upload());
  }
  co_await await_answer();
  const bool head_request = context_.exchange.request().method == "HEAD";
  const Deadline deadline = services_.loop.in(patience());
  const auto read = co_await upstream::read_head(*connection_, services_.buffers, buffer_, context_.response,
                                                 head_request, deadline, wants_tunnel());
  if (!read) {
    const Error& error = read.error();
    co_await join_upload();
    co_return failed(error, fresh);
  }
  context_.upstream.answered = services_.loop.now();
  context_.upstream.status = context_.response.status;
  const upstream::HeadRead where = *read;
  if (context_.response.status == 101) co_return co_await tunnel(where);
  co_await relay(where);
  context_.exchange.on_client_gone(nullptr);
  co_await join_upload();
  give_back();
  co_return Outcome::kDone;
}

Task<Result<void>> Forwarder::send_head() {
  http::RequestHead& request = context_.exchange.request();
  // Whether the backend's connection is kept is ours to say; the client's wish for its own stays as it was.
  const bool client_keeps_alive = std::exchange(request.keep_alive, true);
  // One for all requests of a thread: what the kernel does not take at once is copied out before anyone else runs.
  thread_local std::string out;
  out.clear();
  http::append_request(out, request);
  request.keep_alive = client_keeps_alive;
  net::ByteStream& stream = *connection_->stream;
  const net::IoResult result = stream.try_write(out);
  if (result.state == net::IoState::kDone) co_return Result<void>();
  std::string rest = out.substr(result.bytes);
  co_return co_await net::write_all(stream, rest, patience());
}

Task<void> Forwarder::upload() {
  upload_result_ = co_await upload_pieces();
  uploading_ = false;
  // Nothing can be expected of the backend any more when the client broke off its request; otherwise its time to answer
  // begins now.
  if (upload_failed_by_client_) {
    connection_->stream->watch().cancel();
  } else if (awaiting_answer_) {
    connection_->stream->watch().cancel_read_wait();
  }
  uploaded_.notify();
}

Task<Result<void>> Forwarder::upload_pieces() {
  const bool chunked = context_.exchange.request().body == http::BodyKind::kChunked;
  net::ByteStream& stream = *connection_->stream;
  std::string out;
  for (;;) {
    const Result<std::string_view> piece = co_await context_.exchange.read_body();
    if (!piece) {
      // One that was stopped because of the backend is not the client's doing.
      upload_failed_by_client_ = piece.error().code != "net.cancelled";
      co_return tl::unexpected<Error>(piece.error());
    }
    if (piece->empty()) break;
    std::string_view bytes = *piece;
    if (chunked) {
      out.clear();
      http::append_chunk_head(out, piece->size());
      out.append(*piece).append(http::kChunkEnd);
      bytes = out;
    }
    const Result<void> sent = co_await net::write_all(stream, bytes, patience());
    if (!sent) co_return sent;
  }
  if (!chunked) co_return Result<void>();
  http::Fields& trailers = context_.exchange.request_trailers();
  http::strip_hop_by_hop(trailers);
  routing::drop_invalid_request_names(trailers);
  context_.snapshot->identity_headers.strip(trailers);
  out.clear();
  http::append_last_chunk(out, &trailers);
  co_return co_await net::write_all(stream, out, patience());
}

// While the request's body is on its way the backend owes nothing yet: requestTimeout counts from the body's end. Each
// step of the upload has a deadline of its own.
Task<void> Forwarder::await_answer() {
  while (uploading_) {
    awaiting_answer_ = true;
    const event::Wake wake = co_await connection_->stream->watch().readable(event::kNoDeadline);
    awaiting_answer_ = false;
    if (wake == event::Wake::kReady || connection_->stream->watch().cancelled()) co_return;
  }
}

// The upload uses this object and the connection: nothing may go before it has ended.
Task<void> Forwarder::join_upload() {
  if (!uploading_) co_return;
  context_.exchange.stop_reading();
  connection_->stream->watch().cancel();
  while (uploading_) co_await uploaded_.wait(event::kNoDeadline);
}

// What a failure before the response began means for the request.
Forwarder::Outcome Forwarder::failed(const Error& error, bool fresh) {
  context_.exchange.on_client_gone(nullptr);
  connection_.reset();
  buffer_.release();
  if (context_.client_gone) {
    context_.refuse(499, "client.closed", "ERRORINFO_CLIENT_CLOSED_REQUEST");
    return Outcome::kDone;
  }
  if (upload_failed_by_client_) {
    const Error& cause = upload_result_.error();
    const bool late = cause.code == "net.timeout";
    const bool gone = cause.code == "net.closed" || cause.code == "net.reset";
    context_.client_gone = gone;
    context_.refuse(gone   ? 499
                    : late ? 408
                           : 400,
                    cause.code, gone ? "ERRORINFO_CLIENT_CLOSED_REQUEST" : "ERRORINFO_INVALID_REQUEST");
    context_.exchange.close_after();
    return Outcome::kDone;
  }
  const http::RequestHead& request = context_.exchange.request();
  const bool repeatable = request.body == http::BodyKind::kNone && idempotent(request.method);
  if (error.retry_safe && repeatable && !fresh) return Outcome::kRetryFresh;
  const bool timed_out = error.code == "upstream.timeout" || error.code == "net.timeout";
  context_.refuse(timed_out ? 504 : 502, error.code, timed_out ? kTimedOut : kClosed);
  return Outcome::kDone;
}

// The backend says that it switches: from here on the connection carries no HTTP.
Task<Forwarder::Outcome> Forwarder::tunnel(upstream::HeadRead read) {
  if (!backend_agrees(context_)) {
    const Error invalid{"upstream.bad_upgrade", "", Origin::kUpstream};
    co_return failed(invalid, true);
  }
  rewrite_agreement(context_);
  net::ByteStream& stream = *connection_->stream;
  net::Buffer early = std::move(buffer_);
  co_await run_tunnel(context_, stream, std::move(early), read);
  connection_.reset();
  co_return Outcome::kDone;
}

// False: the client cannot be served any further.
Task<bool> Forwarder::relay_piece(std::string_view content, bool end) {
  Result<void> sent;
  const bool has_trailers = end && !body_.trailers().empty();
  const bool whole = end && !has_trailers;
  const bool head_first = !head_sent_;
  if (head_first) {
    head_sent_ = true;
    rewrite_response(context_);
    sent = co_await context_.exchange.respond(context_.response, content, whole);
    content = {};
  }
  // Trailers do not ride with the head: an answer that has some takes a write more.
  if (sent && (!head_first || has_trailers)) {
    http::Fields* trailers = end ? &body_.trailers() : nullptr;
    if (trailers != nullptr) http::strip_hop_by_hop(*trailers);
    sent = co_await context_.exchange.write_body(content, end, trailers);
  }
  if (!sent) context_.error_info = "ERRORINFO_CLIENT_CLOSED_REQUEST";
  co_return sent.has_value();
}

// False: the body ended, rightly or not.
Task<bool> Forwarder::read_more() {
  if (buffer_ && filled_up_ && buffer_.size() < net::BufferPool::kLarge) buffer_.release();
  if (!buffer_) buffer_ = filled_up_ ? services_.buffers.large() : services_.buffers.small();
  begin_ = end_ = 0;
  const std::size_t room = std::min(buffer_.size(), kMostPerRead);
  const Deadline deadline = services_.loop.in(patience());
  net::ByteStream& stream = *connection_->stream;
  const Result<std::size_t> got = co_await net::read_some(stream, buffer_.data(), room, deadline);
  if (!got || *got == 0) {
    const bool complete = got.has_value() && body_.on_eof();
    if (!complete) corrupt_ = true;
    co_return false;
  }
  end_ = *got;
  filled_up_ = end_ == room;
  co_return true;
}

Task<void> Forwarder::relay(upstream::HeadRead read) {
  begin_ = read.body_begin;
  end_ = read.filled;
  filled_up_ = end_ == buffer_.size();
  http::ResponseHead& head = context_.response;
  upstream_keep_alive_ = head.keep_alive;
  body_.start(head.body, head.content_length, Origin::kUpstream);
  // A body that ends with the backend's connection is framed for the client, so that it can tell the end from a cut.
  if (head.body == http::BodyKind::kUntilClose) head.body = http::BodyKind::kChunked;
  for (;;) {
    const http::BodyPiece piece = body_.gather(buffer_.data() + begin_, end_ - begin_);
    begin_ += piece.consumed;
    // A backend that breaks its own framing must not look complete to the client.
    corrupt_ = piece.refused;
    if (corrupt_) break;
    const std::string_view content = piece.content;
    const bool end = body_.done();
    const bool something = end || !content.empty() || !head_sent_;
    if (something) {
      const bool sent = co_await relay_piece(content, end);
      if (!sent) co_return;
    }
    if (end) co_return;
    const bool more = co_await read_more();
    if (more) continue;
    if (corrupt_) break;
    const std::string_view nothing;
    co_await relay_piece(nothing, true);
    co_return;
  }
  if (context_.client_gone) {
    context_.error_info = "ERRORINFO_CLIENT_CLOSED_REQUEST";
    context_.refused.reason = "client.closed";
  } else if (head_sent_) {
    context_.error_info = kClosed;
    context_.refused.reason = "upstream.body_cut_short";
    context_.exchange.close_after();
  } else {
    context_.refuse(502, "upstream.invalid_response", kClosed);
  }
}

void Forwarder::give_back() {
  if (connection_ == nullptr) return;
  connection_->reusable = body_.done() && !corrupt_ && begin_ == end_ && context_.exchange.body_done() &&
                          upload_result_.has_value() && upstream_keep_alive_ && !wants_tunnel();
  buffer_.release();
  services_.connections.release(std::move(connection_));
}

}  // namespace

Task<void> forward(RequestContext& context) {
  Forwarder forwarder(context);
  co_await forwarder.run();
  if (context.exchange.request().upgrade != http::Upgrade::kNone) record_websocket(context);
}

}  // namespace portcullis::proxy
