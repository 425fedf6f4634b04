#include "conn/test_h1.h"

namespace portcullis::conn {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

constexpr char kClose[] = "Connection: close\r\n";
constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(H1Test, KeepsTheConnectionForTheNextRequest) {
  EXPECT_EQ(ask(kGet), ok("ok"));
  EXPECT_EQ(ask("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"), ok("ok"));
  EXPECT_EQ(script.requests, (Strings{"GET /a", "GET /b"}));
  EXPECT_TRUE(serving);
}

TEST_F(H1Test, AnswersPipelinedRequestsInOrder) {
  std::string many, answers;
  for (int i = 0; i < 20; ++i) {
    many += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    answers += ok("ok");
  }
  send(many);
  EXPECT_EQ(receive(60), answers);
  ASSERT_EQ(script.requests.size(), 20U);
  EXPECT_EQ(script.requests.back(), "POST /19");
  EXPECT_EQ(script.bodies, Strings(20, "abc"));
}

TEST_F(H1Test, ReadsHeadAndBodyByteByByte) {
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n";
  for (const char c : request) {
    send(std::string_view(&c, 1));
    turn();
  }
  EXPECT_EQ(receive(), ok("ok"));
  EXPECT_EQ(script.bodies, Strings{"abcdefg"});
}

TEST_F(H1Test, ABigBodyPassesWhateverItsFraming) {
  const std::string body(1'000'000, 'b');
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  const std::string requests[] = {
      "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + (size + body) + "\r\n0\r\n\r\n"};
  for (std::string rest : requests) {
    script.bodies.clear();
    ASSERT_TRUE(turn_until([&] {
      const ssize_t put = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) rest.erase(0, static_cast<std::size_t>(put));
      return !script.bodies.empty();
    }));
    EXPECT_TRUE(script.bodies.front() == body);
    EXPECT_EQ(receive(), ok("ok"));
  }
}

TEST_F(H1Test, SaysContinueOnlyWhenTheBodyIsRead) {
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(ask("hi"), ok("ok"));
  EXPECT_EQ(script.bodies, Strings{"hi"});
  EXPECT_TRUE(serving);
}

TEST_F(H1Test, SaysNoContinueToAClientThatDoesNotWait) {
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"), ok("ok"));
}

TEST_F(H1Test, SaysNoContinueAfterTheFinalAnswer) {
  script.reads_beside = false;
  script.reads_body = false;
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"), ok("ok", kClose));
  EXPECT_TRUE(closed);
}

// The kernel holds so much for this client that neither the interim nor the final answer fits: they must not become two
// writers of one socket.
TEST_F(H1Test, AnEarlyAnswerWaitsForTheContinueThatIsBeingSent) {
  const std::size_t filled = fill_socket();
  script.reads_beside = true;
  send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  turns(5);
  const std::string got = receive(10);
  ASSERT_GT(got.size(), filled);
  EXPECT_EQ(got.substr(filled), "HTTP/1.1 100 Continue\r\n\r\n" + ok("ok", kClose));
}

TEST_F(H1Test, NothingFollowsAContinueThatCouldNotBeSent) {
  fill_socket();
  script.reads_beside = true;
  send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  turns(5);
  pass(seconds(61));
  turns(5);
  EXPECT_EQ(script.write_error, "net.timeout");
  EXPECT_EQ(script.read_errors, Strings{"net.timeout"});
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, AHeadAnswerHasNoBodyAndKeepsTheConnection) {
  EXPECT_EQ(ask("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(ask(kGet), ok("ok"));
}

TEST_F(H1Test, Http10ClosesUnlessItAsksOtherwise) {
  EXPECT_EQ(ask("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"), ok("ok", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(closed);
  EXPECT_EQ(ask("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), ok("ok", kClose));
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, Http10GetsNoChunks) {
  script.chunked = true;
  EXPECT_EQ(ask("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, SendsChunksAndTrailers) {
  script.chunked = true;
  script.trailers.add("T", "1");
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(ask(kGet), head + "2\r\nok\r\n0\r\nT: 1\r\n\r\n");
  script.answer.clear();
  EXPECT_EQ(ask(kGet), head + "0\r\nT: 1\r\n\r\n");
  script.trailers.clear();
  script.answer = std::string(100'000, 'x');
  EXPECT_EQ(ask(kGet), head + "186a0\r\n" + script.answer + "\r\n0\r\n\r\n");
  EXPECT_TRUE(serving);
}

TEST_F(H1Test, ABigAnswerWaitsForASlowReader) {
  script.answer = std::string(3'000'000, 'x');
  send(kGet);
  turns(5);
  EXPECT_EQ(script.running, 1);
  EXPECT_EQ(receive(200), ok(script.answer));
  EXPECT_TRUE(serving);
}

TEST_F(H1Test, AClientThatStopsReadingIsGivenUp) {
  script.answer = std::string(3'000'000, 'x');
  send(kGet);
  turns(5);
  EXPECT_TRUE(serving);
  pass(seconds(61));
  turns(3);
  EXPECT_FALSE(serving);
  EXPECT_EQ(script.write_error, "net.timeout");
}

// The end of the client's stream and room for more arrive as one event: the writer must hear of it too.
TEST_F(H1Test, AClientThatEndsItsSideAndReadsOnGetsItsAnswer) {
  script.answer = std::string(3'000'000, 'x');
  send(kGet);
  turns(5);
  std::string got;
  char chunk[64 * 1024];
  for (ssize_t count = 0; (count = ::recv(client.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0;) {
    got.append(chunk, static_cast<std::size_t>(count));
  }
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  got += receive(200);
  EXPECT_EQ(got, ok(script.answer));
  EXPECT_TRUE(script.client_gone);
}

TEST_F(H1Test, AnIdleConnectionEndsInSilence) {
  for (const bool after_a_request : {false, true}) {
    if (after_a_request) {
      prepare();
      begin();
      EXPECT_EQ(ask(kGet), ok("ok"));
    }
    pass(milliseconds(74'000));
    EXPECT_TRUE(serving);
    pass(milliseconds(2'000));
    EXPECT_FALSE(serving);
    closed = false;
    EXPECT_EQ(receive(), "");
    EXPECT_TRUE(closed);
  }
  EXPECT_TRUE(script.refusals.empty());
}

TEST_F(H1Test, AHeadThatTakesTooLongIsA408HoweverItDrips) {
  for (int i = 0; i < 63; ++i) {
    if (serving && script.refusals.empty()) send(i == 0 ? "GET / HTTP/1.1\r\nX: " : "x");
    pass(seconds(1));
  }
  EXPECT_EQ(script.refusals, std::vector<int>{408});
  EXPECT_EQ(receive(), "HTTP/1.1 408 Request Timeout\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, ABodyThatStopsComingIsGivenUp) {
  send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  turns(3);
  pass(seconds(59));
  EXPECT_TRUE(script.read_errors.empty());
  pass(seconds(2));
  EXPECT_EQ(script.read_errors, Strings{"net.timeout"});
}

TEST_F(H1Test, AMalformedHeadReachesTheHandlerAsARefusalAndEndsTheConnection) {
  const struct {
    std::string bytes;
    int status;
  } cases[] = {{"GET / HTTP/1.1\r\n\r\n", 400},
               {"GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
               {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
               {"GET /" + std::string(40'000, 'a'), 414},
               {"GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(40'000, 'a'), 400}};
  for (const auto& [bytes, status] : cases) {
    script.refusals.clear();
    closed = false;
    prepare();
    begin();
    const std::string answer = ask(bytes + kGet);
    EXPECT_EQ(script.refusals, std::vector<int>{status}) << bytes.substr(0, 50);
    EXPECT_NE(answer.find(kClose), std::string::npos);
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos);
    EXPECT_TRUE(closed);
    client.reset();
    ASSERT_TRUE(turn_until([&] { return !serving; }));
  }
}

TEST_F(H1Test, AMalformedBodyIsAnErrorAndEndsTheConnection) {
  script.closes = true;
  const std::string answer = ask(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\nGET /smuggled HTTP/1.1\r\n\r\n");
  ASSERT_EQ(script.read_errors.size(), 1U);
  EXPECT_EQ(script.read_errors[0].rfind("http.", 0), 0U);
  EXPECT_EQ(script.requests.size(), 1U);
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, AnUnreadBodyEndsTheConnectionAndNothingOfItIsARequest) {
  script.reads_body = false;
  const std::string answer = ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + std::string(kGet));
  EXPECT_EQ(answer, ok("ok", kClose));
  EXPECT_EQ(script.requests, Strings{"POST /"});
  // It reads on for a moment, so that what the client still sends resets nothing.
  EXPECT_TRUE(serving);
  send("more");
  turns(2);
  EXPECT_TRUE(serving);
  pass(milliseconds(2'100));
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, LingeringEndsWithTheClientAndAfterEnoughBytes) {
  script.closes = true;
  EXPECT_EQ(ask(kGet), ok("ok", kClose));
  client.reset();
  turns(2);
  EXPECT_FALSE(serving);
  prepare();
  begin();
  ask(kGet);
  const std::string flood(50'000, 'x');
  for (int i = 0; i < 20 && serving; ++i) {
    [[maybe_unused]] const auto put = ::send(client.get(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    turn();
  }
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, AHandlerThatDoesNotAnswerEndsTheConnection) {
  script.answers = false;
  EXPECT_EQ(ask(kGet), "");
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, DrainingEndsAnIdleConnectionAtOnce) {
  EXPECT_EQ(ask(kGet), ok("ok"));
  control.drain();
  turns(2);
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, DrainingLetsABusyConnectionFinish) {
  send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
  turns(2);
  control.drain();
  turns(2);
  EXPECT_TRUE(serving);
  EXPECT_EQ(ask("b"), ok("ok", kClose));
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, DrainingServesAHeadThatHasBegun) {
  send("GET / HT");
  turns(2);
  control.drain();
  turns(2);
  EXPECT_EQ(ask("TP/1.1\r\nHost: h\r\n\r\n"), ok("ok", kClose));
}

TEST_F(H1Test, RefusingEndsAConnectionThatHasBeenUsedAtOnce) {
  EXPECT_EQ(ask(kGet), ok("ok"));
  control.refuse();
  turns(2);
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, WhoIsRefusedBeforeItsFirstRequestHearsWhy) {
  turns(2);
  control.refuse();
  pass(patience.first_request - std::chrono::milliseconds(100));
  EXPECT_TRUE(serving);
  EXPECT_EQ(ask("GET / HT"), "");
  EXPECT_EQ(ask("TP/1.1\r\nHost: h\r\n\r\n"), ok("ok", kClose));
  EXPECT_TRUE(closed);
}

TEST_F(H1Test, WhoIsRefusedAndAsksNothingIsNotKept) {
  turns(2);
  pass(std::chrono::seconds(2));
  control.refuse();
  pass(patience.first_request - std::chrono::milliseconds(2'100));
  EXPECT_TRUE(serving);
  pass(std::chrono::milliseconds(200));
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, WhoIsRefusedLongAfterItCameAndNeverAskedIsNotKept) {
  pass(patience.first_request);
  control.refuse();
  turns(2);
  pass(std::chrono::milliseconds(20));
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, WhoIsRefusedInTheMiddleOfItsFirstHeadHearsWhy) {
  send("GET / HT");
  turns(2);
  control.refuse();
  turns(2);
  EXPECT_EQ(ask("TP/1.1\r\nHost: h\r\n\r\n"), ok("ok", kClose));
}

TEST_F(H1Test, DrainingDoesNotWaitForTheFirstRequestOfWhomIsRefused) {
  turns(2);
  control.refuse();
  turns(2);
  EXPECT_TRUE(serving);
  control.drain();
  turns(2);
  EXPECT_FALSE(serving);
}

TEST_F(H1Test, StopReadingEndsAReadInProgress) {
  script.reads_beside = true;
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"), ok("ok", kClose));
  EXPECT_EQ(script.read_errors, Strings{"net.cancelled"});
  EXPECT_EQ(script.bodies, Strings{"abc"});
}

TEST_F(H1Test, BytesReadBeforeBelongToTheFirstRequest) {
  for (const std::size_t early : {1U, 10U, 28U}) {
    prepare();
    begin(std::string(kGet).substr(0, early));
    send(std::string(kGet).substr(early) + kGet);
    EXPECT_EQ(receive(), ok("ok") + ok("ok"));
    client.reset();
    ASSERT_TRUE(turn_until([&] { return !serving; }));
  }
}

TEST_F(H1Test, AClientMayVanishAfterAnyByteInBothDirections) {
  script.answer = std::string(500'000, 'x');
  const std::string request =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  client.reset();
  ASSERT_TRUE(turn_until([&] { return !serving; }));
  for (const bool reads : {false, true}) {
    for (std::size_t cut = 0; cut <= request.size(); ++cut) {
      prepare();
      begin();
      send(request.substr(0, cut));
      turns(2);
      if (reads) receive(1);
      client.reset();
      ASSERT_TRUE(turn_until([&] { return !serving; })) << cut;
      ASSERT_EQ(script.running, 0);
    }
  }
}

}  // namespace
}  // namespace portcullis::conn
