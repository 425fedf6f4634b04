#include "upstream/h2_connection.h"

#include <algorithm>
#include <utility>

namespace portcullis::upstream {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;

namespace {

constexpr std::chrono::seconds kIdle{60};
constexpr std::chrono::seconds kSilence{5};
constexpr std::size_t kMostPerWrite = 64 * 1024;
// Content of a request that a backend does not take is held up to this; then the client is held back.
constexpr std::size_t kMostUnsent = 64 * 1024;

// Counts a coroutine from its first step to its last.
class Running {
 public:
  explicit Running(std::shared_ptr<H2Tasks> tasks) : tasks_(std::move(tasks)) { ++tasks_->running; }
  ~Running() {
    if (--tasks_->running == 0 && tasks_->on_none) tasks_->on_none();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::shared_ptr<H2Tasks> tasks_;
};

}  // namespace

H2Connection::H2Connection(std::unique_ptr<net::TcpStream> stream, Endpoint endpoint, net::BufferPool& buffers,
                           std::shared_ptr<H2Tasks> tasks)
    : stream_(std::move(stream)),
      endpoint_(endpoint),
      buffers_(buffers),
      tasks_(std::move(tasks)),
      local_port_(stream_->local().port) {}

void H2Connection::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  last_received_ = loop().now();
  event::spawn(read(shared_from_this()));
  send_soon();
}

Task<void> H2Connection::read(std::shared_ptr<H2Connection> self) {
  const Running running(self->tasks_);
  H2Connection& connection = *self;
  while (!connection.over_) {
    const Deadline idle = connection.loop().in(kIdle);
    const Wake wake = co_await connection.stream_->watch().readable(idle);
    if (wake == Wake::kCancelled) break;
    if (wake == Wake::kTimedOut) {
      if (connection.streams() > 0) continue;
      connection.session_.go_away();
      connection.send();
      break;
    }
    if (!connection.read_what_is_there()) break;
  }
  connection.end();
}

// False: nothing more can be read.
bool H2Connection::read_what_is_there() {
  net::Buffer buffer = buffers_.large();
  for (;;) {
    const IoResult got = stream_->try_read(buffer.data(), buffer.size());
    if (got.bytes > 0) last_received_ = loop().now();
    if (got.bytes > 0 && !session_.receive({buffer.data(), got.bytes})) {
      send();
      return false;
    }
    if (got.state == IoState::kEof || got.state == IoState::kFailed) return false;
    if (got.state == IoState::kWantRead || got.bytes < buffer.size()) break;
  }
  send_soon();
  return true;
}

void H2Connection::send_soon() {
  if (send_planned_ || sending_ || over_) return;
  send_planned_ = true;
  event::spawn(send_later(shared_from_this()));
}

Task<void> H2Connection::send_later(std::shared_ptr<H2Connection> self) {
  const Running running(self->tasks_);
  co_await event::yield(self->loop());
  self->send_planned_ = false;
  self->send();
}

void H2Connection::send() {
  while (!sending_ && !over_) {
    session_.drain(out_, kMostPerWrite);
    // Both sides have said all there was to say, or the backend broke the protocol and has been told.
    if (session_.finished()) stream_->watch().cancel_read_wait();
    if (out_.empty()) return;
    const IoResult result = stream_->try_write(out_);
    out_.erase(0, result.bytes);
    if (result.state == IoState::kFailed) return stream_->watch().cancel();
    if (result.state == IoState::kDone) continue;
    sending_ = true;
    event::spawn(send_rest(shared_from_this()));
  }
}

Task<void> H2Connection::send_rest(std::shared_ptr<H2Connection> self) {
  const Running running(self->tasks_);
  while (!self->out_.empty() && !self->over_) {
    // Who waits for this has a deadline of its own; a connection without calls ends by its reader's.
    const Wake wake = co_await self->stream_->watch().writable(event::kNoDeadline);
    if (wake != Wake::kReady) break;
    const IoResult result = self->stream_->try_write(self->out_);
    self->out_.erase(0, result.bytes);
    if (result.state == IoState::kFailed) {
      self->stream_->watch().cancel();
      break;
    }
  }
  self->sending_ = false;
  self->send();
}

void H2Connection::retire() {
  if (!over_ && !session_.draining()) session_.go_away();
  send_soon();
  if (streams() == 0) close();
}

void H2Connection::close() { stream_->watch().cancel(); }

void H2Connection::end() {
  over_ = true;
  stream_->watch().cancel();
  for (http::H2ClientStream* call : std::exchange(calls_, {})) {
    call->closed = true;
    if (call->changed) call->changed();
  }
  if (ended_) ended_();
}

H2Call::H2Call(std::shared_ptr<H2Connection> connection)
    : connection_(std::move(connection)), changed_(connection_->loop()) {
  stream_.changed = [this] { changed_.notify(); };
}

H2Call::~H2Call() { detach(); }

void H2Call::detach() {
  if (!submitted_) return;
  submitted_ = false;
  std::erase(connection_->calls_, &stream_);
  connection_->session().cancel(stream_);
  // A backend that says nothing to anyone may be gone: whoever comes next gets another connection.
  if (timed_out_ && connection_->loop().now() - connection_->last_received() > kSilence) connection_->retire();
  connection_->send_soon();
}

Task<Result<void>> H2Call::send_head(http::RequestHead& head, std::chrono::milliseconds) {
  if (cancelled_) co_return fail("net.cancelled", "the request was given up");
  if (!connection_->has_room() || !connection_->session().submit(stream_, head)) {
    co_return fail("upstream.reset", "the backend " + connection_->endpoint().to_string() + " takes no more requests",
                   Origin::kUpstream, true);
  }
  submitted_ = true;
  connection_->calls_.push_back(&stream_);
  connection_->send_soon();
  co_return Result<void>();
}

Task<Result<void>> H2Call::send_content(std::string_view content, std::chrono::milliseconds patience) {
  if (over()) co_return ended();
  connection_->session().send(stream_, content, false, nullptr);
  connection_->send_soon();
  std::size_t unsent = stream_.unsent();
  Deadline deadline = connection_->loop().in(patience);
  while (stream_.unsent() > kMostUnsent && !over()) {
    const Wake wake = co_await changed_.wait(deadline);
    if (stream_.unsent() < unsent) deadline = connection_->loop().in(patience);
    unsent = stream_.unsent();
    if (wake == Wake::kTimedOut && !over()) {
      timed_out_ = true;
      co_return fail("net.timeout",
                     "the backend " + connection_->endpoint().to_string() + " does not take the request's content",
                     Origin::kUpstream);
    }
  }
  if (over()) co_return ended();
  co_return Result<void>();
}

Task<Result<void>> H2Call::end_content(const http::Fields& trailers, std::chrono::milliseconds) {
  if (over()) co_return ended();
  connection_->session().send(stream_, {}, true, &trailers);
  connection_->send_soon();
  co_return Result<void>();
}

// How a stream ended that did not end well.
Result<void> H2Call::ended() const {
  if (cancelled_) return fail("net.cancelled", "the request was given up");
  const std::string who = "the backend " + connection_->endpoint().to_string();
  if (stream_.refused) {
    return fail("upstream.refused", who + " took no more requests on its HTTP/2 connection", Origin::kUpstream, true);
  }
  if (connection_->over()) {
    return fail("upstream.closed_early", who + " closed its HTTP/2 connection before the answer was whole",
                Origin::kUpstream);
  }
  return fail("upstream.reset", who + " reset the request's HTTP/2 stream", Origin::kUpstream);
}

Task<void> H2Call::await_answer() {
  stop_waiting_ = false;
  while (!stream_.head_done && !over() && !stop_waiting_) co_await changed_.wait(event::kNoDeadline);
}

void H2Call::stop_waiting() {
  stop_waiting_ = true;
  changed_.notify();
}

void H2Call::cancel() {
  cancelled_ = true;
  changed_.notify();
}

Task<Result<void>> H2Call::read_head(http::ResponseHead& head, bool, Deadline deadline) {
  while (!stream_.head_done && !over()) {
    const Wake wake = co_await changed_.wait(deadline);
    if (wake == Wake::kTimedOut && !stream_.head_done && !over()) {
      timed_out_ = true;
      co_return fail("upstream.timeout",
                     "the backend " + connection_->endpoint().to_string() +
                         " sent no response head in time; requestTimeout bounds it",
                     Origin::kUpstream);
    }
  }
  if (cancelled_ || !stream_.head_done) co_return ended();
  head = std::move(stream_.head);
  co_return Result<void>();
}

AnswerPiece H2Call::take() {
  // What was lent last has been passed on: only now may the backend send as much again.
  connection_->session().consumed(stream_, taken_.size());
  taken_.clear();
  taken_.swap(stream_.content);
  if (!taken_.empty()) connection_->send_soon();
  AnswerPiece piece;
  piece.content = taken_;
  piece.end = stream_.ended;
  piece.broken = cancelled_ || (stream_.closed && !stream_.ended);
  return piece;
}

Task<void> H2Call::await_more(Deadline deadline) {
  connection_->session().consumed(stream_, std::exchange(taken_, {}).size());
  connection_->send_soon();
  while (stream_.content.empty() && !stream_.ended && !over()) {
    const Wake wake = co_await changed_.wait(deadline);
    if (wake != Wake::kTimedOut) continue;
    timed_out_ = cancelled_ = true;
  }
}

void H2Call::finish(bool) { detach(); }

std::shared_ptr<H2Connection> H2Pool::with_room(Host& host) {
  const auto found = std::find_if(host.connections.begin(), host.connections.end(),
                                  [](const auto& connection) { return connection->has_room(); });
  return found == host.connections.end() ? nullptr : *found;
}

Task<Result<std::shared_ptr<H2Connection>>> H2Pool::obtain(Endpoint endpoint, Deadline deadline) {
  auto& slot = hosts_[endpoint];
  if (slot == nullptr) slot = std::make_unique<Host>(loop_);
  Host& host = *slot;
  for (;;) {
    if (auto ready = with_room(host)) co_return ready;
    if (!host.connecting) break;
    // One connection is on its way: many requests at once do not open as many.
    const Wake wake = co_await host.connected.wait(deadline);
    if (wake == Wake::kTimedOut) {
      co_return fail("net.connect_timeout", "no connection to " + endpoint.to_string() + " in time", Origin::kUpstream,
                     true);
    }
  }
  host.connecting = true;
  auto stream = co_await net::connect_tcp(loop_, endpoint, deadline);
  host.connecting = false;
  host.connected.notify();
  if (!stream) co_return forward_error(stream);
  auto made = std::make_shared<H2Connection>(std::move(*stream), endpoint, buffers_, tasks_);
  host.connections.push_back(made);
  H2Connection* const self = made.get();
  made->start([&host, self] {
    std::erase_if(host.connections, [self](const auto& connection) { return connection.get() == self; });
  });
  co_return made;
}

void H2Pool::close(std::function<void()> done) {
  tasks_->on_none = std::move(done);
  for (const auto& [endpoint, host] : hosts_) {
    for (const auto& connection : std::exchange(host->connections, {})) connection->close();
  }
  if (tasks_->running == 0 && tasks_->on_none) tasks_->on_none();
}

std::size_t H2Pool::connections() const {
  std::size_t total = 0;
  for (const auto& [endpoint, host] : hosts_) total += host->connections.size();
  return total;
}

}  // namespace portcullis::upstream
