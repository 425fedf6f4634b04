// Servers that mean no good: whatever they do, a fetch ends within its deadline and limits, with an error that tells.
#include "fetch/test_fetch.h"

namespace portcullis::fetch {
namespace {

using std::chrono::seconds;
using ClientHostileTest = FetchTest;

TEST_F(ClientHostileTest, WhatIsNoAnswerIsMalformed) {
  open();
  for (const char* reply : {
           "220 smtp ready\r\n",
           "HTTP/2 200\r\n\r\n",
           "<html>",
           "\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
           "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
       }) {
    PlannedServer& server = serve({.reply = reply});
    const auto got = fetch(get(server.url()));
    EXPECT_EQ(describe(got), "fetch.malformed") << reply;
    EXPECT_FALSE(got.error().retry_safe);
    EXPECT_EQ(client->idle(), 0U);
  }
}

TEST_F(ClientHostileTest, EndlessAnswersEndAtTheLimits) {
  open();
  const auto endless = [&](const char* reply, const char* again) {
    Plan plan{.reply = reply, .endless = true};
    plan.repeat_at = plan.reply.find(again);
    return outcome(serve(std::move(plan)).url());
  };
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\nX: y\r\n", "X:"), "fetch.too_large") << "fields";
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\nX: yyyyyyyy", "yyyyyyyy"), "fetch.too_large") << "one field";
  EXPECT_EQ(endless("HTTP/1.1 200 OOOOOOOO", "OOOOOOOO"), "fetch.too_large") << "status line";
  EXPECT_EQ(endless("HTTP/1.1 103 Early\r\n\r\n", "HTTP"), "fetch.malformed") << "interim answers";
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\n\r\nbody", "body"), "fetch.too_large") << "a body until close";
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", "1\r\nx"), "fetch.too_large")
      << "chunks";
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;xxxxxxxx", "xxxxxxxx"), "fetch.malformed")
      << "a chunk extension";
  EXPECT_EQ(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", "X:"), "fetch.malformed")
      << "trailers";
  PlannedServer& announced = serve({.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n"});
  EXPECT_EQ(outcome(announced.url()), "fetch.too_large");
}

TEST_F(ClientHostileTest, LimitsAreTheRequestsOwn) {
  open();
  PlannedServer& server = serve({.reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"});
  for (const bool enough : {true, false}) {
    Request body = get(server.url());
    body.max_body = enough ? 10 : 9;
    EXPECT_EQ(outcome(std::move(body)), enough ? "200 0123456789" : "fetch.too_large");
    Request head = get(server.url());
    head.max_head = enough ? 39 : 38;
    EXPECT_EQ(outcome(std::move(head)), enough ? "200 0123456789" : "fetch.too_large");
  }
}

TEST_F(ClientHostileTest, AServerThatLeavesAtAnyByteIsNoticed) {
  for (const char* reply : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    for (const bool reset : {false, true}) {
      for (std::size_t cut = 0; cut < std::string_view(reply).size(); ++cut) {
        open();
        PlannedServer& server = serve({.reply = reply, .cut = cut, .reset = reset, .silent_from = cut == 0 ? 1 : 0});
        EXPECT_EQ(outcome(server.url()), "fetch.closed") << cut << (reset ? " reset" : "");
        EXPECT_EQ(client->idle(), 0U);
        EXPECT_EQ(server.connections, 1);
        servers.clear();
      }
    }
  }
}

TEST_F(ClientHostileTest, OneDeadlineBoundsTheWholeHoweverSlowlyBytesCome) {
  open();
  for (const char* reply :
       {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n01234567890123456789012345678901234567890123456789",
        "HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}) {
    PlannedServer& server = serve({.reply = reply, .piece = 1});
    Outcome out;
    start(get(server.url()), out);
    for (int second = 0; second < 29; ++second) {
      step();
      pass(seconds(1));
    }
    EXPECT_FALSE(out) << "a byte a second keeps it waiting, not for long";
    for (int second = 0; second < 3; ++second) {
      step();
      pass(seconds(1));
    }
    ASSERT_TRUE(out);
    EXPECT_EQ(describe(*out), "fetch.timeout");
    EXPECT_FALSE(out->error().retry_safe);
    servers.clear();
  }
}

TEST_F(ClientHostileTest, ASilentServerOrOneThatDoesNotReadEndsByTheDeadline) {
  open();
  PlannedServer& silent = serve({.answers = false});
  PlannedServer& deaf = serve({.reads = false});
  Outcome unanswered, unread;
  start(get(silent.url()), unanswered);
  start(post(deaf.url(), std::string(32 << 20, 'x')), unread);
  settle();
  EXPECT_FALSE(unanswered || unread);
  pass(seconds(31));
  ASSERT_TRUE(unanswered && unread);
  EXPECT_EQ(describe(*unanswered), "fetch.timeout");
  EXPECT_EQ(describe(*unread), "fetch.timeout");
  EXPECT_EQ(client->in_flight(), 0U);
}

TEST_F(ClientHostileTest, ADeadlineThatHasPassedConnectsNowhere) {
  open();
  PlannedServer& server = serve();
  Outcome out;
  event::spawn(fetch_into(client.get(), get(server.url()), loop->now(), nullptr, &out));
  ASSERT_TRUE(finish(out));
  EXPECT_EQ(describe(*out), "fetch.timeout");
  settle();
  EXPECT_EQ(server.connections, 0);
}

TEST_F(ClientHostileTest, NoMessageHoldsWhatTheUrlKeepsSecret) {
  open();
  for (const char* reply : {"garbage\r\n", "HTTP/1.1 200 OK\r\n"}) {
    PlannedServer& server = serve({.reply = reply, .close = true});
    const auto got = fetch(get(server.url("/page?sig=secret")));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().message.find("secret"), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().message.find("/page"), std::string::npos) << got.error().message;
  }
}

}  // namespace
}  // namespace portcullis::fetch
