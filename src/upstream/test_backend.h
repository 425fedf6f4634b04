// For the tests of this room only: a loop, a listening backend on loopback that the test plays by hand, and a clock
// that stands still until the test moves it. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "upstream/connection_pool.h"

namespace portcullis::upstream {

inline event::Task<void> connect_into(ConnectionPool* pool, ConnectionKey key, event::Deadline deadline,
                                      std::optional<Result<std::unique_ptr<Connection>>>* out) {
  *out = co_await pool->connect(key, deadline);
}

struct BackendTest : testing::Test {
  void SetUp() override {
    auto made = event::Loop::create(clock);
    ASSERT_TRUE(made);
    loop = std::move(*made);
    auto listening = net::listen_tcp(*Endpoint::parse("127.0.0.1:0"));
    ASSERT_TRUE(listening) << listening.error().message;
    listener = std::move(*listening);
    key.endpoint = net::local_endpoint(listener.get());
  }

  // One turn of the loop, timers included.
  void turn() {
    loop->post([this] { loop->post([this] { loop->stop(); }); });
    loop->run();
  }
  // Turns until `condition` holds; false when it does not come to hold for many seconds.
  template <class Condition>
  [[nodiscard]] bool turn_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      turn();
    }
    return true;
  }
  // Both ends of a new connection; null ones (and a failed expectation) when it cannot be made.
  struct Pair {
    std::unique_ptr<Connection> connection;
    std::unique_ptr<net::TcpStream> backend;
  };
  Pair open(ConnectionPool& pool) {
    std::optional<Result<std::unique_ptr<Connection>>> made;
    event::spawn(connect_into(&pool, key, event::kNoDeadline, &made));
    net::Accepted accepted;
    const bool came = turn_until([&] {
      if (!accepted.fd) net::try_accept(listener.get(), accepted);
      return made.has_value() && accepted.fd;
    });
    EXPECT_TRUE(came && made && *made);
    if (!came || !*made) return {};
    return {std::move(**made), std::make_unique<net::TcpStream>(*loop, std::move(accepted.fd))};
  }
  // The backend closes without a goodbye: a reset.
  static void reset(std::unique_ptr<net::TcpStream> backend) {
    const linger now{1, 0};
    setsockopt(backend->fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  ManualClock clock;
  std::unique_ptr<event::Loop> loop;
  net::Fd listener;
  ConnectionKey key;
};

}  // namespace portcullis::upstream
