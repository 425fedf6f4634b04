#include <sys/socket.h>

#include "tls/test_tls.h"

namespace portcullis::tls {
namespace {

using net::IoState;
using std::chrono::milliseconds;

std::string numbers(std::size_t size) {
  std::string out;
  for (int i = 0; out.size() < size; ++i) out += std::to_string(i) + ",";
  return out;
}

event::Task<void> send_all(TlsStream* stream, std::string bytes, std::optional<Result<void>>* out) {
  auto sent = co_await net::write_all(*stream, bytes, milliseconds(5000));
  *out = std::move(sent);
}
event::Task<void> receive(TlsStream* stream, std::size_t size, std::string* all, std::optional<Result<void>>* out) {
  char chunk[5000];
  while (all->size() < size) {
    const auto got = co_await net::read_some(*stream, chunk, sizeof chunk, event::kNoDeadline);
    if (!got || *got == 0) {
      *out = fail("test.short", "ended early");
      co_return;
    }
    all->append(chunk, *got);
  }
  *out = Result<void>();
}

TEST_F(TlsTest, BigTransfersBothWaysAtOnce) {
  open({{.verifier = verifier}});
  const std::string down = numbers(2'000'000), up = numbers(1'500'000);
  for (const int version : kBothVersions) {
    const auto link = connect({.version = version});
    std::optional<Result<void>> wrote, read;
    std::string got;
    event::spawn(send_all(link->stream.get(), down, &wrote));
    event::spawn(receive(link->stream.get(), up.size(), &got, &read));
    link->client->write(up);
    ASSERT_TRUE(turn_until([&] {
      link->client->step();
      return wrote && read && link->client->received().size() >= down.size();
    }));
    EXPECT_TRUE(*wrote && *read);
    EXPECT_EQ(link->client->received(), down);
    EXPECT_EQ(got, up);
  }
}

TEST_F(TlsTest, AWriterWhosePeerDoesNotReadHoldsLittleAndWaits) {
  open({{}});
  const auto link = connect();
  link->client->stops_reading = true;
  const std::string big = numbers(4'000'000);
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const net::IoResult result = link->stream->try_write(std::string_view(big).substr(taken));
    taken += result.bytes;
    ASSERT_EQ(result.state, IoState::kWantWrite);
  }
  EXPECT_LT(taken, 1'000'000U);
  const net::IoResult again = link->stream->try_write(std::string_view(big).substr(taken));
  EXPECT_EQ(again.bytes, 0U);
  std::optional<Result<void>> wrote;
  event::spawn(send_all(link->stream.get(), big.substr(taken), &wrote));
  turns(3);
  EXPECT_FALSE(wrote);
  link->client->stops_reading = false;
  ASSERT_TRUE(turn_until([&] {
    link->client->step();
    return wrote && link->client->received().size() >= big.size();
  }));
  EXPECT_TRUE(*wrote);
  EXPECT_EQ(link->client->received(), big);
}

TEST_F(TlsTest, APeerThatNeverReadsEndsTheWriteAtItsDeadline) {
  open({{}});
  const auto link = connect();
  link->client->stops_reading = true;
  std::optional<Result<void>> wrote;
  event::spawn(send_all(link->stream.get(), numbers(4'000'000), &wrote));
  turns(3);
  pass(milliseconds(6000));
  ASSERT_TRUE(wrote && !*wrote);
  EXPECT_EQ(wrote->error().code, "net.timeout");
}

TEST_F(TlsTest, AVanishedPeerEndsAWrite) {
  open({{}});
  const auto link = connect();
  link->client->vanish();
  std::optional<Result<void>> wrote;
  event::spawn(send_all(link->stream.get(), numbers(4'000'000), &wrote));
  ASSERT_TRUE(turn_until([&] { return wrote.has_value(); }));
  ASSERT_FALSE(*wrote);
  EXPECT_EQ(wrote->error().code, "net.reset");
  EXPECT_EQ(link->stream->try_write("more").state, IoState::kFailed);
}

// A bare end of stream is HTTP's to notice, by its framing (and costs no session: see SessionTest).
TEST_F(TlsTest, CloseNotifyAndABareEndAreBothAnEnd) {
  open({{}});
  for (const int version : kBothVersions) {
    for (const bool says_goodbye : {true, false}) {
      const auto link = connect({.version = version});
      link->client->write("last words");
      if (says_goodbye) SSL_shutdown(link->client->ssl());
      link->client->step();
      link->client->vanish();
      turns(2);
      char words[100];
      const net::IoResult got = link->stream->try_read(words, sizeof words);
      EXPECT_EQ(std::string_view(words, got.bytes), "last words");
      EXPECT_EQ(link->stream->try_read(words, sizeof words).state, IoState::kEof);
    }
  }
}

TEST_F(TlsTest, ShutdownSaysGoodbyeAndEndsTheSendingSide) {
  open({{}});
  const auto link = connect();
  ASSERT_EQ(link->stream->try_write("bye").state, IoState::kDone);
  link->stream->shutdown_write();
  link->client->step();
  EXPECT_EQ(link->client->received(), "bye");
  EXPECT_NE(SSL_get_shutdown(link->client->ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
  EXPECT_TRUE(link->client->at_eof());
}

TEST_F(TlsTest, BytesBehindTheOnesAskedForAreAnnounced) {
  open({{}});
  const auto link = connect();
  link->client->write("one and two");
  link->client->step();
  turns(2);
  char some[3];
  EXPECT_EQ(link->stream->try_read(some, sizeof some).bytes, 3U);
  EXPECT_TRUE(link->stream->has_buffered_input());
  char rest[100];
  EXPECT_EQ(link->stream->try_read(rest, sizeof rest).bytes, 8U);
  EXPECT_FALSE(link->stream->has_buffered_input());
  EXPECT_EQ(link->stream->try_read(rest, sizeof rest).state, IoState::kWantRead);
  EXPECT_FALSE(link->stream->has_buffered_input());
}

TEST_F(TlsTest, HalfARecordIsNotAnnouncedAsInput) {
  open({{}});
  const auto link = connect({.piece = 7});
  link->client->write("hello");
  link->client->step();
  turns(2);
  char bytes[100];
  EXPECT_EQ(link->stream->try_read(bytes, sizeof bytes).state, IoState::kWantRead);
  EXPECT_FALSE(link->stream->has_buffered_input());
  std::size_t got = 0;
  ASSERT_TRUE(turn_until([&] {
    link->client->step();
    got += link->stream->try_read(bytes, sizeof bytes).bytes;
    return got > 0;
  }));
  EXPECT_EQ(got, 5U);
}

std::size_t waiting_for(const Link& link) {
  char chunk[16 * 1024];
  const ssize_t got = ::recv(link.client->fd(), chunk, sizeof chunk, MSG_DONTWAIT | MSG_PEEK);
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

// A handshake whose last message came together with `request`; the client has taken nothing since.
std::unique_ptr<Link> with_early_request(TlsTest& test, std::string_view request) {
  auto link = test.begin({.version = TLS1_3_VERSION});
  EXPECT_TRUE(test.turn_until([&] {
    SSL_do_handshake(link->client->ssl());
    if (link->client->finished()) return true;
    link->client->step();
    return link->client->finished();
  }));
  link->client->stops_reading = true;
  link->client->write(request);
  EXPECT_TRUE(test.turn_until([&] {
    link->client->step();
    return link->outcome.has_value();
  }));
  EXPECT_TRUE(*link->outcome);
  return link;
}

void expect_answer_and_ticket(Link& link) {
  EXPECT_EQ(link.stream->try_write("answer").state, IoState::kDone);
  link.client->stops_reading = false;
  link.client->step();
  EXPECT_EQ(link.client->received(), "answer");
  EXPECT_NE(link.client->session(), nullptr);
}

TEST_F(TlsTest, TheTicketRidesWithTheAnswer) {
  open({{}});
  const auto link = with_early_request(*this, "ask");
  char chunk[100];
  EXPECT_EQ(link->stream->try_read(chunk, sizeof chunk).bytes, 3U);
  EXPECT_EQ(waiting_for(*link), 0U);
  expect_answer_and_ticket(*link);
}

TEST_F(TlsTest, AHeldTicketLeavesBeforeAnythingIsWaitedFor) {
  open({{}});
  const auto link = with_early_request(*this, "ask");
  char chunk[100];
  EXPECT_EQ(link->stream->try_read(chunk, sizeof chunk).bytes, 3U);
  EXPECT_EQ(link->stream->try_read(chunk, sizeof chunk).state, IoState::kWantRead);
  EXPECT_GT(waiting_for(*link), 0U);
  expect_answer_and_ticket(*link);
}

// KeyUpdates are answered, and what is held for company must not grow by them.
TEST_F(TlsTest, LittleIsHeldForAClientThatUploadsWithKeyUpdates) {
  open({{}});
  const auto link = with_early_request(*this, "ask");
  for (int i = 0; i < 1'000; ++i) {
    SSL_key_update(link->client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    link->client->write("more");
  }
  link->client->step();
  turn();
  std::size_t got = 0;
  char chunk[4];
  for (int i = 0; i < 600; ++i) got += link->stream->try_read(chunk, sizeof chunk).bytes;
  EXPECT_GT(got, 2'000U);
  EXPECT_GT(waiting_for(*link), 8'000U);
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  open({{.verifier = verifier}});
  const auto link = connect({.version = TLS1_2_VERSION, .certificate = &client});
  ASSERT_TRUE(link->good());
  EXPECT_EQ(SSL_renegotiate(link->client->ssl()), 1);
  char bytes[100];
  for (int i = 0; i < 5; ++i) {
    link->client->step();
    turn();
    EXPECT_EQ(link->stream->try_read(bytes, sizeof bytes).bytes, 0U);
  }
  EXPECT_EQ(link->client->alert(), SSL_AD_NO_RENEGOTIATION);
  EXPECT_EQ(verifier->judged, 1);
}

// Every KeyUpdate that asks for one in return makes the server write: a client that sends them without ever reading
// must not make it hold ever more.
TEST_F(TlsTest, KeyUpdatesWithoutEndFillNoMemory) {
  open({{}});
  const auto link = connect({.version = TLS1_3_VERSION});
  link->client->stops_reading = true;
  char bytes[16 * 1024];
  bool given_up = false;
  for (int i = 0; i < 200'000 && !given_up; ++i) {
    SSL_key_update(link->client->ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(link->client->ssl());
    if (i % 100 != 99) continue;
    link->client->step();
    turn();
    given_up = link->stream->try_read(bytes, sizeof bytes).state == IoState::kFailed;
  }
  EXPECT_TRUE(given_up);
}

}  // namespace
}  // namespace portcullis::tls
