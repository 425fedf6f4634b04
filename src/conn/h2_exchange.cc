#include <utility>

#include "base/check.h"
#include "conn/h2.h"

namespace portcullis::conn {

using event::Deadline;
using event::Task;
using event::Wake;
using http::H2Error;

namespace {

// Content that arrived is held in strings that one large piece must not leave large for good.
constexpr std::size_t kContentKept = 4 * 1024;

void empty(std::string& content) {
  if (content.capacity() > kContentKept) std::string().swap(content);
  content.clear();
}

}  // namespace

H2Exchange::H2Exchange(H2Connection& connection)
    : Exchange(connection.loop_, connection.buffers_),
      connection_(connection),
      readable_(connection.loop_),
      writable_(connection.loop_) {
  stream_.set_owner(this);
}

void H2Exchange::begin(MonoTime now) {
  empty(incoming_);
  empty(given_);
  no_body_ = ended_ = gone_ = aborted_ = reading_ = stopped_ = continue_due_ = false;
  refused_ = responded_ = response_done_ = tunnelled_ = close_after_ = false;
  received_bytes_ = sent_bytes_ = 0;
  started_ = now;
}

tl::unexpected<Error> H2Exchange::gone_error() const {
  if (aborted_ || was_cut_off()) return net::wait_failed(Wake::kCancelled);
  return fail("net.reset", "the client has reset the stream or closed the connection", Origin::kClient);
}

void H2Exchange::vanish() {
  gone_ = true;
  readable_.notify();
  writable_.notify();
  if (const auto action = std::exchange(gone_action_, nullptr)) action();
}

bool H2Exchange::was_cut_off() const { return connection_.control_.was_cut_off(); }

void H2Exchange::on_client_gone(std::function<void()> action) {
  if (action && gone_) return action();
  gone_action_ = std::move(action);
}

void H2Exchange::on_drain(std::function<void()> action) {
  if (action && connection_.drain_started_) return action();
  drain_action_ = std::move(action);
}

void H2Exchange::stop_reading() {
  if (!reading_) return;
  stopped_ = true;
  readable_.notify();
}

Task<Result<std::string_view>> H2Exchange::read_body() {
  const Deadline deadline = loop_.in(connection_.patience_.body);
  if (no_body_) co_return std::string_view();
  co_return co_await read(deadline);
}

// What was handed out is used up by now: only that opens the client's windows, so that they bound what is held.
void H2Exchange::give_up() {
  if (given_.empty()) return;
  connection_.session_.consumed(stream_, given_.size());
  empty(given_);
  connection_.pump();
}

Task<Result<std::string_view>> H2Exchange::read(Deadline deadline) {
  give_up();
  for (;;) {
    http::H2RequestReader& reader = stream_.reader();
    if (reader.refused()) co_return fail(reader.refusal().code, reader.refusal().message, Origin::kClient);
    if (gone_ && !ended_) co_return gone_error();
    if (!incoming_.empty()) {
      given_.swap(incoming_);
      co_return std::string_view(given_);
    }
    if (ended_) co_return std::string_view();
    if (continue_due_ && !responded_) {
      connection_.session_.interim(stream_, 100);
      connection_.pump();
    }
    continue_due_ = false;
    reading_ = true;
    const Wake wake = co_await readable_.wait(deadline);
    reading_ = false;
    if (std::exchange(stopped_, false)) co_return net::wait_failed(Wake::kCancelled);
    if (wake == Wake::kTimedOut) co_return net::wait_failed(wake);
  }
}

Task<Result<void>> H2Exchange::respond(http::ResponseHead& head, std::string_view content, bool end) {
  CHECK(!responded_);
  responded_ = true;
  responded_at_ = loop_.now();
  head.version = http::Version::kHttp2;
  head.keep_alive = true;
  if (head.body == http::BodyKind::kUntilClose) head.body = http::BodyKind::kChunked;
  if (gone_) co_return gone_error();
  connection_.session_.respond(stream_, head, content, end);
  connection_.pump();
  if (stream_.all_produced()) co_return settled();
  co_return co_await delivered();
}

Task<Result<void>> H2Exchange::write_body(std::string_view content, bool end, const http::Fields* trailers) {
  if (gone_) co_return gone_error();
  if (content.empty() && !end) co_return Result<void>();
  connection_.session_.send(stream_, content, end, trailers);
  connection_.pump();
  if (stream_.all_produced()) co_return settled();
  co_return co_await delivered();
}

Task<Result<void>> H2Exchange::delivered() {
  while (!gone_ && !stream_.all_produced()) {
    const std::size_t left = stream_.left_to_produce();
    const Deadline deadline = loop_.in(connection_.patience_.write);
    const Wake wake = co_await writable_.wait(deadline);
    if (wake == Wake::kTimedOut && stream_.left_to_produce() == left) {
      // Its window stays shut, or the whole connection does.
      connection_.session_.reset(stream_, H2Error::kCancel);
      connection_.pump();
      co_return net::wait_failed(wake);
    }
  }
  co_return settled();
}

// Nothing of what was queued waits any more: it has gone, or its stream has.
Result<void> H2Exchange::settled() {
  sent_bytes_ = stream_.frame_bytes_out();
  response_done_ = stream_.end_produced();
  if (gone_ && !response_done_) return gone_error();
  return {};
}

Task<Result<void>> H2Exchange::open_tunnel(http::ResponseHead& head) {
  tunnelled_ = true;
  head.status = 200;
  head.body = http::BodyKind::kChunked;
  head.announces_length = false;
  const std::string_view nothing;
  co_return co_await respond(head, nothing, false);
}

Task<Result<void>> H2Exchange::write_tunnel(std::string_view bytes) {
  const http::Fields* const no_trailers = nullptr;
  co_return co_await write_body(bytes, false, no_trailers);
}

void H2Exchange::end_tunnel() {
  if (gone_ || std::exchange(response_done_, true)) return;
  connection_.session_.send(stream_, {}, true, nullptr);
  connection_.pump();
}

void H2Exchange::abort_tunnel() {
  if (std::exchange(aborted_, true)) return;
  connection_.session_.reset(stream_, H2Error::kCancel);
  gone_ = true;
  ended_ = false;
  readable_.notify();
  writable_.notify();
  connection_.pump();
}

}  // namespace portcullis::conn
