// IdlePool: connections that wait for the next fetch from the same origin. An idle one is closed as soon as its server
// closes it or its time is over; one that has bytes to read is never lent, since they would be taken for an answer.
// Worker-local; must be gone before the loop is.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "event/loop.h"
#include "net/stream.h"

namespace portcullis::fetch::internal {

class IdlePool;

// A connection to a server, owned by the fetch that uses it. Destroying it closes it.
struct Connection {
  Connection(std::string of, Endpoint to, std::unique_ptr<net::ByteStream> over)
      : origin(std::move(of)), peer(to), stream(std::move(over)) {}

  const std::string origin;  // Url::origin()
  const Endpoint peer;       // what the policy judged
  const std::unique_ptr<net::ByteStream> stream;
  bool reused = false;

 private:
  friend class IdlePool;
  struct IdleTimer final : event::Timer {
    void on_timer() override;
    IdlePool* pool = nullptr;
    Connection* connection = nullptr;
  };
  IdleTimer timer_;
};

class IdlePool {
 public:
  struct Limits {
    std::size_t per_origin;
    std::size_t total;
    std::chrono::milliseconds timeout;
  };

  IdlePool(event::Loop& loop, Limits limits) : loop_(loop), limits_(limits) {}
  IdlePool(const IdlePool&) = delete;
  IdlePool& operator=(const IdlePool&) = delete;

  // The one kept last that is still good, or null.
  std::unique_ptr<Connection> take(const std::string& origin);
  // Keeps it within the limits, closes it otherwise. Nobody may be waiting on its stream.
  void keep(std::unique_ptr<Connection> connection);
  void clear();
  std::size_t size() const { return size_; }

 private:
  friend struct Connection::IdleTimer;
  using List = std::vector<std::unique_ptr<Connection>>;

  std::unique_ptr<Connection> remove(Connection& connection);

  event::Loop& loop_;
  const Limits limits_;
  std::unordered_map<std::string, List> lists_;  // none is empty
  std::size_t size_ = 0;
};

}  // namespace portcullis::fetch::internal
