#include "conn/test_h1.h"

namespace portcullis::conn {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kAsk[] =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr char kAgreed[] =
    "HTTP/1.1 101 Switching Protocols\r\nX-Kept: 1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";

// What the handler's end of a tunnel does and learns.
struct TunnelScript {
  bool echoes = true;
  bool ends = true;  // its side, when the client has ended its own
  bool aborts = false;
  std::chrono::milliseconds patience = minutes(1);
  std::string got, read_error, write_error;
  bool client_ended = false, client_gone = false, drained = false, cut_off = false;
  std::uint64_t received = 0, sent = 0;
};

event::Task<void> tunnel(Exchange& exchange, TunnelScript* script) {
  http::ResponseHead head;
  head.fields.add("X-Kept", "1");
  Result<void> sent = co_await exchange.open_tunnel(head);
  exchange.on_client_gone([script] { script->client_gone = true; });
  exchange.on_drain([script] { script->drained = true; });
  while (sent) {
    const event::Deadline deadline = exchange.loop().in(script->patience);
    const auto read = co_await exchange.read_tunnel(deadline);
    if (!read) script->read_error = read.error().code;
    script->client_ended = read && read->empty();
    if (!read || read->empty()) break;
    script->got += *read;
    const std::string_view bytes = *read;
    if (script->echoes) sent = co_await exchange.write_tunnel(bytes);
  }
  if (!sent) script->write_error = sent.error().code;
  if (script->aborts) exchange.abort_tunnel();
  if (script->ends) exchange.end_tunnel();
  script->cut_off = exchange.was_cut_off();
  script->received = exchange.received_bytes();
  script->sent = exchange.sent_bytes();
}

struct H1TunnelTest : H1Test {
  H1TunnelTest() {
    handler = [this](Exchange& exchange) { return tunnel(exchange, &tunnel_script); };
  }
  void open() {
    const std::string got = ask(kAsk);
    EXPECT_EQ(got, kAgreed);
  }
  event::Task<void> serve_and_tell(bool* cut_short) {
    serving = true;
    {
      H1Connection driver(*stream, buffers, control, handler, patience);
      std::string nothing;
      co_await driver.serve(std::move(nothing));
      *cut_short = driver.cut_short();
    }
    stream.reset();
    serving = false;
  }
  TunnelScript tunnel_script;
};

TEST_F(H1TunnelTest, CarriesBytesUntilTheClientEnds) {
  open();
  EXPECT_EQ(ask("hello"), "hello");
  EXPECT_EQ(ask(std::string("GET / HTTP/1.1\r\n\r\n\0\xff", 20)), std::string("GET / HTTP/1.1\r\n\r\n\0\xff", 20));
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(receive(), "");
  EXPECT_TRUE(closed);
  EXPECT_FALSE(serving);
  EXPECT_TRUE(tunnel_script.client_ended);
  EXPECT_EQ(tunnel_script.received, sizeof kAsk - 1 + 25);
  EXPECT_EQ(tunnel_script.sent, sizeof kAgreed - 1 + 25);
}

TEST_F(H1TunnelTest, LooksAtNothingBehindTheHeadBeforeItIsOpen) {
  handler = [this](Exchange& exchange) {
    EXPECT_TRUE(exchange.body_done());
    EXPECT_EQ(exchange.request().upgrade, http::Upgrade::kWebSocket);
    return tunnel(exchange, &tunnel_script);
  };
  EXPECT_EQ(ask(std::string(kAsk) + "early"), std::string(kAgreed) + "early");
}

TEST_F(H1TunnelTest, AnOrdinaryAnswerKeepsTheConnection) {
  handler = [this](Exchange& exchange) { return play(exchange, &script); };
  EXPECT_EQ(ask(kAsk), ok("ok"));
  EXPECT_EQ(ask("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"), ok("ok"));
}

TEST_F(H1TunnelTest, TheHandlerMayEndFirstAndTheClientGetsEverything) {
  tunnel_script.patience = milliseconds(500);
  open();
  send("last");
  EXPECT_EQ(receive(), "last");
  pass(seconds(1));
  EXPECT_EQ(receive(), "");
  EXPECT_TRUE(closed);
  EXPECT_EQ(tunnel_script.read_error, "net.timeout");
  EXPECT_TRUE(serving) << "what the client still says is read for a moment, or a reset could overtake the end";
  pass(seconds(3));
  EXPECT_FALSE(serving);
}

TEST_F(H1TunnelTest, ATunnelThatWasNotEndedIsCutShort) {
  tunnel_script.ends = false;
  tunnel_script.patience = milliseconds(500);
  bool cut_short = false;
  end();
  prepare();
  event::spawn(serve_and_tell(&cut_short));
  open();
  pass(seconds(1));
  EXPECT_FALSE(serving);
  EXPECT_TRUE(cut_short);
}

TEST_F(H1TunnelTest, ASlowClientHoldsTheSenderBackAndThenLosesItsTunnel) {
  open();
  fill_socket();
  send("held back");
  turns(3);
  EXPECT_EQ(tunnel_script.got, "held back");
  send("more");
  turns(3);
  EXPECT_EQ(tunnel_script.got, "held back") << "nothing is read while what came before is not sent";
  pass(minutes(1) + seconds(1));
  EXPECT_EQ(tunnel_script.write_error, "net.timeout");
}

TEST_F(H1TunnelTest, ADrainIsHeardAtOnceOrWhenTheTunnelBegins) {
  open();
  EXPECT_FALSE(tunnel_script.drained);
  control.drain();
  EXPECT_TRUE(tunnel_script.drained);
  EXPECT_EQ(ask("still"), "still") << "what to do about it is the handler's business";
}

TEST_F(H1TunnelTest, ACutOffEndsItWhereverItIs) {
  for (const bool stuck : {false, true}) {
    prepare();
    begin();
    tunnel_script = {};
    tunnel_script.ends = false;
    open();
    if (stuck) {
      fill_socket();
      send("x");
      turns(2);
    }
    control.cut_off();
    EXPECT_TRUE(turn_until([&] { return !serving; }));
    EXPECT_TRUE(tunnel_script.client_gone);
    EXPECT_TRUE(tunnel_script.cut_off);
    EXPECT_EQ(stuck ? tunnel_script.write_error : tunnel_script.read_error, "net.cancelled");
    control = {};
  }
}

TEST_F(H1TunnelTest, AnAbortEndsLaterReads) {
  tunnel_script.aborts = true;
  tunnel_script.ends = false;
  tunnel_script.patience = milliseconds(100);
  open();
  pass(seconds(1));
  EXPECT_TRUE(turn_until([&] { return !serving; }));
}

TEST_F(H1TunnelTest, AClientThatVanishesIsNoticed) {
  open();
  client.reset();
  EXPECT_TRUE(turn_until([&] { return !serving; }));
}

}  // namespace
}  // namespace portcullis::conn
