#include "fetch/internal/flight.h"

#include <algorithm>
#include <optional>

#include "net/tcp.h"
#include "tls/client_stream.h"

namespace portcullis::fetch::internal {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;

namespace {

// Addresses of one answer that are tried; the deadline is shared among them.
constexpr std::size_t kMostTried = 4;
// Bytes taken from a server that sends without a pause before everybody else has a turn (and the clock is read again).
constexpr std::size_t kMostAtOnce = 256 * 1024;

// Shared with the resolver's callback, which may come when the fetch is long over.
struct PendingLookup {
  explicit PendingLookup(event::Loop& loop) : answered(loop) {}
  event::Signal answered;
  std::optional<Result<net::Resolved>> result;
};

std::shared_ptr<PendingLookup> start_lookup(ClientState& client, const std::string& name) {
  auto pending = std::make_shared<PendingLookup>(client.loop);
  client.lookup(name, [pending, &loop = client.loop](Result<net::Resolved> answer) {
    loop.post([pending, answer = std::move(answer)] {
      if (pending->result) return;
      pending->result = answer;
      pending->answered.notify();
    });
  });
  return pending;
}

}  // namespace

Flight::Flight(ClientState& of, Url to, Deadline by, Cancellation* by_whom)
    : client(of), url(std::move(to)), deadline(by), cancellation_(by_whom) {
  client.flights.push_back(this);
  if (cancellation_ == nullptr) return;
  cancellation_->flight_ = this;
  cancelled_ = cancellation_->cancelled_;
}

Flight::~Flight() {
  if (cancellation_ != nullptr) cancellation_->flight_ = nullptr;
  std::erase(client.flights, this);
  if (client.flights.empty()) client.emptied.notify();
}

void Flight::cancel() {
  cancelled_ = true;
  if (answered_ != nullptr) answered_->notify();
  if (stream_ != nullptr) stream_->watch().cancel();
}

tl::unexpected<Error> Flight::problem(std::string_view code, const std::string& what, bool retry_safe) const {
  return fail(code, url.shown() + ": " + what, Origin::kUpstream, retry_safe);
}

tl::unexpected<Error> Flight::timed_out(std::string_view step) const {
  return problem("fetch.timeout", "the time for the whole fetch was over " + std::string(step), !sent_);
}

tl::unexpected<Error> Flight::cancelled() const {
  return fail("fetch.cancelled", url.shown() + ": the gateway no longer wants the answer", Origin::kGateway, !sent_);
}

tl::unexpected<Error> Flight::stopped(Wake wake, std::string_view step) const {
  if (cancelled_) return cancelled();
  if (wake == Wake::kTimedOut) return timed_out(step);
  return problem("fetch.unreachable", "the connection cannot be watched: the gateway is out of memory or descriptors",
                 !sent_);
}

Task<Result<Addresses>> Flight::resolve() {
  Addresses addresses;
  if (url.literal) {
    addresses.push_back(*url.literal);
  } else {
    const auto pending = start_lookup(client, url.host);
    answered_ = &pending->answered;
    Wake wake = Wake::kReady;
    if (!pending->result) wake = co_await pending->answered.wait(deadline);
    answered_ = nullptr;
    if (cancelled_) co_return cancelled();
    if (wake == Wake::kTimedOut || !pending->result) co_return timed_out("before the name was resolved");
    Result<net::Resolved>& result = *pending->result;
    if (!result) co_return problem("fetch.unresolved", result.error().message, true);
    addresses = std::move(result->addresses);
    if (addresses.empty()) co_return problem("fetch.unresolved", "the name has no address", true);
  }
  // One address that is denied refuses the whole answer: what happens does not depend on which one would be tried.
  for (const IpAddress& address : addresses) {
    const Endpoint to{address, url.port};
    const auto judged = client.options.policy.judge(to);
    if (judged) continue;
    co_return fail("fetch.address_denied", url.shown() + ": " + judged.error().message, Origin::kGateway, true);
  }
  co_return addresses;
}

Task<Result<std::unique_ptr<net::TcpStream>>> Flight::connect(Endpoint to, Deadline by) {
  auto started = net::start_connect(client.loop, to);
  if (!started) co_return problem("fetch.unreachable", started.error().message, true);
  net::TcpStream& tcp = **started;
  stream_ = &tcp;
  const auto connected = co_await net::finish_connect(tcp, to, by);
  stream_ = nullptr;
  if (cancelled_) co_return cancelled();
  if (!connected) co_return problem("fetch.unreachable", connected.error().message, true);
  co_return std::move(*started);
}

Task<Result<std::unique_ptr<net::ByteStream>>> Flight::secure(std::unique_ptr<net::TcpStream> tcp) {
  auto stream = std::make_unique<tls::ClientStream>(std::move(tcp), client.options.tls, url.host);
  tls::ClientStream& shaking = *stream;
  stream_ = &shaking;
  const auto shaken = co_await shaking.handshake(deadline);
  stream_ = nullptr;
  if (cancelled_) co_return cancelled();
  if (!shaken) {
    if (shaken.error().code == "net.timeout") co_return timed_out("in the TLS handshake");
    co_return problem("fetch.tls", shaken.error().message, true);
  }
  co_return std::unique_ptr<net::ByteStream>(std::move(stream));
}

Task<Result<std::unique_ptr<Connection>>> Flight::open() {
  if (cancelled_) co_return cancelled();
  if (url.https && client.options.tls == nullptr) {
    co_return fail("fetch.tls", url.shown() + ": this client has no CA certificates to verify a server with");
  }
  const auto addresses = co_await resolve();
  if (!addresses) co_return tl::unexpected<Error>(addresses.error());
  const std::size_t count = std::min(addresses->size(), kMostTried);
  Result<std::unique_ptr<net::TcpStream>> tcp = problem("fetch.unreachable", "no address", true);
  Endpoint to{{}, url.port};
  for (std::size_t i = 0; i < count; ++i) {
    if (late()) co_return timed_out("before there was a connection");
    to.address = (*addresses)[i];
    // An address that does not answer leaves its share of the time to the others.
    const auto share = (deadline - client.loop.now()) / static_cast<int>(count - i);
    const Deadline by = deadline == event::kNoDeadline ? deadline : client.loop.now() + share;
    tcp = co_await connect(to, by);
    if (tcp || cancelled_) break;
  }
  if (!tcp) {
    if (!cancelled_ && late()) co_return timed_out("before there was a connection");
    co_return forward_error(tcp);
  }
  ++client.stats.connections;
  std::unique_ptr<net::ByteStream> stream;
  if (url.https) {
    std::unique_ptr<net::TcpStream> plain = std::move(*tcp);
    auto secured = co_await secure(std::move(plain));
    if (!secured) co_return forward_error(secured);
    stream = std::move(*secured);
  } else {
    stream = std::move(*tcp);
  }
  co_return std::make_unique<Connection>(url.origin(), to, std::move(stream));
}

Task<Result<void>> Flight::send(net::ByteStream& stream, std::string_view request) {
  while (!cancelled_) {
    const IoResult result = stream.try_write(request);
    sent_ = true;
    request.remove_prefix(result.bytes);
    if (result.state == IoState::kDone) co_return Result<void>();
    if (result.state != IoState::kWantWrite) {
      co_return problem("fetch.closed", "the connection was closed before the whole request was sent", false);
    }
    const Wake wake = co_await stream.watch().writable(deadline);
    if (wake != Wake::kReady) co_return stopped(wake, "while the request was being sent");
  }
  co_return cancelled();
}

Task<Result<void>> Flight::receive(net::ByteStream& stream, AnswerReader& reader) {
  using State = AnswerReader::State;
  net::Buffer buffer;
  std::size_t at_once = 0;
  for (State state = State::kNeedMore;;) {
    if (cancelled_) co_return cancelled();
    if (late()) co_return timed_out("while the answer was awaited");
    if (!stream.has_buffered_input()) {
      const Wake wake = co_await stream.watch().readable(deadline);
      if (wake != Wake::kReady) co_return stopped(wake, "while the answer was awaited");
    }
    buffer = client.buffers.small();
    const IoResult result = stream.try_read(buffer.data(), buffer.size());
    if (result.bytes > 0) state = reader.take({buffer.data(), result.bytes});
    buffer.release();
    if (result.state == IoState::kEof) state = reader.on_eof();
    if (state == State::kFailed) co_return problem(reader.code(), reader.problem(), false);
    if (state == State::kDone) co_return Result<void>();
    if (result.state == IoState::kFailed) {
      co_return problem("fetch.closed", "the connection broke before the end of the answer", false);
    }
    if (result.state == IoState::kWantWrite) {
      const Wake wake = co_await stream.watch().writable(deadline);
      if (wake != Wake::kReady) co_return stopped(wake, "while the answer was awaited");
    }
    at_once += result.bytes;
    if (at_once < kMostAtOnce) continue;
    at_once = 0;
    co_await event::yield(client.loop);
  }
}

Task<Result<void>> Flight::exchange(Connection& connection, std::string_view request, AnswerReader& reader) {
  net::ByteStream& stream = *connection.stream;
  stream_ = &stream;
  auto outcome = co_await send(stream, request);
  if (outcome) outcome = co_await receive(stream, reader);
  stream_ = nullptr;
  co_return outcome;
}

}  // namespace portcullis::fetch::internal
