#include "upstream/connection_pool.h"

#include <algorithm>

#include "base/check.h"

namespace portcullis::upstream {

namespace {

// Nothing to read, and nothing will come that is not an answer. Asks the kernel only when readiness was announced.
bool is_clean(net::ByteStream& stream) {
  const event::Watch& watch = stream.watch();
  if (watch.peer_closed() || watch.broken() || watch.cancelled()) return false;
  if (!watch.maybe_readable() && !stream.has_buffered_input()) return true;
  // A read that filled its buffer left readiness open, and TLS has messages of its own (tickets): a try tells.
  char byte;
  return stream.try_read(&byte, 1).state == net::IoState::kWantRead;
}

}  // namespace

void Connection::IdleTimer::on_timer() {
  ++pool->stats_.idle_timeouts;
  // Destroys this timer with its connection: nothing may follow.
  const auto expired = pool->take(*connection);
}

ConnectionPool::~ConnectionPool() = default;

std::unique_ptr<Connection> ConnectionPool::acquire_idle(const ConnectionKey& key) {
  const auto found = lists_.find(key);
  if (found == lists_.end()) return nullptr;
  while (!found->second.empty()) {
    std::unique_ptr<Connection> connection = take(found->second, *found->second.back());
    if (!is_clean(*connection->stream)) {
      ++stats_.dirty;
      continue;
    }
    ++stats_.reused;
    ++connection->requests;
    connection->reused = true;
    connection->reusable = false;
    return connection;
  }
  return nullptr;
}

event::Task<Result<std::unique_ptr<Connection>>> ConnectionPool::connect(ConnectionKey key, event::Deadline deadline) {
  if (key.protocol != Digest{}) {
    co_return fail("upstream.protocol_unsupported", "this build speaks plain HTTP to backends only", Origin::kGateway,
                   true);
  }
  const std::uint64_t generation = generation_;
  const Endpoint to = key.endpoint;
  auto stream = co_await net::connect_tcp(loop_, to, deadline);
  if (!stream) {
    ++stats_.connect_failures;
    co_return forward_error(stream);
  }
  ++stats_.opened;
  const std::uint16_t local_port = (*stream)->local().port;
  auto connection = std::make_unique<Connection>(key, std::move(*stream));
  connection->local_port = local_port;
  connection->generation_ = generation;
  co_return connection;
}

void ConnectionPool::release(std::unique_ptr<Connection> connection) {
  if (connection == nullptr || !connection->reusable || connection->generation_ != generation_) return;
  event::Watch& watch = connection->stream->watch();
  if (watch.peer_closed() || watch.broken() || watch.cancelled()) return;
  IdleList& list = list_for(connection->key);
  if (list.size() >= options_.idle_per_key || idle_ >= options_.idle_total) {
    ++stats_.over_cap;
    return;
  }
  Connection* idle = connection.get();
  watch.on_peer_closed([this, idle] {
    ++stats_.closed_by_peer;
    const auto closed = take(*idle);
  });
  idle->idle_timer_.pool = this;
  idle->idle_timer_.connection = idle;
  loop_.timers().arm(idle->idle_timer_, loop_.in(options_.idle_timeout));
  list.push_back(std::move(connection));
  ++idle_;
}

ConnectionPool::IdleList& ConnectionPool::list_for(const ConnectionKey& key) {
  // Lists that ran empty are kept, so that one connection going in and out allocates nothing; but not for ever.
  if (lists_.size() > options_.idle_total)
    std::erase_if(lists_, [](const auto& entry) { return entry.second.empty(); });
  return lists_[key];
}

std::unique_ptr<Connection> ConnectionPool::take(Connection& connection) {
  return take(lists_.find(connection.key)->second, connection);
}

std::unique_ptr<Connection> ConnectionPool::take(IdleList& list, Connection& connection) {
  // From the back: the one lent is the last.
  const auto found =
      std::find_if(list.rbegin(), list.rend(), [&](const auto& idle) { return idle.get() == &connection; });
  CHECK(found != list.rend());
  std::unique_ptr<Connection> taken = std::move(*found);
  list.erase(std::next(found).base());
  --idle_;
  taken->idle_timer_.disarm();
  taken->stream->watch().on_peer_closed({});
  return taken;
}

void ConnectionPool::drop(const Endpoint& endpoint) {
  for (auto entry = lists_.begin(); entry != lists_.end();) {
    if (entry->first.endpoint != endpoint) {
      ++entry;
      continue;
    }
    idle_ -= entry->second.size();
    entry = lists_.erase(entry);
  }
}

void ConnectionPool::clear() {
  lists_.clear();
  idle_ = 0;
  ++generation_;
}

}  // namespace portcullis::upstream
