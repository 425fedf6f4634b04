#include "http/h2_client.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "http/test_h2_server.h"

namespace portcullis::http {
namespace {

struct H2ClientTest : testing::Test {
  static RequestHead get(std::string_view target = "/a?b") {
    RequestHead head;
    head.method = "GET";
    head.target = target;
    head.fields.add("Host", "backend.test");
    return head;
  }
  // Both sides talk until neither has anything to say.
  bool talk() {
    for (int i = 0; i < 50; ++i) {
      std::string out;
      client.drain(out, 1U << 20U);
      if (!out.empty()) {
        nghttp2_session_mem_recv(peer.session, reinterpret_cast<const std::uint8_t*>(out.data()), out.size());
      }
      bool answered = false;
      for (;;) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(peer.session, &bytes);
        if (size <= 0) break;
        answered = true;
        if (!client.receive({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)})) return false;
      }
      if (out.empty() && !answered) break;
    }
    return true;
  }

  H2ClientSession client;
  H2TestServer peer;
  H2ClientStream stream;
};

TEST_F(H2ClientTest, SendsARequestAsASection) {
  RequestHead head = get();
  head.fields.add("X-Mixed-Case", "Kept");
  head.fields.add("Connection", "keep-alive");
  head.fields.add("Transfer-Encoding", "chunked");
  ASSERT_TRUE(client.submit(stream, head));
  ASSERT_TRUE(talk());
  const std::map<std::string, std::string> expected = {{":method", "GET"}, {":scheme", "http"},
                                                       {":path", "/a?b"},  {":authority", "backend.test"},
                                                       {"te", "trailers"}, {"x-mixed-case", "Kept"}};
  EXPECT_EQ(peer.requests[1].fields, expected);
  EXPECT_TRUE(peer.requests[1].ended);
}

TEST_F(H2ClientTest, SendsContentAndTrailers) {
  RequestHead head = get();
  head.method = "POST";
  head.body = BodyKind::kChunked;
  Fields trailers;
  trailers.add("X-Sum", "7");
  ASSERT_TRUE(client.submit(stream, head));
  client.send(stream, "one ", false, nullptr);
  ASSERT_TRUE(talk());
  EXPECT_FALSE(peer.requests[1].ended);
  client.send(stream, "two", false, nullptr);
  client.send(stream, {}, true, &trailers);
  ASSERT_TRUE(talk());
  EXPECT_EQ(peer.requests[1].content, "one two");
  EXPECT_EQ(peer.requests[1].trailers["x-sum"], "7");
  EXPECT_TRUE(peer.requests[1].ended);
}

TEST_F(H2ClientTest, ContentWaitsForTheWindow) {
  RequestHead head = get();
  head.method = "POST";
  head.body = BodyKind::kLength;
  head.content_length = 200'000;
  ASSERT_TRUE(client.submit(stream, head));
  client.send(stream, std::string(200'000, 'x'), true, nullptr);
  ASSERT_TRUE(talk());
  // The test's peer gives its window back by itself only when half is used: all arrives in the end.
  EXPECT_EQ(stream.unsent(), 0U);
  EXPECT_EQ(peer.requests[1].content.size(), 200'000U);
  EXPECT_EQ(peer.requests[1].fields["content-length"], "200000");
}

TEST_F(H2ClientTest, ReadsAnAnswerInPieces) {
  int changes = 0;
  stream.changed = [&changes] { ++changes; };
  ASSERT_TRUE(client.submit(stream, get()));
  ASSERT_TRUE(talk());
  peer.headers(1, {{":status", "103"}, {"link", "</x>"}}, false);
  peer.headers(1, {{":status", "404"}, {"x-a", "1"}}, false);
  ASSERT_TRUE(talk());
  EXPECT_TRUE(stream.head_done);
  EXPECT_EQ(stream.head.status, 404);
  EXPECT_EQ(stream.head.reason, "Not Found");
  EXPECT_EQ(stream.head.body, BodyKind::kChunked);
  EXPECT_FALSE(stream.head.fields.has("link")) << "an interim head's fields are not the answer's";
  EXPECT_FALSE(stream.ended);
  peer.data(1, "content", false);
  ASSERT_TRUE(talk());
  EXPECT_EQ(stream.content, "content");
  peer.headers(1, {{"grpc-status", "0"}, {"set-cookie", "a=b"}}, true);
  ASSERT_TRUE(talk());
  EXPECT_TRUE(stream.ended);
  EXPECT_EQ(stream.trailers.get("grpc-status"), "0");
  EXPECT_FALSE(stream.trailers.has("set-cookie"));
  EXPECT_GT(changes, 2);
}

TEST_F(H2ClientTest, FramesTheAnswerForHttp11) {
  struct Case {
    std::string method, status, length;
    bool end;
    BodyKind body;
    std::uint64_t content_length;
    bool announces;
  };
  const Case cases[] = {
      {"GET", "200", "5", false, BodyKind::kLength, 5, false}, {"GET", "200", "", true, BodyKind::kLength, 0, false},
      {"GET", "200", "", false, BodyKind::kChunked, 0, false}, {"HEAD", "200", "5", true, BodyKind::kNone, 5, true},
      {"GET", "204", "", true, BodyKind::kNone, 0, false},     {"GET", "304", "7", true, BodyKind::kNone, 7, true}};
  std::int32_t id = 1;
  for (const Case& each : cases) {
    H2ClientStream one;
    RequestHead head = get();
    head.method = each.method;
    ASSERT_TRUE(client.submit(one, head));
    ASSERT_TRUE(talk());
    std::vector<std::pair<std::string, std::string>> fields{{":status", each.status}};
    if (!each.length.empty()) fields.emplace_back("content-length", each.length);
    peer.headers(id, fields, each.end);
    ASSERT_TRUE(talk());
    ASSERT_TRUE(one.head_done) << each.method << each.status;
    EXPECT_EQ(one.head.body, each.body) << each.method << each.status;
    EXPECT_EQ(one.head.content_length, each.content_length);
    EXPECT_EQ(one.head.announces_length, each.announces);
    EXPECT_FALSE(one.head.fields.has("content-length"));
    client.cancel(one);
    ASSERT_TRUE(talk());
    id += 2;
  }
}

TEST_F(H2ClientTest, RefusesWhatNoAnswerMayBe) {
  std::vector<std::vector<std::pair<std::string, std::string>>> bad = {
      {{":status", "101"}},
      {{":status", "20"}},
      {{":status", "abc"}},
      {{"x-a", "no status"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"x-a", "line\r\nbreak"}},
      {{":status", "200"}, {":path", "/"}},
      {{"x-a", "1"}, {":status", "200"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "2"}},
  };
  auto& many = bad.emplace_back();
  many.emplace_back(":status", "200");
  for (int i = 0; i < 250; ++i) many.emplace_back("x-many", "1");
  std::int32_t id = 1;
  for (const auto& fields : bad) {
    H2ClientStream one;
    ASSERT_TRUE(client.submit(one, get()));
    ASSERT_TRUE(talk());
    peer.headers(id, fields, false);
    talk();
    EXPECT_FALSE(one.head_done) << fields.front().second << " " << fields.back().first;
    EXPECT_TRUE(one.closed) << fields.front().second << " " << fields.back().first;
    EXPECT_NE(peer.requests[id].reset, 0U);
    id += 2;
  }
}

TEST_F(H2ClientTest, MoreInterimHeadsThanAnyoneNeedsEndTheStream) {
  ASSERT_TRUE(client.submit(stream, get()));
  ASSERT_TRUE(talk());
  for (int i = 0; i < 20; ++i) peer.headers(1, {{":status", "103"}}, false);
  talk();
  EXPECT_TRUE(stream.closed);
}

TEST_F(H2ClientTest, ContentThatContradictsItsLengthDoesNotLookWhole) {
  ASSERT_TRUE(client.submit(stream, get()));
  ASSERT_TRUE(talk());
  peer.headers(1, {{":status", "200"}, {"content-length", "10"}}, false);
  peer.data(1, "short", true);
  talk();
  EXPECT_FALSE(stream.ended);
  EXPECT_TRUE(stream.closed);
}

// A backend that sends without end fills its window and no more until the client has taken some.
TEST_F(H2ClientTest, TheWindowOpensOnlyAsContentIsUsed) {
  ASSERT_TRUE(client.submit(stream, get()));
  ASSERT_TRUE(talk());
  peer.headers(1, {{":status", "200"}}, false);
  peer.data(1, std::string(3U << 20U, 'x'), true);
  ASSERT_TRUE(talk());
  EXPECT_EQ(stream.content.size(), H2ClientSession::kStreamWindow);
  std::size_t total = 0;
  while (!stream.content.empty()) {
    const std::size_t taken = std::exchange(stream.content, {}).size();
    total += taken;
    client.consumed(stream, taken);
    ASSERT_TRUE(talk());
  }
  EXPECT_EQ(total, 3U << 20U);
  EXPECT_TRUE(stream.ended);
}

TEST_F(H2ClientTest, WhatAStreamLeavesUnreadIsGivenBackToTheConnection) {
  for (int i = 0; i < 8; ++i) {
    H2ClientStream one;
    ASSERT_TRUE(client.submit(one, get()));
    ASSERT_TRUE(talk());
    peer.headers(1 + 2 * i, {{":status", "200"}}, false);
    peer.data(1 + 2 * i, std::string(1U << 20U, 'x'), true);
    ASSERT_TRUE(talk());
    EXPECT_EQ(one.content.size(), H2ClientSession::kStreamWindow) << i;
    client.cancel(one);
    ASSERT_TRUE(talk());
    EXPECT_EQ(peer.requests[1 + 2 * i].reset, NGHTTP2_CANCEL);
  }
}

TEST_F(H2ClientTest, ACancelledUploadIsReadNoMore) {
  auto one = std::make_unique<H2ClientStream>();
  RequestHead head = get();
  head.method = "POST";
  head.body = BodyKind::kChunked;
  ASSERT_TRUE(client.submit(*one, head));
  client.send(*one, std::string(100'000, 'x'), false, nullptr);
  client.cancel(*one);
  one.reset();
  ASSERT_TRUE(talk());
  EXPECT_LE(peer.requests[1].content.size(), 100'000U);
  EXPECT_EQ(client.streams(), 0U);
}

TEST_F(H2ClientTest, WhatThePeerDidNotProcessMayBeSentAgain) {
  H2ClientStream first, second, third;
  for (H2ClientStream* each : {&first, &second, &third}) ASSERT_TRUE(client.submit(*each, get()));
  ASSERT_TRUE(talk());
  nghttp2_submit_rst_stream(peer.session, 0, 3, NGHTTP2_REFUSED_STREAM);
  nghttp2_submit_goaway(peer.session, 0, 3, NGHTTP2_NO_ERROR, nullptr, 0);
  ASSERT_TRUE(talk());
  EXPECT_FALSE(first.closed);
  EXPECT_TRUE(second.closed && second.refused);
  EXPECT_TRUE(third.closed && third.refused) << "above GOAWAY's last stream";
  EXPECT_FALSE(client.has_room());
  EXPECT_TRUE(client.draining());
  peer.headers(1, {{":status", "200"}}, true);
  ASSERT_TRUE(talk());
  EXPECT_TRUE(first.ended);
  EXPECT_TRUE(client.finished());
}

TEST_F(H2ClientTest, HasRoomForAsManyAsThePeerAllows) {
  peer.settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
  ASSERT_TRUE(talk());
  H2ClientStream first, second, third;
  EXPECT_TRUE(client.submit(first, get()));
  EXPECT_TRUE(client.submit(second, get()));
  EXPECT_FALSE(client.has_room());
  EXPECT_FALSE(client.submit(third, get()));
  client.cancel(first);
  ASSERT_TRUE(talk());
  EXPECT_TRUE(client.has_room());
}

TEST_F(H2ClientTest, ABrokenConnectionSaysSoAndEnds) {
  client.receive("HTTP/1.1 400 Bad Request\r\n\r\n");
  talk();
  EXPECT_TRUE(peer.told_to_go);
  EXPECT_FALSE(client.has_room());
  EXPECT_TRUE(client.finished());
}

}  // namespace
}  // namespace portcullis::http
