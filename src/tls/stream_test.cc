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
