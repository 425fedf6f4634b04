// ConnectionPool: connections to backends that outlive a request, and opening new ones. An idle connection holds no
// buffer, costs no system call to lend or take back, and is closed as soon as its backend closes it or its idle time
// is over. One that has bytes to read while idle is never lent: they would be taken for the next request's answer.
// Worker-local; must outlive its coroutines and every Connection is gone before the loop is.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "event/loop.h"
#include "net/tcp.h"

namespace portcullis::upstream {

// What two requests must have in common to share a connection.
struct ConnectionKey {
  Endpoint endpoint;
  Digest protocol{};  // all zero: plain TCP; else of everything that shapes the TLS handshake

  bool operator==(const ConnectionKey&) const = default;
};

struct ConnectionKeyHash {
  std::size_t operator()(const ConnectionKey& key) const {
    return EndpointHash()(key.endpoint) ^ DigestHash()(key.protocol);
  }
};

class ConnectionPool;

// A connection to a backend, owned by the request that uses it. Destroying it closes it.
class Connection {
 public:
  Connection(ConnectionKey to, std::unique_ptr<net::ByteStream> over) : key(to), stream(std::move(over)) {}

  const ConnectionKey key;
  const std::unique_ptr<net::ByteStream> stream;
  std::uint64_t requests = 1;    // lent for so many, the current one included
  bool reused = false;           // it has served a request before this one
  bool reusable = false;         // the borrower sets it when the exchange ended cleanly, no byte left over
  std::uint16_t local_port = 0;  // of our end; 0: unknown

 private:
  friend class ConnectionPool;
  struct IdleTimer final : event::Timer {
    void on_timer() override;
    ConnectionPool* pool = nullptr;
    Connection* connection = nullptr;
  };
  IdleTimer idle_timer_;
  std::uint64_t generation_ = 0;
};

struct PoolOptions {
  std::chrono::milliseconds idle_timeout{std::chrono::seconds(60)};
  std::size_t idle_per_key = 256;
  std::size_t idle_total = 4096;
};

struct PoolStats {
  std::uint64_t opened = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t reused = 0;
  std::uint64_t closed_by_peer = 0;  // while idle
  std::uint64_t dirty = 0;           // had bytes to read while idle
  std::uint64_t idle_timeouts = 0;
  std::uint64_t over_cap = 0;  // closed because enough were idle
};

class ConnectionPool {
 public:
  explicit ConnectionPool(event::Loop& loop, PoolOptions options = {}) : loop_(loop), options_(options) {}
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // The idle connection used last that is still good, or null.
  std::unique_ptr<Connection> acquire_idle(const ConnectionKey& key);
  // A new one. Errors (origin upstream, retry safe): net.connect_refused, net.connect_timeout, net.connect_failed;
  // upstream.protocol_unsupported for a key that is not plain TCP.
  event::Task<Result<std::unique_ptr<Connection>>> connect(ConnectionKey key, event::Deadline deadline);
  // Gives a connection back. It is kept when `reusable`, whole and within the caps, closed otherwise. Null is allowed.
  // Nobody may be waiting on its stream.
  void release(std::unique_ptr<Connection> connection);

  // Closes the idle connections to `endpoint`.
  void drop(const Endpoint& endpoint);
  // Closes every idle connection, and those in use when they are released.
  void clear();

  std::size_t idle() const { return idle_; }
  const PoolStats& stats() const { return stats_; }

 private:
  friend struct Connection::IdleTimer;
  using IdleList = std::vector<std::unique_ptr<Connection>>;  // the last one was released last

  IdleList& list_for(const ConnectionKey& key);
  // Out of the idle list that it is in, for whatever comes next.
  std::unique_ptr<Connection> take(Connection& connection);
  std::unique_ptr<Connection> take(IdleList& list, Connection& connection);

  event::Loop& loop_;
  PoolOptions options_;
  std::unordered_map<ConnectionKey, IdleList, ConnectionKeyHash> lists_;
  std::size_t idle_ = 0;
  std::uint64_t generation_ = 0;
  PoolStats stats_;
};

}  // namespace portcullis::upstream
