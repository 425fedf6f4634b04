#include "proxy/forward.h"

#include <algorithm>
#include <utility>

#include "event/signal.h"
#include "http/hop_by_hop.h"
#include "proxy/stages.h"
#include "proxy/tunnel.h"
#include "proxy/websocket_handshake.h"
#include "upstream/h1_call.h"
#include "upstream/h2_connection.h"

namespace portcullis::proxy {

using event::Deadline;
using event::Task;

namespace {

constexpr std::chrono::milliseconds kConnectPatience{5'000};
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
  bool take_idle(Endpoint endpoint);
  Task<Result<void>> connect(Endpoint endpoint);
  void call_over(std::unique_ptr<upstream::Connection> connection);
  void forget_call();
  Task<void> upload();
  Task<Result<void>> upload_pieces();
  Task<void> await_answer();
  Task<void> join_upload();
  Task<Outcome> tunnel();
  Task<void> relay();
  Task<bool> relay_piece(std::string_view content, bool end);
  Outcome failed(const Error& error, bool fresh);
  // Over HTTP/2 any 2xx opens a tunnel (RFC 8441 §5): a backend that answered a WebSocket's request with a page must
  // not have its page taken for frames.
  bool looks_like_agreement() const {
    const bool success = context_.response.status / 100 == 2;
    return success && wants_tunnel() && context_.exchange.request().version == http::Version::kHttp2;
  }
  bool wants_tunnel() const { return context_.exchange.request().upgrade != http::Upgrade::kNone; }
  std::chrono::milliseconds patience() const { return backend_.request_timeout; }

  RequestContext& context_;
  Services& services_;
  const snapshot::Backend& backend_;
  // The call in progress is one of the two; kept here, so that it costs no allocation.
  std::optional<upstream::H1Call> h1_;
  std::optional<upstream::H2Call> h2_;
  upstream::Call* call_ = nullptr;
  bool head_sent_ = false;

  // The request's body runs beside the response, so that a backend may answer before it has read everything.
  bool uploading_ = false;
  bool upload_failed_by_client_ = false;
  Result<void> upload_result_;
  event::Signal uploaded_;
};

Task<void> Forwarder::run() {
  if (wants_tunnel() && backend_.http2) {
    context_.refuse(502, "upstream.websocket_over_http2", kNoLive);
    co_return;
  }
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

// False: there is no connection that can be used at once.
bool Forwarder::take_idle(Endpoint endpoint) {
  if (backend_.http2) return false;
  const upstream::ConnectionKey key{endpoint, {}};
  auto connection = services_.connections.acquire_idle(key);
  if (connection == nullptr) return false;
  call_over(std::move(connection));
  return true;
}

Task<Result<void>> Forwarder::connect(Endpoint endpoint) {
  // Whoever is gone by the time that this has ended needs no other address tried.
  RequestContext* const context = &context_;
  context_.exchange.on_client_gone([context] { context->client_gone = true; });
  const Deadline deadline = services_.loop.in(std::min(kConnectPatience, patience()));
  if (backend_.http2) {
    auto shared = co_await services_.h2_connections.obtain(endpoint, deadline);
    if (!shared) co_return forward_error(shared);
    h2_.emplace(std::move(*shared));
    call_ = &*h2_;
  } else {
    const upstream::ConnectionKey key{endpoint, {}};
    auto made = co_await services_.connections.connect(key, deadline);
    if (!made) co_return forward_error(made);
    call_over(std::move(*made));
  }
  services_.balancer.connect_succeeded(endpoint);
  co_return Result<void>();
}

void Forwarder::call_over(std::unique_ptr<upstream::Connection> connection) {
  h1_.emplace(services_.connections, services_.buffers, std::move(connection));
  if (wants_tunnel()) h1_->allow_switch();
  call_ = &*h1_;
}

void Forwarder::forget_call() {
  call_ = nullptr;
  h1_.reset();
  h2_.reset();
}

Task<Forwarder::Outcome> Forwarder::attempt(upstream::Pick pick, bool fresh) {
  ++context_.upstream.attempts;
  context_.upstream.routed = pick.endpoint;
  http::Fields& fields = context_.exchange.request().fields;
  // HTTP/1.1 has no request without Host (RFC 9112 §3.2), though an HTTP/1.0 client may send none.
  if (backend_.host_from_member || !fields.has("Host")) fields.set("Host", pick.member->name);
  const bool idle = !fresh && take_idle(pick.endpoint);
  Result<void> obtained;
  if (!idle) obtained = co_await connect(pick.endpoint);
  if (context_.client_gone) co_return failed({}, fresh);
  if (!obtained) {
    services_.balancer.connect_failed(pick.endpoint, services_.loop.now());
    const bool timed_out = obtained.error().code == "net.connect_timeout";
    context_.refuse(timed_out ? 504 : 502, obtained.error().code, timed_out ? kTimedOut : kNoLive);
    co_return Outcome::kRetryElsewhere;
  }
  context_.upstream.source_port = call_->local_port();
  context_.upstream.sent = services_.loop.now();
  upstream::Call* const call = call_;
  RequestContext* const context = &context_;
  context_.exchange.on_client_gone([call, context] {
    context->client_gone = true;
    call->cancel();
  });
  const Result<void> sent = co_await call_->send_head(context_.exchange.request(), patience());
  if (!sent) co_return failed(sent.error(), fresh);
  if (!context_.exchange.body_done()) {
    uploading_ = true;
    event::spawn(upload());
  }
  co_await await_answer();
  const bool head_request = context_.exchange.request().method == "HEAD";
  const Deadline deadline = services_.loop.in(patience());
  const Result<void> read = co_await call_->read_head(context_.response, head_request, deadline);
  if (!read) {
    co_await join_upload();
    co_return failed(read.error(), fresh);
  }
  context_.upstream.answered = services_.loop.now();
  context_.upstream.status = context_.response.status;
  if (context_.response.status == 101) co_return co_await tunnel();
  if (looks_like_agreement()) {
    const Error invalid{"upstream.bad_upgrade", "", Origin::kUpstream};
    co_return failed(invalid, true);
  }
  co_await relay();
  context_.exchange.on_client_gone(nullptr);
  co_await join_upload();
  const bool request_done = context_.exchange.body_done() && upload_result_.has_value();
  call_->finish(request_done);
  co_return Outcome::kDone;
}

Task<void> Forwarder::upload() {
  upload_result_ = co_await upload_pieces();
  uploading_ = false;
  // Nothing can be expected of the backend any more when the client broke off its request; otherwise its time to answer
  // begins now.
  if (upload_failed_by_client_) {
    call_->cancel();
  } else {
    call_->stop_waiting();
  }
  uploaded_.notify();
}

Task<Result<void>> Forwarder::upload_pieces() {
  for (;;) {
    const Result<std::string_view> piece = co_await context_.exchange.read_body();
    if (!piece) {
      // One that was stopped because of the backend is not the client's doing.
      upload_failed_by_client_ = piece.error().code != "net.cancelled";
      co_return tl::unexpected<Error>(piece.error());
    }
    if (piece->empty()) break;
    const Result<void> sent = co_await call_->send_content(*piece, patience());
    if (!sent) co_return sent;
  }
  http::Fields& trailers = context_.exchange.request_trailers();
  http::strip_hop_by_hop(trailers);
  routing::drop_invalid_request_names(trailers);
  context_.snapshot->identity_headers.strip(trailers);
  co_return co_await call_->end_content(trailers, patience());
}

// While the request's body is on its way the backend owes nothing yet: requestTimeout counts from the body's end. Each
// step of the upload has a deadline of its own.
Task<void> Forwarder::await_answer() {
  // An upload that ends tells so by stop_waiting().
  if (uploading_) co_await call_->await_answer();
}

// The upload uses this object and the connection: nothing may go before it has ended.
Task<void> Forwarder::join_upload() {
  if (!uploading_) co_return;
  context_.exchange.stop_reading();
  call_->cancel();
  while (uploading_) co_await uploaded_.wait(event::kNoDeadline);
}

// What a failure before the response began means for the request.
Forwarder::Outcome Forwarder::failed(const Error& error, bool fresh) {
  context_.exchange.on_client_gone(nullptr);
  forget_call();
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
  // What the backend says it has not looked at may be sent again whatever it is (RFC 9113 §8.7).
  const bool untouched = error.code == "upstream.refused" || idempotent(request.method);
  const bool repeatable = request.body == http::BodyKind::kNone && untouched;
  if (error.retry_safe && repeatable && !fresh) return Outcome::kRetryFresh;
  const bool timed_out = error.code == "upstream.timeout" || error.code == "net.timeout";
  context_.refuse(timed_out ? 504 : 502, error.code, timed_out ? kTimedOut : kClosed);
  return Outcome::kDone;
}

// The backend says that it switches: from here on the connection carries no HTTP.
Task<Forwarder::Outcome> Forwarder::tunnel() {
  if (!backend_agrees(context_)) {
    const Error invalid{"upstream.bad_upgrade", "", Origin::kUpstream};
    co_return failed(invalid, true);
  }
  rewrite_agreement(context_);
  net::Buffer early = h1_->take_early();
  const upstream::HeadRead where = h1_->early();
  co_await run_tunnel(context_, h1_->stream(), std::move(early), where);
  forget_call();
  co_return Outcome::kDone;
}

// False: the client cannot be served any further.
Task<bool> Forwarder::relay_piece(std::string_view content, bool end) {
  Result<void> sent;
  const bool has_trailers = end && !call_->trailers().empty();
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
    http::Fields* trailers = end ? &call_->trailers() : nullptr;
    if (trailers != nullptr) http::strip_hop_by_hop(*trailers);
    sent = co_await context_.exchange.write_body(content, end, trailers);
  }
  if (!sent) context_.error_info = "ERRORINFO_CLIENT_CLOSED_REQUEST";
  co_return sent.has_value();
}

Task<void> Forwarder::relay() {
  // A body that ends with the backend's connection is framed for the client, so that it can tell the end from a cut.
  http::ResponseHead& head = context_.response;
  if (head.body == http::BodyKind::kUntilClose) head.body = http::BodyKind::kChunked;
  for (;;) {
    const upstream::AnswerPiece piece = call_->take();
    // A backend that breaks its own framing must not look complete to the client.
    if (piece.broken) break;
    const bool something = piece.end || !piece.content.empty() || !head_sent_;
    if (something) {
      const bool sent = co_await relay_piece(piece.content, piece.end);
      if (!sent) co_return;
    }
    if (piece.end) co_return;
    const Deadline deadline = services_.loop.in(patience());
    co_await call_->await_more(deadline);
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

}  // namespace

Task<void> forward(RequestContext& context) {
  Forwarder forwarder(context);
  co_await forwarder.run();
  if (context.exchange.request().upgrade != http::Upgrade::kNone) record_websocket(context);
}

}  // namespace portcullis::proxy
