#include "proxy/test_tunnel.h"
#include "proxy/tunnel.h"

namespace portcullis::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How tunnels end.
using TunnelEndTest = TunnelTest;

TEST_F(TunnelEndTest, EitherSideMayEndFirstAndTheOtherStillSpeaks) {
  for (const bool client_first : {true, false}) {
    Peer backend = open();
    Peer& first = client_first ? client : backend;
    Peer& second = client_first ? backend : client;
    first.send("done");
    ::shutdown(first.fd.get(), SHUT_WR);
    EXPECT_TRUE(await_close(second));
    EXPECT_TRUE(second.has("done"));
    pass(seconds(5));
    second.send("goodbye");
    ::shutdown(second.fd.get(), SHUT_WR);
    EXPECT_TRUE(await(first, "goodbye"));
    EXPECT_TRUE(await_close(first));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_EQ(ended(), client_first ? "client" : "backend");
  }
}

TEST_F(TunnelEndTest, ASideThatStaysSilentAfterTheOtherEndedIsNotAwaitedForLong) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  for (const bool client_first : {true, false}) {
    Peer backend = open();
    ::shutdown(client_first ? client.fd.get() : backend.fd.get(), SHUT_WR);
    turns(4);
    pass(seconds(9));
    EXPECT_EQ(serving, 1);
    pass(seconds(2));
    pass(seconds(3));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_TRUE(await_close(backend));
    EXPECT_EQ(ended(), "idle");
  }
}

TEST_F(TunnelEndTest, WhatWasSaidBeforeAnAbruptCloseArrives) {
  Peer backend = open();
  backend.send("last words");
  client.send("unread");
  backend.fd.reset();
  EXPECT_TRUE(await(client, "last words"));
  client.send("more");
  turns(3);
  client.send("more");
  client.fd.reset();
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
}

TEST_F(TunnelEndTest, EndsWhenNothingMovesForRequestTimeout) {
  Peer backend = open();
  for (int i = 0; i < 4; ++i) {
    pass(seconds(29));
    EXPECT_EQ(serving, 1) << "either way counts";
    Peer& from = i % 2 == 0 ? client : backend;
    from.send("x");
    ASSERT_TRUE(await(i % 2 == 0 ? backend : client, std::string(static_cast<std::size_t>(i / 2 + 1), 'x')));
  }
  pass(seconds(31));
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(await_close(client)) << "an orderly end";
  pass(seconds(3));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "idle");
  EXPECT_TRUE(logged("websocket.idle"));
}

TEST_F(TunnelEndTest, ASlowReaderHoldsTheOtherBackWithLittleMemory) {
  for (const bool to_client : {true, false}) {
    Peer backend = open();
    Peer& from = to_client ? backend : client;
    Peer& to = to_client ? client : backend;
    const std::size_t taken = stuff(from);
    EXPECT_LT(taken, 12'000'000U) << "what the kernel holds in two sockets and one buffer";
    // Slow, but not idle: it goes on for longer than requestTimeout.
    for (int i = 0; i < 6 && to.got.size() < taken; ++i) {
      pass(seconds(20));
      to.take(2'000'000);
      turns(4);
      EXPECT_EQ(serving, 1);
    }
    EXPECT_TRUE(turn_until([&] {
      to.take();
      return to.got.size() >= taken;
    }));
    client.fd.reset();
    backend.fd.reset();
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  }
}

TEST_F(TunnelEndTest, AReaderThatTakesNothingLosesTheTunnel) {
  for (const bool to_client : {true, false}) {
    Peer backend = open();
    stuff(to_client ? backend : client);
    pass(seconds(61));
    pass(seconds(5));
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    EXPECT_EQ(ended(), to_client ? "client_broke" : "backend_broke");
  }
}

TEST_F(TunnelEndTest, ADrainEndsItAtTheFirstQuietMoment) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  Peer backend = open();
  last_control->drain();
  turns(2);
  client.send("x");
  ASSERT_TRUE(await(backend, "x"));
  pass(milliseconds(900));
  client.send("y");
  ASSERT_TRUE(await(backend, "y"));
  pass(milliseconds(900));
  EXPECT_EQ(serving, 1);
  pass(milliseconds(300));
  EXPECT_TRUE(await_close(client));
  EXPECT_TRUE(await_close(backend));
  pass(seconds(3));
  EXPECT_EQ(serving, 0);
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelEndTest, ADrainEndsABusyOneToo) {
  Peer backend = open();
  last_control->drain();
  for (int i = 0; i < 24; ++i) {
    client.send("x");
    turns(3);
    pass(milliseconds(500));
  }
  EXPECT_TRUE(await_close(backend));
  EXPECT_LE(backend.got.size(), 21U);
  client.fd.reset();
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelEndTest, ADrainEndsOneThatIsStuck) {
  publish({"127.0.0.1"}, {}, std::chrono::hours(24));
  Peer backend = open();
  stuff(client);
  last_control->drain();
  turns(3);
  pass(seconds(11));
  turns(3);
  pass(seconds(3));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_EQ(ended(), "drained");
}

TEST_F(TunnelEndTest, ADrainThatBeganBeforeItOpenedCountsToo) {
  Peer backend = ask();
  last_control->drain();
  backend.send(kAgreed);
  ASSERT_TRUE(await(client, "101"));
  pass(seconds(2));
  EXPECT_TRUE(await_close(backend));
  pass(seconds(3));
  EXPECT_EQ(serving, 0);
}

TEST_F(TunnelEndTest, NothingPassesOnceTheHostsListenerTrustsOthers) {
  for (const bool to_client : {true, false}) {
    publish({"127.0.0.1"});
    Peer backend = open();
    Peer& from = to_client ? backend : client;
    Peer& to = to_client ? client : backend;
    publish({"127.0.0.1"});
    from.send("same trust");
    ASSERT_TRUE(await(to, "same trust"));
    publish({"127.0.0.1"}, {}, seconds(30), Digest{});
    from.send("secret");
    EXPECT_TRUE(turn_until([&] { return serving == 0; }));
    turns(3);
    to.take();
    EXPECT_FALSE(to.has("secret"));
    EXPECT_EQ(ended(), "refused");
    EXPECT_TRUE(logged("host.misdirected"));
  }
}

TEST_F(TunnelEndTest, ARemovedListenerLetsItEndUnderTheRulesItBeganWith) {
  Peer backend = open();
  auto empty = std::make_shared<snapshot::Snapshot>();
  empty->generation = ++published;
  services->snapshot = empty;
  client.send("a last word");
  EXPECT_TRUE(await(backend, "a last word"));
}

TEST_F(TunnelEndTest, ACutOffEndsItAtOnceWhateverItWaitsFor) {
  for (const int stage : {0, 1, 2, 3, 4}) {
    Peer backend = stage == 0 ? ask() : open();
    if (stage == 2) stuff(client);
    if (stage == 3) stuff(backend);
    if (stage == 4) ::shutdown(client.fd.get(), SHUT_WR);
    turns(2);
    last_control->cut_off();
    EXPECT_TRUE(turn_until([&] { return serving == 0; })) << stage;
    if (stage > 0) {
      EXPECT_EQ(ended(), "cut_off") << stage;
    }
  }
}

TEST_F(TunnelEndTest, AClientThatLeavesDuringTheHandshakeTakesTheBackendsConnectionWithIt) {
  Peer backend = ask();
  client.fd.reset();
  EXPECT_TRUE(await_close(backend));
  EXPECT_TRUE(turn_until([&] { return serving == 0; }));
  EXPECT_TRUE(logged("client.closed"));
}

TEST_F(TunnelEndTest, EitherEndMayVanishAtAnyStep) {
  for (const bool client_goes : {true, false}) {
    for (std::size_t step = 0; step <= sizeof kAgreed; step += 7) {
      Peer backend = ask();
      backend.send(std::string_view(kAgreed).substr(0, step));
      turns(static_cast<int>(step % 3));
      if (client_goes) {
        client.fd.reset();
      } else {
        backend.fd.reset();
      }
      turns(2);
      backend.fd.reset();
      EXPECT_TRUE(turn_until([&] { return serving == 0 || (client.take(), client.has("</html>")); })) << step;
      client.fd.reset();
      EXPECT_TRUE(turn_until([&] { return serving == 0; })) << step;
    }
    for (const int stuffed : {0, 1, 2, 3}) {
      Peer backend = open();
      if ((stuffed & 1) != 0) stuff(client);
      if ((stuffed & 2) != 0) stuff(backend);
      Peer& goes = client_goes ? client : backend;
      const linger now{1, 0};
      setsockopt(goes.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      goes.fd.reset();
      for (int i = 0; i < 3; ++i) pass(seconds(31));
      EXPECT_TRUE(turn_until([&] { return serving == 0; })) << stuffed;
      if (client_goes) {
        EXPECT_TRUE(turn_until([&] { return (backend.take(), true); }));
      }
    }
  }
  EXPECT_EQ(counters.websockets_open.value(), 0);
}

}  // namespace
}  // namespace portcullis::proxy
