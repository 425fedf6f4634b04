// How HTTP/2 connections and tunnels end: by clients that leave, stall or flood, at every step.
#include "conn/test_h2.h"

namespace portcullis::conn {
namespace {

TEST_F(H2Test, SurvivesAClientThatGoesAtAnyByte) {
  script.chunked = true;
  script.trailers.add("x", "y");
  script.answer = std::string(40'000, 'z');
  const std::string all =
      opening() + request(1, get_fields()) + request(3, post_fields(), false) + frame(kData, 0, 3, "abc") +
      frame(kPing, 0, 0, "12345678") + frame(kHeaders, kEndHeaders | kEndStream, 3, hpack({{"a", "b"}})) +
      request(5, post_fields(), false) + frame(kRstStream, 0, 5, be32(8)) + frame(kWindowUpdate, 0, 0, be32(100'000));
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    prepare();
    begin();
    send(std::string_view(all).substr(0, cut));
    turns(static_cast<int>(cut % 4));
    client.reset();
    turns(8);
    ASSERT_FALSE(serving) << cut;
    ASSERT_EQ(script.running, 0) << cut;
  }
}

TEST_F(H2Test, SurvivesACutAtAnyByte) {
  script.answer = std::string(200'000, 'z');
  const std::string all = opening() + request(1, get_fields()) + request(3, post_fields(), false) +
                          frame(kData, 0, 3, "abc") + frame(kData, kEndStream, 3, "");
  for (std::size_t cut = 0; cut <= all.size(); cut += 3) {
    prepare();
    control = {};
    begin();
    send(std::string_view(all).substr(0, cut));
    turns(static_cast<int>(cut % 3));
    control.cut_off();
    turns(8);
    ASSERT_FALSE(serving) << cut;
    ASSERT_EQ(script.running, 0) << cut;
  }
}

TEST_F(H2Test, EndsAClientThatTakesNothing) {
  script.answer = std::string(60'000, 'z');
  std::string all = std::string(kPreface) + settings({{4, 0x7fffffff}}) + frame(kWindowUpdate, 0, 0, be32(0x7fff0000));
  for (std::uint32_t id = 1; id < 40; id += 2) all += request(id, get_fields());
  send(all);
  turns(6);
  EXPECT_GT(script.running, 0);
  pass(patience.write + std::chrono::seconds(1));
  turns(6);
  EXPECT_EQ(script.running, 0);
  EXPECT_FALSE(serving);
}

TEST_F(H2Test, HearsNoMoreFromAClientThatDoesNotListen) {
  // The kernel takes no more for this client: what it makes us say piles up here, and not without end.
  ask(opening());
  const std::string filler(100'000, 'f');
  while (::send(stream->fd(), filler.data(), filler.size(), MSG_DONTWAIT) > 0) {
  }
  while (::send(stream->fd(), "f", 1, MSG_DONTWAIT) == 1) {
  }
  for (int i = 0; i < 40; ++i) {
    std::string pings;
    for (int j = 0; j < 100; ++j) pings += frame(kPing, 0, 0, "12345678");
    ::send(client.get(), pings.data(), pings.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    pass(std::chrono::milliseconds(500));
  }
  EXPECT_TRUE(serving);
  pass(patience.write + std::chrono::seconds(1));
  turns(6);
  EXPECT_FALSE(serving);
}

TEST_F(H2Test, RunsNoHandlerForWhatWasTakenBackAtOnce) {
  std::string all = opening();
  for (std::uint32_t id = 1; id < 100; id += 2) all += request(id, get_fields()) + frame(kRstStream, 0, id, be32(8));
  EXPECT_EQ(ask(all), "");
  EXPECT_TRUE(script.requests.empty());
  EXPECT_EQ(ask(request(101, get_fields())), "101:HEADERS 101:DATA(2)+END");
}

TEST_F(H2Test, EndsARapidReset) {
  std::string all = opening();
  for (std::uint32_t id = 1; id < 600; id += 2) all += request(id, get_fields()) + frame(kRstStream, 0, id, be32(8));
  const std::string said = ask(all);
  EXPECT_NE(said.find("GOAWAY(11"), std::string::npos) << said;
  EXPECT_TRUE(closed);
  end();
  EXPECT_EQ(fault, "http2.reset_flood");
}

event::Task<void> read_once(Exchange& exchange, Script* script) {
  ++script->running;
  const auto piece = co_await exchange.read_body();
  script->bodies.emplace_back(piece ? *piece : "failed");
  while (script->answers) co_await event::yield(exchange.loop());
  --script->running;
}

// As many handlers as may run hold what they have read: together no more than the connection's window.
TEST_F(H2Test, HoldsNoMoreContentThanItsWindow) {
  handler = [this](Exchange& exchange) { return read_once(exchange, &script); };
  ask(opening());
  std::size_t sent = 0, reopened = 0;
  for (std::uint32_t id = 1; id < 11; id += 2) {
    ask(request(id, post_fields(), false) + frame(kData, 0, id, std::string(16'000, 'x')));
    ask(frame(kData, 0, id, std::string(16'000, 'x')) + frame(kData, 0, id, std::string(16'000, 'x')));
    sent += 48'000;
    for (const Frame& one : frames) reopened += one.type == kWindowUpdate && one.stream == 0 ? one.number(0) : 0;
  }
  EXPECT_EQ(script.bodies.size(), 5U);
  EXPECT_EQ(reopened, 0U);
  EXPECT_LE(sent, limits.connection_window);
  script.answers = false;
  receive();
  EXPECT_EQ(script.running, 0);
  for (const Frame& one : frames) reopened += one.type == kWindowUpdate && one.stream == 0 ? one.number(0) : 0;
  EXPECT_GE(reopened, sent / 2);
}

event::Task<void> ask_late(Exchange& exchange, Script* script) {
  ++script->running;
  for (int i = 0; i < 20; ++i) co_await event::yield(exchange.loop());
  exchange.on_client_gone([script] { script->client_gone = true; });
  --script->running;
}

TEST_F(H2Test, TellsAHandlerThatAsksLateThatItsClientHasGone) {
  handler = [this](Exchange& exchange) { return ask_late(exchange, &script); };
  ask(opening() + request(1, get_fields()), 2);
  ask(frame(kRstStream, 0, 1, be32(8)), 2);
  EXPECT_FALSE(script.client_gone);
  receive(30);
  EXPECT_EQ(script.running, 0);
  EXPECT_TRUE(script.client_gone);
}

// Tunnels (RFC 8441).

event::Task<void> echo_tunnel(Exchange& exchange, Script* script) {
  ++script->running;
  script->requests.push_back(exchange.request().method + " " + exchange.request().target);
  http::ResponseHead head;
  head.fields.add("Sec-WebSocket-Protocol", "p");
  Result<void> done = co_await exchange.open_tunnel(head);
  while (done) {
    const event::Deadline deadline = exchange.loop().in(std::chrono::seconds(10));
    const auto read = co_await exchange.read_tunnel(deadline);
    if (!read) {
      script->read_errors.emplace_back(read.error().code);
      if (read.error().code == "net.timeout") exchange.abort_tunnel();
      break;
    }
    if (read->empty()) {
      exchange.end_tunnel();
      break;
    }
    const std::string_view bytes = *read;
    done = co_await exchange.write_tunnel(bytes);
  }
  --script->running;
}

struct H2TunnelTest : H2Test {
  H2TunnelTest() {
    handler = [this](Exchange& exchange) { return echo_tunnel(exchange, &script); };
  }
  static std::string connect() {
    return request(1,
                   {{":method", "CONNECT"},
                    {":protocol", "websocket"},
                    {":scheme", "https"},
                    {":authority", "a.example"},
                    {":path", "/chat"},
                    {"sec-websocket-version", "13"}},
                   false);
  }
};

TEST_F(H2TunnelTest, CarriesBytesBothWays) {
  EXPECT_EQ(ask(opening() + connect()), "1:HEADERS");
  EXPECT_EQ(script.requests, std::vector<std::string>{"GET /chat"});
  EXPECT_EQ(ask(frame(kData, 0, 1, "abc")), "1:DATA(3)");
  EXPECT_EQ(ask(frame(kData, kEndStream, 1, "de")), "1:DATA(2) 1:DATA(0)+END");
  EXPECT_EQ(script.running, 0);
}

TEST_F(H2TunnelTest, OffersItself) {
  ask(opening());
  EXPECT_NE(frames.at(0).payload.find(be16(8) + be32(1)), std::string::npos);
}

TEST_F(H2TunnelTest, IsResetWhereItBreaks) {
  ask(opening() + connect());
  frames.clear();
  pass(std::chrono::seconds(11));
  receive();
  EXPECT_EQ(heard(), "1:RST(8)");
  EXPECT_EQ(script.read_errors, std::vector<std::string>{"net.timeout"});
}

TEST_F(H2TunnelTest, LearnsThatItsClientReset) {
  ask(opening() + connect());
  ask(frame(kRstStream, 0, 1, be32(8)));
  EXPECT_EQ(script.read_errors, std::vector<std::string>{"net.reset"});
  EXPECT_EQ(script.running, 0);
}

TEST_F(H2TunnelTest, SurvivesAClientThatGoesAtAnyByte) {
  const std::string all = opening() + connect() + frame(kData, 0, 1, "abc") + frame(kData, kEndStream, 1, "d");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    prepare();
    begin();
    send(std::string_view(all).substr(0, cut));
    turns(static_cast<int>(cut % 4));
    client.reset();
    turns(8);
    ASSERT_FALSE(serving) << cut;
    ASSERT_EQ(script.running, 0) << cut;
  }
}

}  // namespace
}  // namespace portcullis::conn
