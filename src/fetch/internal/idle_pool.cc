#include "fetch/internal/idle_pool.h"

#include <algorithm>

#include "base/check.h"

namespace portcullis::fetch::internal {
namespace {

// Nothing to read, and nothing will come that is not an answer.
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
  // Destroys this timer with its connection: nothing may follow.
  const auto expired = pool->remove(*connection);
}

std::unique_ptr<Connection> IdlePool::take(const std::string& origin) {
  for (auto found = lists_.find(origin); found != lists_.end(); found = lists_.find(origin)) {
    std::unique_ptr<Connection> connection = remove(*found->second.back());
    if (!is_clean(*connection->stream)) continue;
    connection->reused = true;
    return connection;
  }
  return nullptr;
}

void IdlePool::keep(std::unique_ptr<Connection> connection) {
  event::Watch& watch = connection->stream->watch();
  if (watch.peer_closed() || watch.broken() || watch.cancelled() || size_ >= limits_.total) return;
  List& list = lists_[connection->origin];
  if (list.size() >= limits_.per_origin) {
    if (list.empty()) lists_.erase(connection->origin);
    return;
  }
  Connection* idle = connection.get();
  watch.on_peer_closed([this, idle] { const auto closed = remove(*idle); });
  idle->timer_.pool = this;
  idle->timer_.connection = idle;
  loop_.timers().arm(idle->timer_, loop_.in(limits_.timeout));
  list.push_back(std::move(connection));
  ++size_;
}

std::unique_ptr<Connection> IdlePool::remove(Connection& connection) {
  const auto entry = lists_.find(connection.origin);
  CHECK(entry != lists_.end());
  List& list = entry->second;
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& idle) { return idle.get() == &connection; });
  CHECK(found != list.end());
  std::unique_ptr<Connection> taken = std::move(*found);
  list.erase(found);
  if (list.empty()) lists_.erase(entry);
  --size_;
  taken->timer_.disarm();
  taken->stream->watch().on_peer_closed({});
  return taken;
}

void IdlePool::clear() {
  lists_.clear();
  size_ = 0;
}

}  // namespace portcullis::fetch::internal
