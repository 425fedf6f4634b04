// One fetch under way: what it waits for (so that it can be cancelled), and the steps that wait. Lives in the frame of
// Client::fetch; everything here is of the client's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "event/signal.h"
#include "fetch/client.h"
#include "fetch/internal/answer_reader.h"
#include "fetch/internal/idle_pool.h"
#include "fetch/url.h"
#include "net/buffer_pool.h"
#include "net/tcp.h"

namespace portcullis::fetch::internal {

struct ClientState {
  ClientState(event::Loop& on, Client::Lookup how, ClientOptions with)
      : loop(on),
        lookup(std::move(how)),
        options(std::move(with)),
        pool(on, {options.idle_per_origin, options.idle_total, options.idle_timeout}),
        emptied(on) {}

  event::Loop& loop;
  const Client::Lookup lookup;
  ClientOptions options;
  IdlePool pool;
  net::BufferPool buffers;
  std::vector<Flight*> flights;
  event::Signal emptied;  // the last flight has landed
  bool closed = false;
  ClientStats stats;
};

// What the policy allowed, before anything is connected.
using Addresses = std::vector<IpAddress>;

struct Flight {
  Flight(ClientState& of, Url to, event::Deadline by, Cancellation* by_whom);
  ~Flight();
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  // Ends the wait in progress and every later one.
  void cancel();

  // A new connection to the first address that takes one.
  event::Task<Result<std::unique_ptr<Connection>>> open();
  // Sends `request` and reads the answer into `reader`.
  event::Task<Result<void>> exchange(Connection& connection, std::string_view request, AnswerReader& reader);

  ClientState& client;
  const Url url;
  const event::Deadline deadline;

 private:
  event::Task<Result<Addresses>> resolve();
  event::Task<Result<std::unique_ptr<net::TcpStream>>> connect(Endpoint to, event::Deadline by);
  event::Task<Result<std::unique_ptr<net::ByteStream>>> secure(std::unique_ptr<net::TcpStream> tcp);
  event::Task<Result<void>> send(net::ByteStream& stream, std::string_view request);
  event::Task<Result<void>> receive(net::ByteStream& stream, AnswerReader& reader);

  bool late() const { return client.loop.now() >= deadline; }
  // fetch.cancelled or fetch.timeout for a wait that did not end in readiness, else fetch.closed.
  tl::unexpected<Error> stopped(event::Wake wake, std::string_view step) const;
  tl::unexpected<Error> timed_out(std::string_view step) const;
  tl::unexpected<Error> cancelled() const;
  tl::unexpected<Error> problem(std::string_view code, const std::string& what, bool retry_safe) const;

  Cancellation* const cancellation_;
  bool cancelled_ = false;
  bool sent_ = false;                  // a byte of the request may have reached the server
  event::Signal* answered_ = nullptr;  // while a name is being resolved
  net::ByteStream* stream_ = nullptr;  // while there is a connection
};

}  // namespace portcullis::fetch::internal
