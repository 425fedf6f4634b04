// Client: the gateway's own HTTP/1.1 client, for OCSP, CRLs, error pages, on-demand probes and telemetry. It trusts
// nobody: the address policy is applied to every address of a DNS answer and to the one connected to, redirects are not
// followed, head, body and time are capped. Owned by one thread (a worker's or the control thread's) and used on it
// only; must outlive its fetches: co_await shut_down() before destroying it. The lookup's resolver must be gone before
// the loop is.
//
//   fetch::Request request;
//   request.url = "http://ocsp.example/";
//   auto answer = co_await client.fetch(std::move(request), loop.in(5s));
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "event/loop.h"
#include "fetch/address_policy.h"
#include "http/fields.h"
#include "http/message.h"
#include "net/resolver.h"
#include "tls/client_context.h"

namespace portcullis::fetch {

namespace internal {
struct Flight;
struct ClientState;
}  // namespace internal

enum class Method : std::uint8_t { kGet, kPost };

struct Request {
  Method method = Method::kGet;
  std::string url;  // as parse_url() takes it
  // Host, framing, Connection, User-Agent and Accept-Encoding are the client's own; those and TE, Trailer, Upgrade,
  // Expect and Keep-Alive are refused here.
  http::Fields fields;
  std::string body;                    // POST only
  std::size_t max_head = 16 * 1024;    // bytes, 1–65,536
  std::size_t max_body = 1024 * 1024;  // bytes of content
  // POST only: sending it twice does no harm (an OCSP query). A GET always counts as repeatable.
  bool repeatable = false;
};

// Whatever the status: a 3xx is an answer like any other, and nothing is fetched from where it points.
struct Response {
  http::ResponseHead head;
  std::string body;
  Endpoint from;        // the address that answered
  bool reused = false;  // over a connection that had served before
};

struct ClientOptions {
  AddressPolicy policy;
  std::shared_ptr<const tls::ClientContext> tls;  // null: https URLs fail
  std::size_t idle_per_origin = 2;
  std::size_t idle_total = 64;
  std::chrono::milliseconds idle_timeout{std::chrono::seconds(30)};
  std::size_t in_flight = 1024;  // fetches at one time
};

struct ClientStats {
  std::uint64_t fetches = 0;
  std::uint64_t failures = 0;
  std::uint64_t denied = 0;  // of the failures: fetch.address_denied
  std::uint64_t connections = 0;
  std::uint64_t reused = 0;
  std::uint64_t repeated = 0;  // sent once more, since a kept connection had been closed
};

// Ends a fetch from outside: the fetch that was given it fails soon with fetch.cancelled. Same thread; must outlive the
// fetch. Good for one fetch.
class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void cancel();
  bool cancelled() const { return cancelled_; }

 private:
  friend struct internal::Flight;
  internal::Flight* flight_ = nullptr;
  bool cancelled_ = false;
};

class Client {
 public:
  // Answers `name` once, from any thread: net::Resolver::resolve, or a test's.
  using Lookup = std::function<void(std::string name, net::Resolver::Callback)>;

  Client(event::Loop& loop, Lookup lookup, ClientOptions options);
  // `resolver` must outlive the client.
  Client(event::Loop& loop, net::Resolver& resolver, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one request and reads its whole answer. `deadline` bounds everything: name, connection, handshake, request
  // and answer. A connection is kept for the next fetch from the same scheme, host and port where the answer allows it;
  // its address is judged again before it is used. If a kept connection proves to have been closed (no byte of an
  // answer came), a repeatable request is sent once more on a new one.
  // Errors; every message names the server, none holds the URL's query or the body:
  //   fetch.bad_url          see parse_url()
  //   fetch.bad_request      a body on GET, a field that is refused or cannot be written, a limit out of range
  //   fetch.unresolved       the name has no address, or DNS does not answer
  //   fetch.address_denied   the policy denies the address, or any one of those that the name resolved to
  //   fetch.unreachable      no connection to any address (refused, no route)
  //   fetch.tls              the handshake failed, the certificate is refused, or no TLS context was given
  //   fetch.timeout          the deadline passed; the message says in which step
  //   fetch.closed           the server closed or broke the connection before the end of its answer
  //   fetch.malformed        the answer is no well-formed HTTP/1.x
  //   fetch.too_large        head or body over its limit
  //   fetch.content_coding   the content is compressed, although identity was asked for
  //   fetch.overloaded       ClientOptions::in_flight fetches are under way
  //   fetch.cancelled        Cancellation::cancel() or shut_down()
  // retry_safe: nothing of the request has been sent. Origin: kUpstream, or kGateway where the gateway itself refused.
  event::Task<Result<Response>> fetch(Request request, event::Deadline deadline, Cancellation* cancellation = nullptr);

  // For every judgement from now on, of idle connections too.
  void set_policy(AddressPolicy policy);

  // Cancels what is under way, closes what is idle and waits until no fetch is left; later fetches fail at once.
  event::Task<void> shut_down();

  std::size_t in_flight() const;
  std::size_t idle() const;
  const ClientStats& stats() const;

 private:
  std::unique_ptr<internal::ClientState> state_;
};

}  // namespace portcullis::fetch
