#include "conn/h2.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace portcullis::conn {

using event::Deadline;
using event::Task;
using event::Wake;
using http::H2Error;
using net::IoResult;
using net::IoState;

namespace {

// Streams whose client has broken them off still cost until their handlers have returned.
constexpr std::size_t kUnwinding = 28;
constexpr std::size_t kSpares = 64;
// Control frames of ours that a client which does not read may make us hold before no more is read from it.
constexpr std::size_t kMostBacklog = 128;
constexpr std::uint64_t kLingerBytes = 256 * 1024;

}  // namespace

H2Connection::H2Connection(net::ByteStream& stream, net::BufferPool& buffers, Control& control, const Handler& handler,
                           Patience patience, http::H2Limits limits)
    : stream_(stream),
      loop_(stream.loop()),
      buffers_(buffers),
      control_(control),
      handler_(handler),
      patience_(patience),
      limits_(limits),
      session_(*this, limits, loop_.now()),
      handler_over_(loop_),
      writer_wake_(loop_),
      writer_progress_(loop_),
      writer_over_(loop_),
      idle_since_(loop_.now()),
      block_since_(loop_.now()) {
  control_.set_watch(&stream_.watch());
  control_.set_abort([this] { vanish_all(); });
  control_.set_on_drain([this] { start_drain(); });
}

H2Connection::~H2Connection() {
  control_.set_watch(nullptr);
  control_.set_abort(nullptr);
  control_.set_on_drain(nullptr);
}

Task<void> H2Connection::serve(std::string early) {
  event::spawn(write_loop());
  if (control_.draining()) start_drain();
  take(early);
  std::string().swap(early);
  co_await read_loop();
  co_await wind_up();
}

// Everything that uses this object has ended when this has.
Task<void> H2Connection::wind_up() {
  closing_ = true;
  const bool graceful = !broken_ && !stream_.watch().cancelled() && !stream_.watch().peer_closed();
  if (!graceful) fail_connection();
  vanish_all();
  while (running_ > 0) co_await handler_over_.wait(event::kNoDeadline);
  writer_wake_.notify();
  while (!writer_done_) co_await writer_over_.wait(event::kNoDeadline);
  // What began and never became a request.
  while (!active_.empty()) recycle(*active_.back());
  if (graceful && !broken_) co_await linger();
}

// Closing with unread input would make the kernel reset the connection, and the client could lose what was said last.
Task<void> H2Connection::linger() {
  stream_.shutdown_write();
  const Deadline deadline = loop_.in(patience_.linger);
  for (std::uint64_t read = 0; read < kLingerBytes;) {
    net::Buffer buffer = buffers_.small();
    char* const into = buffer.data();
    const std::size_t size = buffer.size();
    const Result<std::size_t> got = co_await net::read_some(stream_, into, size, deadline);
    if (!got || *got == 0 || loop_.now() >= deadline) co_return;
    read += *got;
  }
}

bool H2Connection::over() const {
  return broken_ || session_.faulted() || (running_ == 0 && (session_.refuses_new() || session_.over()));
}

bool H2Connection::backlogged() const { return session_.backlog() > kMostBacklog; }

std::chrono::milliseconds H2Connection::idle_patience() const {
  return control_.refused() && session_.requests() == 0 ? patience_.first_request : patience_.keep_alive;
}

Deadline H2Connection::read_deadline() const {
  Deadline deadline = running_ == 0 ? idle_since_ + idle_patience() : loop_.in(patience_.keep_alive);
  if (in_block_) deadline = std::min(deadline, Deadline(block_since_ + patience_.head));
  if (drain_started_ && !session_.refuses_new())
    deadline = std::min(deadline, Deadline(drain_since_ + patience_.linger));
  return deadline;
}

// The deadline of reading has passed.
void H2Connection::on_silence() {
  const MonoTime now = loop_.now();
  if (in_block_ && now >= block_since_ + patience_.head) {
    session_.terminate(H2Error::kNoError, "http.head_timeout");
  } else if (drain_started_ || (running_ == 0 && now >= idle_since_ + idle_patience())) {
    session_.refuse_new();
  }
  pump();
}

Task<void> H2Connection::read_loop() {
  while (!over()) {
    if (backlogged()) {
      // Whoever asks and does not listen is not heard; the writer's patience ends it.
      co_await writer_progress_.wait(event::kNoDeadline);
      continue;
    }
    if (running_ == 0 && spare_.size() > 1) spare_.resize(1);
    const Deadline deadline = read_deadline();
    if (!stream_.has_buffered_input()) {
      const Wake wake = co_await stream_.watch().readable(deadline);
      if (stream_.watch().cancelled()) co_return;
      if (wake == Wake::kTimedOut) on_silence();
      if (wake != Wake::kReady) continue;
    }
    net::Buffer buffer = buffers_.small();
    const IoResult result = stream_.try_read(buffer.data(), buffer.size());
    if (result.bytes > 0) take({buffer.data(), result.bytes});
    buffer.release();
    if (result.bytes == 0 && (result.state == IoState::kEof || result.state == IoState::kFailed)) {
      fail_connection();
      co_return;
    }
    // Either the writer is waiting for the same, or a client sends without end: it must not keep the worker from
    // everybody else.
    const bool more = stream_.has_buffered_input() || stream_.watch().maybe_readable();
    if (result.bytes == 0 ? result.state == IoState::kWantWrite : more) co_await event::yield(loop_);
  }
}

void H2Connection::take(std::string_view bytes) {
  busy_ = true;
  session_.receive(bytes, loop_.now());
  busy_ = false;
  const bool in_block = !session_.preface_done() || session_.within_header_block();
  if (in_block && !in_block_) block_since_ = loop_.now();
  in_block_ = in_block;
  tell_vanished();
  batch_.swap(started_);
  if (!batch_.empty()) control_.asked();
  for (H2Exchange* exchange : batch_) {
    // What was taken back before anyone looked at it is no request: nothing is spent on it (CVE-2023-44487).
    if (exchange->gone_) {
      recycle(*exchange);
      continue;
    }
    ++running_;
    event::spawn(run(exchange));
  }
  batch_.clear();
  pump();
}

// Handlers are told only while the session is at rest: what they do then may make it speak.
void H2Connection::tell_vanished() {
  while (!vanished_.empty()) {
    H2Exchange* const exchange = vanished_.back();
    vanished_.pop_back();
    exchange->vanish();
  }
}

Task<void> H2Connection::run(H2Exchange* exchange) {
  co_await handler_(*exchange);
  finish(*exchange);
}

// The handler has returned.
void H2Connection::finish(H2Exchange& exchange) {
  http::H2Stream& stream = exchange.stream_;
  if (stream.open()) {
    if (!exchange.response_done_) {
      session_.reset(stream, exchange.tunnelled_ || !exchange.responded_ ? H2Error::kCancel : H2Error::kInternalError);
    } else if (!exchange.ended_) {
      // RFC 9113 §8.1: the answer is whole, and the rest of the request is of no interest.
      session_.reset(stream, H2Error::kNoError);
    }
  }
  if ((exchange.close_after_ && exchange.response_done_) || session_.exhausted()) session_.refuse_new();
  --running_;
  recycle(exchange);
  if (running_ == 0) {
    idle_since_ = loop_.now();
    if (control_.refused()) session_.refuse_new();
  }
  pump();
  if (closing_) {
    handler_over_.notify();
  } else if (over()) {
    wake_reader();
  }
}

void H2Connection::recycle(H2Exchange& exchange) {
  const std::size_t held = exchange.incoming_.size() + exchange.given_.size();
  if (held > 0) session_.consumed(exchange.stream_, held);
  session_.release(exchange.stream_);
  exchange.gone_action_ = nullptr;
  exchange.drain_action_ = nullptr;
  const std::size_t place = exchange.place_;
  std::unique_ptr<H2Exchange> owned = std::move(active_[place]);
  if (place + 1 < active_.size()) {
    active_[place] = std::move(active_.back());
    active_[place]->place_ = place;
  }
  active_.pop_back();
  if (spare_.size() < kSpares && !closing_) spare_.push_back(std::move(owned));
}

void H2Connection::vanish_all() {
  std::vector<H2Exchange*> all;
  for (const auto& exchange : active_) all.push_back(exchange.get());
  for (H2Exchange* exchange : all) exchange->vanish();
}

void H2Connection::fail_connection() {
  broken_ = true;
  stream_.watch().cancel();
}

void H2Connection::wake_reader() {
  stream_.watch().cancel_read_wait();
  writer_progress_.notify();
}

void H2Connection::start_drain() {
  if (std::exchange(drain_started_, true)) return;
  drain_since_ = loop_.now();
  std::vector<std::function<void()>> actions;
  for (const auto& exchange : active_) {
    if (auto action = std::exchange(exchange->drain_action_, nullptr)) actions.push_back(std::move(action));
  }
  for (const auto& action : actions) action();
  // What is on its way is still served, unless there is nothing that keeps the connection anyway: a client asks again
  // elsewhere what it sent behind the last stream of a GOAWAY.
  if (running_ == 0) {
    session_.refuse_new();
  } else {
    session_.announce_shutdown();
  }
  pump();
  wake_reader();
}

void H2Connection::pump() {
  if (busy_ || broken_) return;
  if (!out_) {
    out_ = buffers_.large();
    out_begin_ = out_end_ = 0;
  }
  if (out_.size() - out_end_ < http::H2Session::kFrameRoom && out_begin_ > 0) {
    std::memmove(out_.data(), out_.data() + out_begin_, out_end_ - out_begin_);
    out_end_ -= out_begin_;
    out_begin_ = 0;
  }
  busy_ = true;
  out_end_ += session_.produce(out_.data() + out_end_, out_.size() - out_end_);
  busy_ = false;
  if (out_begin_ < out_end_) writer_wake_.notify();
  // A writer that is in the middle of a write finds its place again.
  if (out_end_ == 0) out_.release();
  tell_vanished();
}

Task<void> H2Connection::write_loop() {
  // The stream took everything and has not passed it all on.
  bool blocked = false;
  for (;;) {
    if (!blocked && (!out_ || out_begin_ == out_end_)) {
      if (closing_ && running_ == 0) break;
      co_await writer_wake_.wait(event::kNoDeadline);
      if (!broken_) continue;
    }
    IoResult result{IoState::kFailed};
    const std::size_t waiting = out_ ? out_end_ - out_begin_ : 0;
    if (!broken_) result = stream_.try_write({out_.data() + out_begin_, waiting});
    out_begin_ += result.bytes;
    blocked = result.state == IoState::kWantWrite;
    if (blocked) {
      const Deadline deadline = loop_.in(closing_ ? patience_.linger : patience_.write);
      const Wake wake = co_await stream_.watch().writable(deadline);
      if (wake != Wake::kReady) result.state = IoState::kFailed;
    }
    if (result.state == IoState::kFailed) {
      broken_ = true;
      break;
    }
    if (!blocked && out_begin_ == out_end_) out_.release();
    pump();
    writer_progress_.notify();
  }
  out_.release();
  writer_done_ = true;
  wake_reader();
  vanish_all();
  writer_over_.notify();
}

H2Exchange& H2Connection::exchange_of(const http::H2Stream& stream) const {
  return *static_cast<H2Exchange*>(stream.owner());
}

http::H2Stream* H2Connection::stream_opened() {
  if (active_.size() >= limits_.streams + kUnwinding) return nullptr;
  if (spare_.empty()) spare_.push_back(std::make_unique<H2Exchange>(*this));
  active_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  H2Exchange& exchange = *active_.back();
  exchange.place_ = active_.size() - 1;
  exchange.begin(loop_.now());
  return &exchange.stream_;
}

void H2Connection::request_ready(http::H2Stream& stream, bool ended) {
  H2Exchange& exchange = exchange_of(stream);
  http::H2RequestReader& reader = stream.reader();
  exchange.ended_ = ended;
  exchange.no_body_ = exchange.request_.body == http::BodyKind::kNone;
  exchange.continue_due_ = exchange.request_.expect_continue && !ended;
  exchange.received_bytes_ = stream.frame_bytes_in();
  if (reader.refused()) {
    exchange.refused_ = true;
    exchange.refusal_ = std::move(reader.refusal());
  }
  started_.push_back(&exchange);
}

void H2Connection::content(http::H2Stream& stream, std::string_view bytes) {
  H2Exchange& exchange = exchange_of(stream);
  exchange.incoming_.append(bytes);
  exchange.received_bytes_ = stream.frame_bytes_in();
  exchange.readable_.notify();
}

void H2Connection::content_ended(http::H2Stream& stream) {
  H2Exchange& exchange = exchange_of(stream);
  exchange.ended_ = !stream.reader().refused();
  exchange.received_bytes_ = stream.frame_bytes_in();
  exchange.readable_.notify();
}

void H2Connection::produced(http::H2Stream& stream) {
  H2Exchange& exchange = exchange_of(stream);
  exchange.sent_bytes_ = stream.frame_bytes_out();
  exchange.writable_.notify();
}

void H2Connection::stream_closed(http::H2Stream& stream, H2Error) {
  H2Exchange& exchange = exchange_of(stream);
  if (stream.end_produced() && exchange.ended_) return;
  exchange.gone_ = true;
  vanished_.push_back(&exchange);
}

}  // namespace portcullis::conn
