// For the tests of this room only: an H1Connection over a socketpair, whose client end the test plays by hand, and
// small handlers. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "conn/h1.h"
#include "event/test_loop.h"
#include "net/tcp.h"

namespace portcullis::conn {

// What a handler saw, and what it is to do.
struct Script {
  std::vector<std::string> requests;  // "METHOD target"
  std::vector<std::string> bodies;
  std::vector<std::string> read_errors;
  std::vector<int> refusals;
  bool reads_body = true;
  bool reads_beside = false;  // the body is read by a coroutine of its own while the answer goes out
  bool answers = true;
  bool chunked = false;
  bool closes = false;
  std::string answer = "ok";
  http::Fields trailers;
  bool client_gone = false;
  bool respond_failed = false;
  std::string write_error;
  int running = 0;  // handlers and readers
};

inline event::Task<void> read_all(Exchange* exchange, Script* script) {
  ++script->running;
  std::string body;
  for (;;) {
    const auto piece = co_await exchange->read_body();
    if (!piece) script->read_errors.emplace_back(piece.error().code);
    if (!piece || piece->empty()) break;
    body += *piece;
  }
  script->bodies.push_back(body);
  --script->running;
}

inline event::Task<void> play(Exchange& exchange, Script* script) {
  ++script->running;
  script->requests.push_back(exchange.request().method + " " + exchange.request().target);
  if (exchange.refusal() != nullptr) script->refusals.push_back(exchange.refusal()->status);
  exchange.on_client_gone([script] { script->client_gone = true; });
  if (script->reads_beside) {
    event::spawn(read_all(&exchange, script));
  } else if (script->reads_body && exchange.refusal() == nullptr) {
    co_await read_all(&exchange, script);
  }
  if (script->closes) exchange.close_after();
  if (script->answers) {
    http::ResponseHead head;
    head.status = exchange.refusal() == nullptr ? 200 : exchange.refusal()->status;
    const bool is_head = exchange.request().method == "HEAD";
    const bool chunked = script->chunked && !is_head;
    head.body = is_head ? http::BodyKind::kNone : chunked ? http::BodyKind::kChunked : http::BodyKind::kLength;
    head.announces_length = is_head;
    head.content_length = script->answer.size();
    const std::string_view content = is_head ? std::string_view() : std::string_view(script->answer);
    Result<void> sent = co_await exchange.respond(head, content, !chunked);
    if (sent && chunked) {
      const std::string_view nothing;
      sent = co_await exchange.write_body(nothing, true, &script->trailers);
    }
    if (!sent) script->write_error = sent.error().code;
  }
  exchange.stop_reading();
  while (script->running > 1) co_await event::yield(exchange.loop());
  --script->running;
}

struct H1Test : event::ManualLoopTest {
  H1Test() {
    handler = [this](Exchange& exchange) { return play(exchange, &script); };
  }
  ~H1Test() override { end(); }

  // The client goes, and the connection with it.
  void end() {
    client.reset();
    for (int i = 0; i < 10 && serving; ++i) pass(std::chrono::minutes(2));
    EXPECT_FALSE(serving);
  }
  // A new connection, in place of the one before.
  void prepare() {
    if (serving) end();
    closed = false;
    int fds[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream = std::make_unique<net::TcpStream>(*loop, net::Fd(fds[0]));
    client = net::Fd(fds[1]);
  }
  void begin(std::string early = "") {
    serving = true;
    event::spawn(serve(std::move(early)));
  }
  void SetUp() override {
    prepare();
    begin();
  }
  event::Task<void> serve(std::string early) {
    {
      H1Connection driver(*stream, buffers, control, handler, patience);
      co_await driver.serve(std::move(early));
    }
    stream.reset();
    serving = false;
  }

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Bytes that the kernel took for the client on the gateway's side, until it would take no more.
  std::size_t fill_socket() {
    const std::string filler(100'000, 'f');
    std::size_t filled = 0;
    for (ssize_t put = 0; (put = ::send(stream->fd(), filler.data(), filler.size(), MSG_DONTWAIT)) > 0;) {
      filled += static_cast<std::size_t>(put);
    }
    while (::send(stream->fd(), "f", 1, MSG_DONTWAIT) == 1) ++filled;
    return filled;
  }
  // Everything that has come, after a few turns.
  std::string receive(int after_turns = 6) {
    std::string got;
    for (int i = 0; i < after_turns; ++i) {
      turn();
      char chunk[64 * 1024];
      for (ssize_t count = 0; (count = ::recv(client.get(), chunk, sizeof chunk, MSG_DONTWAIT)) >= 0;) {
        closed = closed || count == 0;
        if (count == 0) break;
        got.append(chunk, static_cast<std::size_t>(count));
      }
    }
    return got;
  }
  std::string ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  Script script;
  Handler handler;
  Patience patience;
  Control control;
  net::BufferPool buffers;
  std::unique_ptr<net::TcpStream> stream;
  net::Fd client;
  bool serving = false;
  bool closed = false;  // the gateway ended its side
};

inline std::string ok(std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" +
         std::string(body);
}

}  // namespace portcullis::conn
