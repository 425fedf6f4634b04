#include "proxy/tunnel.h"

#include <algorithm>
#include <utility>

#include "event/signal.h"

namespace portcullis::proxy {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;
using Ended = TunnelRecord::Ended;

namespace {

// Two ends that are both always ready must not keep the worker from everybody else.
constexpr unsigned kPiecesPerTurn = 16;
constexpr std::size_t kMostPerRead = 64 * 1024;  // four full TLS records

class Tunnel final : public Admitted {
 public:
  Tunnel(RequestContext& context, net::ByteStream& backend, net::Buffer buffer)
      : Admitted(context.connection),
        context_(context),
        exchange_(context.exchange),
        loop_(context.services.loop),
        backend_(backend),
        buffer_(std::move(buffer)),
        idle_(context.rule()->backend.request_timeout),
        moved_(loop_.now()),
        judged_under_(context.snapshot->generation),
        judge_again_(moved_ + kJudgedAgain),
        uploaded_(loop_) {}

  Task<void> run(upstream::HeadRead read);
  void judged_again(const clientauth::Verdict& verdict) override { holds_under(verdict); }

 private:
  // One of the two directions.
  struct Way {
    bool writing = false;
    bool woken = false;  // its read was interrupted, only to look at the time again
    unsigned pieces = 0;
  };

  Task<void> upload();
  Task<void> download(upstream::HeadRead read);
  Task<Result<std::string_view>> read_client();
  Task<Result<std::string_view>> read_backend();
  Task<Result<void>> await_backend();
  Task<bool> to_backend(std::string_view bytes);
  Task<bool> to_client(std::string_view bytes);
  Task<void> give_way(Way& way);
  Task<bool> still_admitted();
  bool holds_under(const clientauth::Verdict& verdict);
  void write_failed(const Error& error, Ended closed, Ended broke);

  Deadline limit() const;
  bool goes_on(Way& way, const Error& error);
  void side_ended(Ended side);
  void drain();
  void look_again();
  void end(Ended why);

  RequestContext& context_;
  conn::Exchange& exchange_;
  event::Loop& loop_;
  net::ByteStream& backend_;
  net::Buffer buffer_;  // from the backend to the client; the other way's is the exchange's
  bool filled_up_ = false;
  const std::chrono::milliseconds idle_;
  MonoTime moved_;              // when a byte moved last
  std::uint64_t judged_under_;  // the snapshot's generation
  MonoTime judge_again_;
  Deadline drain_by_ = event::kNoDeadline;
  bool draining_ = false;
  bool half_ended_ = false;
  bool ending_ = false;  // both ways are to unwind
  Way up_, down_;
  bool uploading_ = false;
  event::Signal uploaded_;
};

Task<void> Tunnel::run(upstream::HeadRead read) {
  const Result<void> opened = co_await exchange_.open_tunnel(context_.response);
  if (!opened) {
    if (!ending_) context_.tunnel.ended = exchange_.was_cut_off() ? Ended::kCutOff : Ended::kClientBroke;
    exchange_.on_client_gone(nullptr);
    co_return;
  }
  context_.services.counters.websockets_open.add(1);
  exchange_.on_client_gone([this] { end(exchange_.was_cut_off() ? Ended::kCutOff : Ended::kClientBroke); });
  exchange_.on_drain([this] { drain(); });
  // The trust may have changed while the backend thought about it.
  const bool admitted = co_await still_admitted();
  uploading_ = admitted;
  if (admitted) {
    event::spawn(upload());
    co_await download(read);
  }
  while (uploading_) co_await uploaded_.wait(event::kNoDeadline);
  exchange_.on_client_gone(nullptr);
  exchange_.on_drain(nullptr);
  context_.services.counters.websockets_open.add(-1);
}

// The moment when nothing more is waited for.
Deadline Tunnel::limit() const {
  std::chrono::milliseconds patience = idle_;
  if (half_ended_) patience = std::min(patience, kHalfEndedPatience);
  if (draining_) patience = std::min(patience, kDrainQuiet);
  return std::min(moved_ + patience, drain_by_);
}

// Whether a read that failed is to be tried again.
bool Tunnel::goes_on(Way& way, const Error& error) {
  const bool woken = std::exchange(way.woken, false);
  if (ending_) return false;
  if (error.code == "net.cancelled") return woken;
  if (error.code != "net.timeout") return false;
  // A write in progress has a limit of its own: as long as it goes on, something moves.
  if ((up_.writing || down_.writing) && loop_.now() < drain_by_) moved_ = loop_.now();
  return loop_.now() < limit();
}

Task<Result<std::string_view>> Tunnel::read_client() {
  for (;;) {
    const Deadline deadline = limit();
    auto read = co_await exchange_.read_tunnel(deadline);
    if (read || !goes_on(up_, read.error())) co_return read;
  }
}

Task<Result<void>> Tunnel::await_backend() {
  if (backend_.has_buffered_input()) co_return Result<void>();
  if (!backend_.watch().maybe_readable()) buffer_.release();
  for (;;) {
    const Deadline deadline = limit();
    const Wake wake = co_await backend_.watch().readable(deadline);
    if (wake == Wake::kReady) co_return Result<void>();
    const Result<void> failed = net::wait_failed(wake);
    if (!goes_on(down_, failed.error())) co_return failed;
  }
}

Task<Result<std::string_view>> Tunnel::read_backend() {
  for (;;) {
    const Result<void> ready = co_await await_backend();
    if (!ready) co_return tl::unexpected<Error>(ready.error());
    if (filled_up_ && buffer_ && buffer_.size() < net::BufferPool::kLarge) buffer_.release();
    if (!buffer_) buffer_ = filled_up_ ? exchange_.buffers().large() : exchange_.buffers().small();
    const std::size_t room = std::min(buffer_.size(), kMostPerRead);
    const IoResult got = backend_.try_read(buffer_.data(), room);
    filled_up_ = got.bytes == room;
    if (got.bytes > 0) co_return std::string_view(buffer_.data(), got.bytes);
    if (got.state == IoState::kEof) co_return std::string_view();
    if (got.state == IoState::kFailed) co_return fail("net.reset", "the backend broke the tunnel", Origin::kUpstream);
    if (ending_) co_return net::wait_failed(Wake::kCancelled);
  }
}

// A tunnel may outlive what admitted its client: nothing passes for one who would be refused now.
Task<bool> Tunnel::still_admitted() {
  Services& services = context_.services;
  clientauth::Admission& admission = context_.connection.admission;
  if (ending_) co_return false;
  if (services.snapshot->generation == judged_under_ && loop_.now() < judge_again_) co_return true;
  const MonoTime began = loop_.now();
  // Where the listener is gone the server drains the connection, and this ends under the rules it began with.
  if (!context_.connection.adopt(services.snapshot)) {
    judge_again_ = began + kJudgedAgain;
    co_return true;
  }
  const std::uint64_t generation = context_.connection.snapshot->generation;
  const WallTime now = loop_.wall_now();
  const auto verdict = co_await admission.verdict(now);
  const bool holds = holds_under(verdict);
  // Only now: until then the other direction asks for itself.
  judge_again_ = began + kJudgedAgain;
  judged_under_ = generation;
  co_return holds;
}

// Ends the tunnel where its client, or its Host for this client, would be refused now.
bool Tunnel::holds_under(const clientauth::Verdict& verdict) {
  if (ending_) return false;
  if (verdict.outcome != clientauth::Verdict::Outcome::kAdmitted) {
    context_.verdict = verdict;
    context_.tunnel.refusal = verdict.reason_code;
    end(Ended::kRefused);
    return false;
  }
  const snapshot::Address& address = *context_.connection.address;
  const auto index = address.hosts.select(context_.host);
  if (index && address.listeners[*index].trust == verdict.trust) return true;
  context_.tunnel.refusal = "host.misdirected";
  end(Ended::kRefused);
  return false;
}

// False: this way is over.
Task<bool> Tunnel::to_backend(std::string_view bytes) {
  const bool admitted = co_await still_admitted();
  if (!admitted) co_return false;
  up_.writing = true;
  const Result<void> sent = co_await net::write_all(backend_, bytes, idle_);
  up_.writing = false;
  moved_ = loop_.now();
  if (sent) {
    context_.tunnel.to_backend += bytes.size();
  } else {
    write_failed(sent.error(), Ended::kBackend, Ended::kBackendBroke);
  }
  co_return sent.has_value() && !ending_;
}

Task<bool> Tunnel::to_client(std::string_view bytes) {
  const bool admitted = co_await still_admitted();
  if (!admitted) co_return false;
  down_.writing = true;
  const Result<void> sent = co_await exchange_.write_tunnel(bytes);
  down_.writing = false;
  moved_ = loop_.now();
  if (sent) {
    context_.tunnel.to_client += bytes.size();
  } else {
    write_failed(sent.error(), Ended::kClient, exchange_.was_cut_off() ? Ended::kCutOff : Ended::kClientBroke);
  }
  co_return sent.has_value() && !ending_;
}

// A side that has closed for good takes no more, but what it said before that is still on its way to the other.
void Tunnel::write_failed(const Error& error, Ended closed, Ended broke) {
  if (error.code == "net.reset") {
    side_ended(closed);
  } else {
    end(broke);
  }
}

Task<void> Tunnel::give_way(Way& way) {
  if (++way.pieces % kPiecesPerTurn == 0) co_await event::yield(loop_);
}

Task<void> Tunnel::upload() {
  for (bool more = true; more;) {
    const Result<std::string_view> read = co_await read_client();
    if (!read) {
      const bool late = read.error().code == "net.timeout";
      const Ended broke = exchange_.was_cut_off() ? Ended::kCutOff : Ended::kClientBroke;
      end(late ? Ended::kIdle : broke);
      break;
    }
    if (read->empty()) {
      backend_.shutdown_write();
      side_ended(Ended::kClient);
      break;
    }
    const std::string_view bytes = *read;
    more = co_await to_backend(bytes);
    if (more) co_await give_way(up_);
  }
  uploading_ = false;
  uploaded_.notify();
}

Task<void> Tunnel::download(upstream::HeadRead read) {
  if (read.body_begin < read.filled) {
    const std::string_view early(buffer_.data() + read.body_begin, read.filled - read.body_begin);
    const bool sent = co_await to_client(early);
    if (!sent) co_return;
  }
  for (bool more = !ending_; more;) {
    const Result<std::string_view> got = co_await read_backend();
    if (!got) {
      end(got.error().code == "net.timeout" ? Ended::kIdle : Ended::kBackendBroke);
      co_return;
    }
    if (got->empty()) {
      exchange_.end_tunnel();
      side_ended(Ended::kBackend);
      co_return;
    }
    const std::string_view bytes = *got;
    more = co_await to_client(bytes);
    if (more) co_await give_way(down_);
  }
}

void Tunnel::side_ended(Ended side) {
  if (context_.tunnel.ended == Ended::kNot) context_.tunnel.ended = side;
  half_ended_ = true;
  look_again();
}

void Tunnel::drain() {
  draining_ = true;
  drain_by_ = loop_.in(kDrainPatience);
  look_again();
}

// The waits begin anew, with the limits that hold now.
void Tunnel::look_again() {
  moved_ = loop_.now();
  up_.woken = down_.woken = true;
  exchange_.stop_reading();
  backend_.watch().cancel_read_wait();
}

// Ends what one side has not ended itself, once.
void Tunnel::end(Ended why) {
  if (std::exchange(ending_, true)) return;
  if (why == Ended::kIdle && draining_) why = Ended::kDrained;
  context_.tunnel.ended = why;
  backend_.watch().cancel();
  // Whoever was served to the end gets an orderly goodbye; a client whose bytes stopped half-way must see that.
  const bool orderly = (why == Ended::kIdle || why == Ended::kDrained) && !down_.writing;
  if (orderly) {
    exchange_.end_tunnel();
    exchange_.stop_reading();
  } else {
    exchange_.abort_tunnel();
  }
}

// What the access log says where a tunnel did not end as its two sides wanted.
struct Words {
  std::string_view reason, error_info;
};

Words words_for(const TunnelRecord& tunnel) {
  switch (tunnel.ended) {
    case Ended::kClientBroke:
      return {"websocket.client_broke", "ERRORINFO_CLIENT_CLOSED_REQUEST"};
    case Ended::kBackendBroke:
      return {"websocket.backend_broke", "ERRORINFO_UPSTREAM_CLOSED_CONNECTION"};
    case Ended::kIdle:
      return {"websocket.idle", RequestContext::kNoError};
    case Ended::kDrained:
      return {"websocket.drained", RequestContext::kNoError};
    case Ended::kRefused:
      return {tunnel.refusal, "ERRORINFO_HTTPS_NO_CERT"};
    case Ended::kCutOff:
      return {"websocket.cut_off", RequestContext::kNoError};
    default:
      return {"", RequestContext::kNoError};
  }
}

}  // namespace

void record_websocket(RequestContext& context) {
  Counters& counters = context.services.counters;
  const TunnelRecord& tunnel = context.tunnel;
  if (tunnel.ended == Ended::kNot) {
    counters.websockets_declined.add();
    return;
  }
  counters.websockets.add();
  counters.websocket_to_backend.add(tunnel.to_backend);
  counters.websocket_to_client.add(tunnel.to_client);
  const Words words = words_for(tunnel);
  context.refused.reason = words.reason;
  context.error_info = words.error_info;
}

std::string_view to_string(TunnelRecord::Ended ended) {
  switch (ended) {
    case Ended::kNot:
      return "";
    case Ended::kClient:
      return "client";
    case Ended::kBackend:
      return "backend";
    case Ended::kClientBroke:
      return "client_broke";
    case Ended::kBackendBroke:
      return "backend_broke";
    case Ended::kIdle:
      return "idle";
    case Ended::kDrained:
      return "drained";
    case Ended::kRefused:
      return "refused";
    case Ended::kCutOff:
      return "cut_off";
  }
  return "";
}

Task<void> run_tunnel(RequestContext& context, net::ByteStream& backend, net::Buffer buffer, upstream::HeadRead read) {
  Tunnel tunnel(context, backend, std::move(buffer));
  co_await tunnel.run(read);
}

}  // namespace portcullis::proxy
