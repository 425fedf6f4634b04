#include "fetch/client.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "base/strings.h"
#include "fetch/internal/flight.h"
#include "http/response_parser.h"
#include "http/writer.h"

namespace portcullis::fetch {

using event::Deadline;
using event::Task;
using internal::AnswerReader;
using internal::ClientState;
using internal::Connection;
using internal::Flight;

namespace {

// Fields that the client alone writes, and those that would ask the server for more than an answer.
constexpr std::array<std::string_view, 12> kOwnFields = {
    "host",       "content-length", "transfer-encoding", "connection", "keep-alive",       "te",
    "user-agent", "trailer",        "upgrade",           "expect",     "proxy-connection", "accept-encoding"};

tl::unexpected<Error> bad_request(const Url& url, const std::string& what) {
  return fail("fetch.bad_request", url.shown() + ": " + what, Origin::kGateway, true);
}

// The whole request as it goes on the wire.
Result<std::string> write_request(const Request& request, const Url& url) {
  const bool post = request.method == Method::kPost;
  if (!post && !request.body.empty()) return bad_request(url, "a GET has no body");
  if (request.max_head == 0 || request.max_head > http::kMaxResponseHeadBytes) {
    return bad_request(url, "max_head is not within 1 to " + std::to_string(http::kMaxResponseHeadBytes));
  }
  http::RequestHead head;
  head.method = post ? "POST" : "GET";
  head.target = url.target;
  head.body = request.body.empty() ? http::BodyKind::kNone : http::BodyKind::kLength;
  head.content_length = request.body.size();
  head.fields.add("Host", url.authority());
  head.fields.add("User-Agent", "portcullis");
  head.fields.add("Accept-Encoding", "identity");
  std::string refused;
  request.fields.for_each([&](const http::Field& field) {
    for (const std::string_view own : kOwnFields) {
      if (equals_ignore_case(field.name, own)) refused = own;
    }
    head.fields.add(field.name, field.value);
  });
  if (!refused.empty()) return bad_request(url, "the field " + refused + " cannot be set");
  std::string text;
  if (http::append_request(text, head) != 0) return bad_request(url, "a field cannot be written");
  return text + request.body;
}

// A kept connection whose address the policy still allows.
std::unique_ptr<Connection> take_kept(ClientState& state, const std::string& origin) {
  while (auto connection = state.pool.take(origin)) {
    if (!state.options.policy.judge(connection->peer)) continue;
    ++state.stats.reused;
    return connection;
  }
  return nullptr;
}

Response finish(ClientState& state, AnswerReader& reader, std::unique_ptr<Connection> connection) {
  Response response;
  response.head = std::move(reader.head());
  response.body = std::move(reader.body());
  response.from = connection->peer;
  response.reused = connection->reused;
  if (reader.reusable() && !state.closed) state.pool.keep(std::move(connection));
  return response;
}

Task<Result<Response>> fly(ClientState& state, const Request& request, Deadline deadline, Cancellation* cancellation) {
  auto url = parse_url(request.url);
  if (!url) co_return forward_error(url);
  auto text = write_request(request, *url);
  if (!text) co_return forward_error(text);
  if (state.flights.size() >= state.options.in_flight) {
    co_return fail("fetch.overloaded", url->shown() + ": too many fetches are under way", Origin::kGateway, true);
  }
  Flight flight(state, std::move(*url), deadline, cancellation);
  if (state.closed) flight.cancel();
  const std::string origin = flight.url.origin();
  const bool repeatable = request.method == Method::kGet || request.repeatable;
  const internal::AnswerLimits limits{request.max_head, request.max_body};
  std::unique_ptr<Connection> connection = take_kept(state, origin);
  for (;;) {
    if (connection == nullptr) {
      auto opened = co_await flight.open();
      if (!opened) co_return forward_error(opened);
      connection = std::move(*opened);
    }
    AnswerReader reader(limits);
    Connection& over = *connection;
    const std::string_view bytes = *text;
    auto done = co_await flight.exchange(over, bytes, reader);
    if (done) co_return finish(state, reader, std::move(connection));
    // Most likely the server closed an idle connection just now. Another try is safe only where two requests are as
    // good as one (RFC 9110 §9.2.2), and only a new connection is not idle.
    const bool stale = connection->reused && reader.untouched() && done.error().code == "fetch.closed";
    if (!stale || !repeatable) co_return forward_error(done);
    ++state.stats.repeated;
    connection.reset();
  }
}

}  // namespace

void Cancellation::cancel() {
  cancelled_ = true;
  if (flight_ != nullptr) flight_->cancel();
}

Client::Client(event::Loop& loop, Lookup lookup, ClientOptions options)
    : state_(std::make_unique<ClientState>(loop, std::move(lookup), std::move(options))) {}

Client::Client(event::Loop& loop, net::Resolver& resolver, ClientOptions options)
    : Client(
          loop,
          [&resolver](std::string name, net::Resolver::Callback callback) {
            resolver.resolve(std::move(name), std::move(callback));
          },
          std::move(options)) {}

Client::~Client() { CHECK(state_->flights.empty()); }

Task<Result<Response>> Client::fetch(Request request, Deadline deadline, Cancellation* cancellation) {
  ClientState& state = *state_;
  ++state.stats.fetches;
  auto outcome = co_await fly(state, request, deadline, cancellation);
  if (!outcome) {
    ++state.stats.failures;
    if (outcome.error().code == "fetch.address_denied") ++state.stats.denied;
  }
  co_return outcome;
}

void Client::set_policy(AddressPolicy policy) { state_->options.policy = std::move(policy); }

Task<void> Client::shut_down() {
  ClientState& state = *state_;
  state.closed = true;
  state.pool.clear();
  const std::vector<Flight*> flights = state.flights;
  for (Flight* flight : flights) flight->cancel();
  while (!state.flights.empty()) co_await state.emptied.wait(event::kNoDeadline);
}

std::size_t Client::in_flight() const { return state_->flights.size(); }
std::size_t Client::idle() const { return state_->pool.size(); }
const ClientStats& Client::stats() const { return state_->stats; }

}  // namespace portcullis::fetch
