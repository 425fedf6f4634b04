#include "upstream/response_reader.h"

#include "upstream/test_backend.h"

namespace portcullis::upstream {
namespace {

using std::chrono::milliseconds;
using Outcome = std::optional<Result<HeadRead>>;

event::Task<void> read_into(Connection* connection, net::BufferPool* buffers, net::Buffer* buffer,
                            http::ResponseHead* head, bool is_head, event::Deadline deadline, Outcome* out) {
  *out = co_await read_head(*connection, *buffers, *buffer, *head, is_head, deadline);
}

event::Task<void> send_all(net::ByteStream* stream, std::string bytes) {
  [[maybe_unused]] const auto sent = co_await net::write_all(*stream, bytes, milliseconds(1000000));
}

// Gives one byte a read, whatever has arrived.
class OneByteStream final : public net::ByteStream {
 public:
  explicit OneByteStream(net::ByteStream& inner) : inner_(inner) {}
  net::IoResult try_read(char* into, std::size_t size) override { return inner_.try_read(into, size > 0 ? 1 : 0); }
  net::IoResult try_write(std::string_view bytes) override { return inner_.try_write(bytes); }
  void shutdown_write() override { inner_.shutdown_write(); }
  event::Watch& watch() override { return inner_.watch(); }

 private:
  net::ByteStream& inner_;
};

struct ResponseReaderTest : BackendTest {
  void SetUp() override {
    BackendTest::SetUp();
    pool = std::make_unique<ConnectionPool>(*loop);
    pair = open(*pool);
    ASSERT_NE(pair.connection, nullptr);
  }
  void start(bool is_head = false, event::Deadline deadline = event::kNoDeadline) {
    outcome.reset();
    event::spawn(read_into(pair.connection.get(), &buffers, &buffer, &head, is_head, deadline, &outcome));
  }
  void send(std::string_view bytes) { ASSERT_EQ(pair.backend->try_write(bytes).state, net::IoState::kDone); }
  std::string body() const {
    return std::string(buffer.data() + (*outcome)->body_begin, (*outcome)->filled - (*outcome)->body_begin);
  }
  // "ok", or the code, with '!' when a retry is safe.
  std::string ending() {
    if (!turn_until([this] { return outcome.has_value(); })) return "never";
    if (*outcome) return "ok";
    EXPECT_EQ(outcome->error().origin, outcome->error().code == "net.cancelled" ? Origin::kGateway : Origin::kUpstream);
    return std::string(outcome->error().code) + (outcome->error().retry_safe ? "!" : "");
  }

  std::unique_ptr<ConnectionPool> pool;
  Pair pair;
  net::BufferPool buffers;
  net::Buffer buffer;
  http::ResponseHead head;
  Outcome outcome;
};

TEST_F(ResponseReaderTest, ReadsAHeadAndSaysWhereTheBodyBegins) {
  start();
  turn();
  EXPECT_FALSE(buffer) << "a wait must not hold a buffer";
  send("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nX-A: b\r\n\r\nnot here!");
  ASSERT_EQ(ending(), "ok");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.body, http::BodyKind::kLength);
  EXPECT_EQ(head.content_length, 9U);
  EXPECT_EQ(body(), "not here!");
  EXPECT_EQ(buffer.size(), net::BufferPool::kSmall);
}

TEST_F(ResponseReaderTest, AnAnswerToHeadHasNoBody) {
  start(true);
  send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  ASSERT_EQ(ending(), "ok");
  EXPECT_EQ(head.body, http::BodyKind::kNone);
  EXPECT_TRUE(head.keep_alive);
}

TEST_F(ResponseReaderTest, ReadsAHeadThatComesByteByByte) {
  auto bytewise = std::make_unique<OneByteStream>(*pair.connection->stream);
  Connection connection(key, std::move(bytewise));
  send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  event::spawn(read_into(&connection, &buffers, &buffer, &head, false, event::kNoDeadline, &outcome));
  ASSERT_EQ(ending(), "ok");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_length, 2U);
  EXPECT_EQ(body(), "");
}

TEST_F(ResponseReaderTest, DropsInterimHeadsAndWaitsWithoutABuffer) {
  start();
  send("HTTP/1.1 100 Continue\r\n\r\n");
  turn();
  ASSERT_FALSE(outcome);
  send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  ASSERT_TRUE(turn_until([this] { return !buffer; }));
  ASSERT_FALSE(outcome);
  send("HTTP/1.1 204 No Content\r\nX-Final: yes\r\n\r\n");
  ASSERT_EQ(ending(), "ok");
  EXPECT_EQ(head.status, 204);
  EXPECT_EQ(head.fields.size(), 1U) << "fields of an interim head must not be mixed in";
}

TEST_F(ResponseReaderTest, RefusesWhatIsNoProperResponse) {
  std::string flood;
  for (int i = 0; i <= kMaxInterimHeads; ++i) flood += "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string cases[] = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      flood + "HTTP/1.1 200 OK\r\n\r\n",
  };
  for (const std::string& bytes : cases) {
    pair = open(*pool);
    pair.connection->reused = true;
    start();
    send(bytes);
    EXPECT_EQ(ending(), "upstream.invalid_response") << bytes.substr(0, 40);
    buffer.release();
  }
}

TEST_F(ResponseReaderTest, GrowsForALargeHeadAndNoFurther) {
  const std::string start_line = "HTTP/1.1 200 OK\r\n";
  std::string fields;
  for (int i = 0; fields.size() < 40'000; ++i)
    fields += "X-" + std::to_string(i) + ": " + std::string(1000, 'v') + "\r\n";
  start();
  event::spawn(send_all(pair.backend.get(), start_line + fields + "\r\nbody"));
  ASSERT_EQ(ending(), "ok");
  EXPECT_EQ(buffer.size(), net::BufferPool::kLarge);
  EXPECT_EQ(head.fields.size(), 40U);
  buffer.release();

  pair = open(*pool);
  start();
  event::spawn(send_all(pair.backend.get(), start_line + fields + fields));
  EXPECT_EQ(ending(), "upstream.invalid_response");
  pair.connection.reset();  // ends the sender as well
  EXPECT_TRUE(turn_until([this] { return pair.backend->watch().broken() || pair.backend->watch().peer_closed(); }));
  turn();
}

TEST_F(ResponseReaderTest, AnEarlyEndIsRetrySafeOnlyOnAReusedConnectionWithoutAByte) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  for (const bool reused : {false, true}) {
    for (std::size_t sent = 0; sent < whole.size(); ++sent) {
      pair = open(*pool);
      pair.connection->reused = reused;
      start();
      send(whole.substr(0, sent));
      pair.backend.reset();
      EXPECT_EQ(ending(), reused && sent == 0 ? "upstream.closed_early!" : "upstream.closed_early") << reused << sent;
      buffer.release();
    }
  }
}

TEST_F(ResponseReaderTest, AnInterimHeadIsAByteToo) {
  pair.connection->reused = true;
  start();
  send("HTTP/1.1 100 Continue\r\n\r\n");
  pair.backend.reset();
  EXPECT_EQ(ending(), "upstream.closed_early");
}

TEST_F(ResponseReaderTest, AResetIsToldApart) {
  for (const bool reused : {false, true}) {
    pair = open(*pool);
    pair.connection->reused = reused;
    start();
    turn();
    reset(std::move(pair.backend));
    EXPECT_EQ(ending(), reused ? "upstream.reset!" : "upstream.reset");
    EXPECT_FALSE(buffer);
  }
}

TEST_F(ResponseReaderTest, ASilentBackendEndsAtTheDeadline) {
  for (const std::string_view sent : {"", "HTTP/1.1 200 OK\r\nX-Slow:"}) {
    pair = open(*pool);
    pair.connection->reused = true;
    start(false, loop->in(milliseconds(30'000)));
    send(sent);
    ASSERT_TRUE(turn_until([&] { return sent.empty() || buffer; }));
    clock.advance(milliseconds(29'900));
    turn();
    ASSERT_FALSE(outcome);
    clock.advance(milliseconds(200));
    EXPECT_EQ(ending(), "upstream.timeout");
    buffer.release();
  }
}

TEST_F(ResponseReaderTest, ACancelledStreamEndsTheWait) {
  start();
  turn();
  pair.connection->stream->watch().cancel();
  EXPECT_EQ(ending(), "net.cancelled");
}

}  // namespace
}  // namespace portcullis::upstream
