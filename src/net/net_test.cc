#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "net/buffer_pool.h"
#include "net/tcp.h"

namespace portcullis::net {
namespace {

using event::Loop;
using event::Task;
using std::chrono::milliseconds;

struct NetTest : testing::Test {
  void SetUp() override {
    auto made = Loop::create(clock);
    ASSERT_TRUE(made);
    loop = std::move(*made);
  }
  SystemClock clock;
  std::unique_ptr<Loop> loop;
};

Task<void> connect_into(Loop* loop, Endpoint to, Result<std::unique_ptr<TcpStream>>* out) {
  const auto deadline = loop->in(milliseconds(2000));
  *out = co_await connect_tcp(*loop, to, deadline);
  loop->stop();
}

TEST_F(NetTest, ConnectsToAListenerAndSaysWhoIsThere) {
  for (const char* at : {"127.0.0.1:0", "[::1]:0"}) {
    auto listener = listen_tcp(*Endpoint::parse(at));
    if (!listener && std::string_view(at).front() == '[') continue;  // a machine without IPv6
    ASSERT_TRUE(listener) << listener.error().message;
    const Endpoint bound = local_endpoint(listener->get());
    Result<std::unique_ptr<TcpStream>> stream;
    event::spawn(connect_into(loop.get(), bound, &stream));
    loop->run();
    ASSERT_TRUE(stream) << stream.error().message;
    Accepted accepted;
    ASSERT_EQ(try_accept(listener->get(), accepted), AcceptState::kAccepted);
    EXPECT_EQ(accepted.peer, (*stream)->local());
    EXPECT_EQ(try_accept(listener->get(), accepted), AcceptState::kNothing);
  }
}

TEST_F(NetTest, TwoWorkersShareOneAddress) {
  auto first = listen_tcp(*Endpoint::parse("127.0.0.1:0"));
  ASSERT_TRUE(first);
  auto second = listen_tcp(local_endpoint(first->get()));
  EXPECT_TRUE(second);
}

TEST_F(NetTest, ARefusedConnectionIsAnUpstreamErrorThatMayBeRetried) {
  Endpoint nobody;
  {
    auto listener = listen_tcp(*Endpoint::parse("127.0.0.1:0"));
    ASSERT_TRUE(listener);
    nobody = local_endpoint(listener->get());
  }
  Result<std::unique_ptr<TcpStream>> stream;
  event::spawn(connect_into(loop.get(), nobody, &stream));
  loop->run();
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, "net.connect_refused");
  EXPECT_EQ(stream.error().origin, Origin::kUpstream);
  EXPECT_TRUE(stream.error().retry_safe);
}

struct PairTest : NetTest {
  void SetUp() override {
    NetTest::SetUp();
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    left = std::make_unique<TcpStream>(*loop, Fd(fds[0]));
    right = std::make_unique<TcpStream>(*loop, Fd(fds[1]));
  }
  std::unique_ptr<TcpStream> left, right;
};

Task<void> write_big(ByteStream* stream, std::string bytes, Result<void>* out) {
  *out = co_await write_all(*stream, bytes, milliseconds(5000));
  stream->shutdown_write();
}
Task<void> read_to_end(ByteStream* stream, std::string* all, Result<std::size_t>* last) {
  char chunk[1000];
  for (;;) {
    const auto deadline = stream->loop().in(milliseconds(5000));
    *last = co_await read_some(*stream, chunk, sizeof chunk, deadline);
    if (!*last || **last == 0) break;
    all->append(chunk, **last);
  }
  stream->loop().stop();
}

TEST_F(PairTest, MovesMoreThanTheKernelHolds) {
  std::string sent;
  for (int i = 0; sent.size() < 3'000'000; ++i) sent += std::to_string(i);
  std::string got;
  Result<void> wrote;
  Result<std::size_t> last;
  event::spawn(write_big(left.get(), sent, &wrote));
  event::spawn(read_to_end(right.get(), &got, &last));
  loop->run();
  EXPECT_TRUE(wrote);
  EXPECT_TRUE(last);
  EXPECT_EQ(got, sent);
}

Task<void> write_until(ByteStream* stream, std::string bytes, Result<void>* out) {
  *out = co_await write_all(*stream, bytes, milliseconds(30));
  stream->loop().stop();
}

TEST_F(PairTest, APeerThatTakesNothingEndsTheWrite) {
  Result<void> wrote;
  event::spawn(write_until(left.get(), std::string(4'000'000, 'x'), &wrote));
  loop->run();
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, "net.timeout");
}

TEST_F(PairTest, AVanishedPeerEndsTheWrite) {
  right.reset();
  Result<void> wrote;
  event::spawn(write_until(left.get(), "hello", &wrote));
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().code, "net.reset");
}

TEST(BufferPool, LendsTheSameMemoryAgain) {
  BufferPool pool;
  char* first;
  {
    Buffer buffer = pool.small();
    EXPECT_EQ(buffer.size(), BufferPool::kSmall);
    first = buffer.data();
  }
  Buffer again = pool.small();
  EXPECT_EQ(again.data(), first);
  Buffer moved = std::move(again);
  EXPECT_EQ(moved.data(), first);
  moved.release();
  EXPECT_FALSE(moved);
  EXPECT_EQ(pool.large().size(), BufferPool::kLarge);
}

TEST(TryAccept, SaysWhenDescriptorsRunOut) {
  auto listener = listen_tcp(*Endpoint::parse("127.0.0.1:0"));
  ASSERT_TRUE(listener);
  Fd client(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_storage address;
  const auto size = local_endpoint(listener->get()).to_sockaddr(address);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const Fd probe(::dup(client.get()));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(probe.get()) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  Accepted accepted;
  const AcceptState state = try_accept(listener->get(), accepted);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(state, AcceptState::kNoDescriptors);
  EXPECT_EQ(try_accept(listener->get(), accepted), AcceptState::kAccepted);
}

}  // namespace
}  // namespace portcullis::net
