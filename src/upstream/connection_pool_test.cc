#include "upstream/connection_pool.h"

#include <dirent.h>

#include "upstream/balancer.h"
#include "upstream/membership_keeper.h"
#include "upstream/test_backend.h"

namespace portcullis::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using ConnectionPoolTest = BackendTest;

// Gives a connection back as after a clean exchange; returns it to look at while it is idle.
Connection* give_back(ConnectionPool& pool, std::unique_ptr<Connection> connection) {
  connection->reusable = true;
  Connection* idle = connection.get();
  pool.release(std::move(connection));
  return idle;
}

TEST_F(ConnectionPoolTest, LendsTheSameConnectionAgain) {
  ConnectionPool pool(*loop);
  EXPECT_EQ(pool.acquire_idle(key), nullptr);
  Pair pair = open(pool);
  EXPECT_FALSE(pair.connection->reused);
  EXPECT_EQ(pair.connection->requests, 1U);
  EXPECT_EQ(pair.connection->local_port, dynamic_cast<net::TcpStream&>(*pair.connection->stream).local().port);
  for (std::uint64_t requests = 2; requests < 5; ++requests) {
    const Connection* idle = give_back(pool, std::move(pair.connection));
    EXPECT_EQ(pool.idle(), 1U);
    pair.connection = pool.acquire_idle(key);
    ASSERT_EQ(pair.connection.get(), idle);
    EXPECT_EQ(pool.idle(), 0U);
    EXPECT_TRUE(pair.connection->reused);
    EXPECT_FALSE(pair.connection->reusable);
    EXPECT_EQ(pair.connection->requests, requests);
  }
  EXPECT_EQ(pool.stats().opened, 1U);
  EXPECT_EQ(pool.stats().reused, 3U);
}

TEST_F(ConnectionPoolTest, LendsTheLastUsedFirst) {
  ConnectionPool pool(*loop);
  Pair first = open(pool), second = open(pool);
  give_back(pool, std::move(first.connection));
  const Connection* last = give_back(pool, std::move(second.connection));
  EXPECT_EQ(pool.acquire_idle(key).get(), last);
}

TEST_F(ConnectionPoolTest, KeepsKeysApart) {
  ConnectionPool pool(*loop);
  Pair pair = open(pool);
  give_back(pool, std::move(pair.connection));
  ConnectionKey other_port = key, other_protocol = key;
  ++other_port.endpoint.port;
  other_protocol.protocol.bytes[31] = 1;
  EXPECT_EQ(pool.acquire_idle(other_port), nullptr);
  EXPECT_EQ(pool.acquire_idle(other_protocol), nullptr);
  EXPECT_NE(pool.acquire_idle(key), nullptr);
}

TEST_F(ConnectionPoolTest, ClosesWhatTheBorrowerDoesNotCallReusable) {
  ConnectionPool pool(*loop);
  Pair pair = open(pool);
  pool.release(std::move(pair.connection));
  pool.release(nullptr);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_TRUE(turn_until([&] { return pair.backend->watch().peer_closed(); }));
}

TEST_F(ConnectionPoolTest, AnIdleConnectionIsGoneAsSoonAsItsBackendClosesIt) {
  for (const bool by_reset : {false, true}) {
    ConnectionPool pool(*loop);
    Pair kept = open(pool), closed = open(pool);
    give_back(pool, std::move(closed.connection));
    const Connection* good = give_back(pool, std::move(kept.connection));
    if (by_reset) {
      reset(std::move(closed.backend));
    } else {
      closed.backend.reset();
    }
    EXPECT_TRUE(turn_until([&] { return pool.idle() == 1; }));
    EXPECT_EQ(pool.stats().closed_by_peer, 1U);
    EXPECT_EQ(pool.acquire_idle(key).get(), good);
  }
}

TEST_F(ConnectionPoolTest, ABackendMayCloseManyInOneTurn) {
  ConnectionPool pool(*loop);
  std::vector<Pair> pairs;
  for (int i = 0; i < 20; ++i) pairs.push_back(open(pool));
  for (Pair& pair : pairs) give_back(pool, std::move(pair.connection));
  EXPECT_EQ(pool.idle(), 20U);
  pairs.clear();
  EXPECT_TRUE(turn_until([&] { return pool.idle() == 0; }));
  EXPECT_EQ(pool.stats().closed_by_peer, 20U);
}

TEST_F(ConnectionPoolTest, NeverLendsAConnectionWithBytesThatNobodyAskedFor) {
  ConnectionPool pool(*loop);
  Pair pair = open(pool);
  const Connection* idle = give_back(pool, std::move(pair.connection));
  ASSERT_EQ(pair.backend->try_write("HTTP/1.1 200 OK\r\n\r\n").state, net::IoState::kDone);
  ASSERT_TRUE(turn_until([&] { return idle->stream->watch().maybe_readable(); }));
  EXPECT_EQ(pool.acquire_idle(key), nullptr);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_EQ(pool.stats().dirty, 1U);
  EXPECT_TRUE(turn_until([&] { return pair.backend->watch().peer_closed(); }));
}

TEST_F(ConnectionPoolTest, BytesFoundOnlyWhenItIsGivenBackCountToo) {
  ConnectionPool pool(*loop);
  Pair pair = open(pool);
  ASSERT_EQ(pair.backend->try_write("x").state, net::IoState::kDone);
  ASSERT_TRUE(turn_until([&] { return pair.connection->stream->watch().maybe_readable(); }));
  give_back(pool, std::move(pair.connection));
  EXPECT_EQ(pool.acquire_idle(key), nullptr);
}

TEST_F(ConnectionPoolTest, AReadThatJustFilledItsBufferDoesNotCostTheConnection) {
  ConnectionPool pool(*loop);
  Pair pair = open(pool);
  ASSERT_EQ(pair.backend->try_write("four").state, net::IoState::kDone);
  ASSERT_TRUE(turn_until([&] { return pair.connection->stream->watch().maybe_readable(); }));
  char bytes[4];
  ASSERT_EQ(pair.connection->stream->try_read(bytes, sizeof bytes).bytes, sizeof bytes);
  ASSERT_TRUE(pair.connection->stream->watch().maybe_readable());
  const Connection* idle = give_back(pool, std::move(pair.connection));
  EXPECT_EQ(pool.acquire_idle(key).get(), idle);
}

TEST_F(ConnectionPoolTest, ClosesWhatHasBeenIdleTooLong) {
  PoolOptions options;
  options.idle_timeout = milliseconds(500);
  ConnectionPool pool(*loop, options);
  Pair first = open(pool), second = open(pool);
  give_back(pool, std::move(first.connection));
  clock.advance(milliseconds(400));
  turn();
  const Connection* younger = give_back(pool, std::move(second.connection));
  clock.advance(milliseconds(200));
  turn();
  EXPECT_EQ(pool.idle(), 1U);
  EXPECT_EQ(pool.stats().idle_timeouts, 1U);
  EXPECT_EQ(pool.acquire_idle(key).get(), younger);
}

TEST_F(ConnectionPoolTest, TheIdleTimeDoesNotRunWhileLent) {
  PoolOptions options;
  options.idle_timeout = milliseconds(500);
  ConnectionPool pool(*loop, options);
  Pair pair = open(pool);
  give_back(pool, std::move(pair.connection));
  pair.connection = pool.acquire_idle(key);
  clock.advance(seconds(10));
  turn();
  ASSERT_NE(pair.connection, nullptr);
  EXPECT_EQ(pool.stats().idle_timeouts, 0U);
  // The backend's close is the borrower's business now.
  pair.backend.reset();
  ASSERT_TRUE(turn_until([&] { return pair.connection->stream->watch().peer_closed(); }));
  EXPECT_EQ(pool.stats().closed_by_peer, 0U);
  give_back(pool, std::move(pair.connection));
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(ConnectionPoolTest, KeepsNoMoreThanTheCaps) {
  const struct { std::size_t per_key, total; } cases[] = {{2, 100}, {100, 2}};
  for (const auto& [per_key, total] : cases) {
    PoolOptions options;
    options.idle_per_key = per_key;
    options.idle_total = total;
    ConnectionPool pool(*loop, options);
    Pair pairs[3] = {open(pool), open(pool), open(pool)};
    for (Pair& pair : pairs) give_back(pool, std::move(pair.connection));
    EXPECT_EQ(pool.idle(), 2U);
    EXPECT_EQ(pool.stats().over_cap, 1U);
    EXPECT_TRUE(turn_until([&] { return pairs[2].backend->watch().peer_closed(); }));
  }
}

TEST_F(ConnectionPoolTest, DropClosesOneEndpointClearAll) {
  ConnectionPool pool(*loop);
  Pair idle = open(pool), lent = open(pool);
  give_back(pool, std::move(idle.connection));
  Endpoint other = key.endpoint;
  ++other.port;
  pool.drop(other);
  EXPECT_EQ(pool.idle(), 1U);
  pool.drop(key.endpoint);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_TRUE(turn_until([&] { return idle.backend->watch().peer_closed(); }));
  pool.clear();
  // Lent before clear(): used to its end, then closed.
  give_back(pool, std::move(lent.connection));
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(ConnectionPoolTest, RefusesAProtocolItDoesNotSpeak) {
  ConnectionPool pool(*loop);
  ConnectionKey tls = key;
  tls.protocol.bytes[0] = 1;
  std::optional<Result<std::unique_ptr<Connection>>> made;
  event::spawn(connect_into(&pool, tls, event::kNoDeadline, &made));
  ASSERT_TRUE(made && !*made);
  EXPECT_EQ(made->error().code, "upstream.protocol_unsupported");
}

TEST_F(ConnectionPoolTest, ARefusedConnectionLeadsToTheNextMember) {
  // The members share the port, so the dead one is another loopback address.
  MembershipKeeper keeper(*loop, [](std::string, net::Resolver::Callback) {});
  model::BackendAddressPool document;
  document.backend_addresses = {{"", "127.0.0.9", ""}, {"", "127.0.0.1", ""}};
  const auto membership = keeper.adopt(document);
  Balancer balancer;
  ConnectionPool pool(*loop);
  const auto first = balancer.pick(*membership, key.endpoint.port, loop->now());
  ASSERT_TRUE(first);
  ConnectionKey dead{first->endpoint, {}};
  std::optional<Result<std::unique_ptr<Connection>>> made;
  event::spawn(connect_into(&pool, dead, event::kNoDeadline, &made));
  ASSERT_TRUE(turn_until([&] { return made.has_value(); }));
  ASSERT_FALSE(*made);
  EXPECT_EQ(made->error().origin, Origin::kUpstream);
  EXPECT_TRUE(made->error().retry_safe);
  EXPECT_EQ(pool.stats().connect_failures, 1U);
  balancer.connect_failed(first->endpoint, loop->now());
  const auto second = balancer.pick(*membership, key.endpoint.port, loop->now(), &first->endpoint);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->endpoint, key.endpoint);
  EXPECT_NE(open(pool).connection, nullptr);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

TEST_F(ConnectionPoolTest, TheEndOfThePoolClosesEveryDescriptor) {
  const std::size_t before = open_descriptors();
  {
    ConnectionPool pool(*loop);
    Pair first = open(pool), second = open(pool);
    give_back(pool, std::move(first.connection));
    give_back(pool, std::move(second.connection));
    EXPECT_EQ(open_descriptors(), before + 4);
  }
  EXPECT_EQ(open_descriptors(), before);
  turn();
}

}  // namespace
}  // namespace portcullis::upstream
