// For the tests of this room only: an H2Connection over a socketpair, whose client end the test plays frame by frame.
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include "conn/h2.h"
#include "conn/test_h1.h"
#include "event/test_loop.h"
#include "http/test_frames.h"
#include "net/tcp.h"

namespace portcullis::conn {

using namespace http::testing;

// One script for all streams, which may run side by side.
inline event::Task<void> play_stream(Exchange& exchange, Script* script) {
  ++script->running;
  script->requests.push_back(exchange.request().method + " " + exchange.request().target);
  if (exchange.refusal() != nullptr) script->refusals.push_back(exchange.refusal()->status);
  exchange.on_client_gone([script] { script->client_gone = true; });
  if (script->reads_body && exchange.refusal() == nullptr) co_await read_all(&exchange, script);
  if (script->closes) exchange.close_after();
  if (script->answers) {
    http::ResponseHead head;
    head.status = exchange.refusal() == nullptr ? 200 : exchange.refusal()->status;
    head.body = script->chunked ? http::BodyKind::kChunked : http::BodyKind::kLength;
    head.content_length = script->answer.size();
    const std::string_view content = script->answer;
    Result<void> sent = co_await exchange.respond(head, content, !script->chunked);
    if (sent && script->chunked) {
      const std::string_view nothing;
      sent = co_await exchange.write_body(nothing, true, &script->trailers);
    }
    if (!sent) script->write_error = sent.error().code;
  }
  --script->running;
}

struct H2Test : event::ManualLoopTest {
  H2Test() {
    handler = [this](Exchange& exchange) { return play_stream(exchange, &script); };
  }
  ~H2Test() override { end(); }
  void end() {
    client.reset();
    for (int i = 0; i < 10 && serving; ++i) pass(std::chrono::minutes(4));
    EXPECT_FALSE(serving);
  }
  void prepare() {
    if (serving) end();
    closed = false;
    input.clear();
    frames.clear();
    int fds[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    stream = std::make_unique<net::TcpStream>(*loop, net::Fd(fds[0]));
    client = net::Fd(fds[1]);
  }
  void begin() {
    serving = true;
    event::spawn(serve());
  }
  void SetUp() override {
    prepare();
    begin();
  }
  event::Task<void> serve() {
    {
      H2Connection driver(*stream, buffers, control, handler, patience, limits);
      std::string nothing;
      co_await driver.serve(std::move(nothing));
      fault = driver.fault();
    }
    stream.reset();
    serving = false;
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
      if (put <= 0 && errno != EAGAIN) return;  // the gateway has closed
      if (put <= 0) turn();
    }
  }
  // Turns, and takes what has come.
  void receive(int after_turns = 6) {
    for (int i = 0; i < after_turns; ++i) {
      turn();
      if (!client) continue;
      char chunk[64 * 1024];
      for (ssize_t count = 0; (count = ::recv(client.get(), chunk, sizeof chunk, MSG_DONTWAIT)) >= 0;) {
        closed = closed || count == 0;
        if (count == 0) break;
        input.append(chunk, static_cast<std::size_t>(count));
      }
    }
    for (Frame& one : split_frames(input)) frames.push_back(std::move(one));
  }
  // Sends and gives what comes back, the opening's SETTINGS and window left out, as text.
  std::string ask(std::string_view bytes, int after_turns = 6) {
    frames.clear();
    send(bytes);
    receive(after_turns);
    return heard();
  }
  std::string heard() const {
    std::string out;
    for (const Frame& one : frames) {
      if (one.type == kSettings || (one.type == kWindowUpdate && one.stream == 0)) continue;
      if (!out.empty()) out += ' ';
      if (one.stream != 0) out += std::to_string(one.stream) + ":";
      out += told(one);
    }
    return out;
  }
  std::string body(std::uint32_t id) const {
    std::string out;
    for (const Frame& one : frames) {
      if (one.type == kData && one.stream == id) out += one.payload;
    }
    return out;
  }

  Script script;
  Handler handler;
  Patience patience;
  http::H2Limits limits;
  Control control;
  net::BufferPool buffers;
  std::unique_ptr<net::TcpStream> stream;
  net::Fd client;
  std::string input;
  std::vector<Frame> frames;
  std::string fault;
  bool serving = false;
  bool closed = false;
};

}  // namespace portcullis::conn
