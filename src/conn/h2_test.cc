#include "conn/test_h2.h"

namespace portcullis::conn {
namespace {

TEST_F(H2Test, AnswersARequest) {
  EXPECT_EQ(ask(opening() + request(1, get_fields("/x?y"))), "1:HEADERS 1:DATA(2)+END");
  EXPECT_EQ(script.requests, std::vector<std::string>{"GET /x?y"});
  EXPECT_EQ(body(1), "ok");
}

TEST_F(H2Test, SaysItsSettingsFirst) {
  ask(opening());
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(told(frames[0]), "SETTINGS");
  EXPECT_EQ(frames[0].payload.substr(0, 6), be16(3) + be32(100));  // MAX_CONCURRENT_STREAMS
}

TEST_F(H2Test, ServesManyStreamsAtOnceInOneWrite) {
  std::string all = opening();
  for (std::uint32_t id = 1; id < 64; id += 2) all += request(id, get_fields());
  ask(all);
  EXPECT_EQ(script.requests.size(), 32U);
  int ends = 0;
  for (const Frame& one : frames) ends += one.type == kData && (one.flags & kEndStream) != 0 ? 1 : 0;
  EXPECT_EQ(ends, 32);
}

TEST_F(H2Test, GivesTheHandlerTheBody) {
  EXPECT_EQ(
      ask(opening() + request(1, post_fields(), false) + frame(kData, 0, 1, "hel") + frame(kData, kEndStream, 1, "lo")),
      "1:HEADERS 1:DATA(2)+END");
  EXPECT_EQ(script.bodies, std::vector<std::string>{"hello"});
}

TEST_F(H2Test, OpensAWindowOnlyAsTheHandlerReads) {
  // This handler reads nothing before its answer is out, and that waits for the client.
  script.reads_body = false;
  std::string all = std::string(kPreface) + settings({{4, 0}}) + request(1, post_fields(), false);
  for (int i = 0; i < 3; ++i) all += frame(kData, 0, 1, std::string(16'384, 'x'));
  EXPECT_EQ(ask(all), "1:HEADERS");
  script.reads_body = true;
  const std::string read = ask(request(3, post_fields(), false) + frame(kData, 0, 3, std::string(16'384, 'x')) +
                               frame(kData, 0, 3, std::string(16'384, 'x')));
  EXPECT_EQ(read, "3:WINDOW(32768)");
}

TEST_F(H2Test, SendsTrailersBothWays) {
  script.chunked = true;
  script.trailers.add("Grpc-Status", "0");
  script.trailers.add("Connection", "x");
  EXPECT_EQ(ask(opening() + request(1, post_fields(), false) + frame(kData, 0, 1, "a") +
                frame(kHeaders, kEndHeaders | kEndStream, 1, hpack({{"x-sum", "1"}, {"host", "evil"}}))),
            "1:HEADERS 1:DATA(2) 1:HEADERS+END");
}

TEST_F(H2Test, HoldsContentBackUntilTheWindowOpens) {
  script.answer = std::string(100'000, 'z');
  ask(std::string(kPreface) + settings({{4, 10}}) + request(1, get_fields()));
  EXPECT_EQ(body(1).size(), 10U);
  EXPECT_EQ(script.running, 1);
  std::string got = body(1);
  ask(frame(kWindowUpdate, 0, 1, be32(65'000)));
  got += body(1);
  EXPECT_EQ(got.size(), 65'010U);
  ask(frame(kWindowUpdate, 0, 1, be32(1'000'000)) + frame(kWindowUpdate, 0, 0, be32(1'000'000)));
  got += body(1);
  EXPECT_EQ(got, script.answer);
  EXPECT_EQ(script.running, 0);
}

TEST_F(H2Test, ResetsAStreamWhoseWindowStaysShut) {
  script.answer = std::string(100'000, 'z');
  ask(std::string(kPreface) + settings({{4, 0}}) + request(1, get_fields()));
  frames.clear();
  pass(patience.write + std::chrono::seconds(1));
  receive();
  EXPECT_EQ(heard(), "1:RST(8)");
  EXPECT_EQ(script.write_error, "net.timeout");
  EXPECT_EQ(ask(request(3, get_fields())), "3:HEADERS");
}

TEST_F(H2Test, TellsTheHandlerThatItsStreamWasReset) {
  script.answer = std::string(100'000, 'z');
  ask(opening() + request(1, get_fields()));
  EXPECT_EQ(script.running, 1);
  ask(frame(kRstStream, 0, 1, be32(8)));
  EXPECT_TRUE(script.client_gone);
  EXPECT_EQ(script.write_error, "net.reset");
  EXPECT_EQ(script.running, 0);
}

TEST_F(H2Test, TellsAReaderThatItsStreamWasReset) {
  ask(opening() + request(1, post_fields(), false));
  ask(frame(kRstStream, 0, 1, be32(8)));
  EXPECT_EQ(script.read_errors, std::vector<std::string>{"net.reset"});
}

TEST_F(H2Test, TellsEveryHandlerThatTheConnectionWent) {
  ask(opening() + request(1, post_fields(), false) + request(3, post_fields(), false));
  EXPECT_GT(script.running, 0);
  client.reset();
  turns(6);
  EXPECT_EQ(script.running, 0);
  EXPECT_FALSE(serving);
}

TEST_F(H2Test, TimesAnUploadOut) {
  ask(opening() + request(1, post_fields(), false));
  pass(patience.body + std::chrono::seconds(1));
  EXPECT_EQ(script.read_errors, std::vector<std::string>{"net.timeout"});
}

TEST_F(H2Test, AnswersExpectBeforeItReads) {
  EXPECT_EQ(ask(opening() + request(1, with(post_fields(), {{"expect", "100-continue"}}), false)), "1:HEADERS");
  EXPECT_EQ(ask(frame(kData, kEndStream, 1, "x")), "1:HEADERS 1:DATA(2)+END");
}

TEST_F(H2Test, AnswersARefusedRequestAndResetsIt) {
  EXPECT_EQ(ask(opening() + request(1, with(get_fields(), {{"connection", "close"}}))),
            "1:HEADERS 1:DATA(2)+END 1:RST(1)");
  EXPECT_EQ(script.refusals, std::vector<int>{400});
  EXPECT_EQ(ask(request(3, with(post_fields(), {{"Upper", "x"}}), false)), "3:HEADERS 3:DATA(2)+END 3:RST(1)");
}

TEST_F(H2Test, AnswersBeforeTheRequestHasEnded) {
  script.reads_body = false;
  EXPECT_EQ(ask(opening() + request(1, post_fields(), false)), "1:HEADERS 1:DATA(2)+END 1:RST(0)");
}

TEST_F(H2Test, ResetsWhatItsHandlerDidNotAnswer) {
  script.answers = false;
  EXPECT_EQ(ask(opening() + request(1, get_fields())), "1:RST(8)");
}

TEST_F(H2Test, GoesAwayWhereTheHandlerWantsIt) {
  script.closes = true;
  EXPECT_EQ(ask(opening() + request(1, get_fields())), "1:HEADERS 1:DATA(2)+END GOAWAY(0,last 1)");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, DrainsWithoutLosingWhatIsOnItsWay) {
  ask(opening() + request(1, post_fields(), false));
  frames.clear();
  control.drain();
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 2147483647) PING");
  const std::string pong = frame(kPing, kAck, 0, std::string(8, '\0'));
  EXPECT_EQ(ask(request(3, get_fields()) + pong), "GOAWAY(0,last 3) 3:HEADERS 3:DATA(2)+END");
  EXPECT_EQ(ask(request(5, get_fields()) + frame(kData, kEndStream, 1, "")), "1:HEADERS 1:DATA(2)+END");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, DrainsAClientThatDoesNotAnswer) {
  ask(opening() + request(1, post_fields(), false));
  control.drain();
  receive();
  frames.clear();
  pass(patience.linger + std::chrono::milliseconds(100));
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 1)");
}

TEST_F(H2Test, DrainsAnIdleConnectionAtOnce) {
  ask(opening() + request(1, get_fields()));
  frames.clear();
  control.drain();
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 1)");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, WhoIsRefusedBeforeItsFirstRequestHearsWhy) {
  ask(opening());
  frames.clear();
  control.refuse();
  pass(patience.first_request - std::chrono::milliseconds(100));
  EXPECT_TRUE(serving);
  receive();
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(ask(request(1, get_fields())), "GOAWAY(0,last 1) 1:HEADERS 1:DATA(2)+END");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, WhoIsRefusedAndAsksNothingIsNotKept) {
  ask(opening());
  frames.clear();
  control.refuse();
  pass(patience.first_request + std::chrono::milliseconds(100));
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 0)");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, RefusingEndsAConnectionThatHasBeenUsedAtOnce) {
  ask(opening() + request(1, get_fields()));
  frames.clear();
  control.refuse();
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 1)");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, CutsEveryStreamOff) {
  ask(opening() + request(1, post_fields(), false));
  control.cut_off();
  turns(6);
  EXPECT_EQ(script.read_errors, std::vector<std::string>{"net.cancelled"});
  EXPECT_FALSE(serving);
}

TEST_F(H2Test, EndsAnIdleConnection) {
  ask(opening() + request(1, get_fields()));
  frames.clear();
  pass(patience.keep_alive + std::chrono::seconds(1));
  receive();
  EXPECT_EQ(heard(), "GOAWAY(0,last 1)");
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, PingsDoNotKeepAnIdleConnection) {
  ask(opening());
  pass(patience.keep_alive / 2);
  EXPECT_EQ(ask(frame(kPing, 0, 0, "12345678")), "PONG");
  pass(patience.keep_alive / 2 + std::chrono::seconds(1));
  receive();
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, DoesNotWaitForAPrefaceOrAHeadForEver) {
  const std::string unfinished = opening() + frame(kHeaders, kEndStream, 1, hpack(get_fields()));
  const std::string cut = opening() + request(1, get_fields()).substr(0, 20);
  for (const std::string& start : {std::string("PRI * HT"), unfinished, cut}) {
    prepare();
    begin();
    ask(start);
    pass(patience.head + std::chrono::seconds(1));
    receive();
    EXPECT_TRUE(closed);
    EXPECT_EQ(fault, "");
    end();
    EXPECT_EQ(fault, "http.head_timeout");
    fault.clear();
  }
}

TEST_F(H2Test, GoesAwayAfterAsManyRequestsAsAreAllowed) {
  end();
  limits.requests = 3;
  prepare();
  begin();
  std::string all = opening();
  for (std::uint32_t id = 1; id < 9; id += 2) all += request(id, get_fields());
  const std::string said = ask(all);
  EXPECT_NE(said.find("GOAWAY(0,last 5)"), std::string::npos) << said;
  EXPECT_EQ(script.requests.size(), 3U);
  EXPECT_TRUE(closed);
}

TEST_F(H2Test, EndsWithAClientThatSaysGoaway) {
  ask(opening() + request(1, get_fields()));
  ask(frame(kGoaway, 0, 0, be32(0) + be32(0)));
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace portcullis::conn
