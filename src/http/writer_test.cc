#include "http/writer.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/body.h"
#include "http/request_parser.h"
#include "http/response_parser.h"
#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using namespace std::string_view_literals;

RequestHead request(std::string_view method, BodyKind body, std::uint64_t length = 0) {
  RequestHead head;
  head.method = method;
  head.target = "/a?b";
  head.fields.add("Host", "a");
  head.body = body;
  head.content_length = length;
  return head;
}

std::string written(const RequestHead& head) {
  std::string out = "kept ";
  append_request(out, head);
  EXPECT_EQ(out.substr(0, 5), "kept ");
  return out.substr(5);
}

std::string written(const ResponseHead& head) {
  std::string out;
  append_response(out, head);
  return out;
}

TEST(Writer, RequestHasExactlyTheFramingOfItsBody) {
  const std::string start = " /a?b HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(written(request("GET", BodyKind::kNone)), "GET" + start + "\r\n");
  EXPECT_EQ(written(request("POST", BodyKind::kNone)), "POST" + start + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(written(request("GET", BodyKind::kLength, 0)), "GET" + start + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(written(request("PUT", BodyKind::kLength, 9223372036854775807u)),
            "PUT" + start + "Content-Length: 9223372036854775807\r\n\r\n");
  EXPECT_EQ(written(request("PUT", BodyKind::kChunked)), "PUT" + start + "Transfer-Encoding: chunked\r\n\r\n");
}

TEST(Writer, StaleFramingFieldsAreNotWritten) {
  RequestHead head = request("PUT", BodyKind::kChunked);
  head.fields.add("content-LENGTH", "5");
  head.fields.add("Transfer-Encoding", "gzip");
  head.fields.add("Connection", "close, X");
  head.fields.add("X", "1");
  EXPECT_EQ(written(head), "PUT /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(Writer, ConnectionFollowsTheHead) {
  RequestHead head = request("GET", BodyKind::kNone);
  head.version = Version::kHttp10;
  EXPECT_EQ(written(head), "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  head.keep_alive = false;
  EXPECT_EQ(written(head), "GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  head.keep_alive = true;
  head.fields.add("Upgrade", "websocket");
  EXPECT_EQ(written(head), "GET /a?b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  head.keep_alive = false;
  EXPECT_EQ(written(head), "GET /a?b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: close, upgrade\r\n\r\n");
}

TEST(Writer, ResponseFraming) {
  struct Row {
    int status;
    BodyKind body;
    std::uint64_t length;
    bool announces, keep_alive;
    Version version;
    std::string_view text;
  };
  const auto v11 = Version::kHttp11;
  const std::vector<Row> rows = {
      {200, BodyKind::kLength, 5, false, true, v11, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
      {200, BodyKind::kLength, 0, false, false, v11,
       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
      {200, BodyKind::kChunked, 5, false, true, v11, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {200, BodyKind::kUntilClose, 5, false, true, v11, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
      {200, BodyKind::kUntilClose, 0, false, true, Version::kHttp10, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
      {200, BodyKind::kLength, 1, false, true, Version::kHttp10,
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"},
      {304, BodyKind::kNone, 7, true, true, v11, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
      {304, BodyKind::kNone, 7, false, true, v11, "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {204, BodyKind::kLength, 0, false, true, v11, "HTTP/1.1 204 No Content\r\n\r\n"},
      {103, BodyKind::kNone, 0, true, false, v11, "HTTP/1.1 103 Early Hints\r\n\r\n"},
      {799, BodyKind::kLength, 0, false, true, v11, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const Row& row : rows) {
    ResponseHead head;
    head.status = row.status;
    head.body = row.body;
    head.content_length = row.length;
    head.announces_length = row.announces;
    head.keep_alive = row.keep_alive;
    head.version = row.version;
    head.fields.add("Content-Length", "999");
    EXPECT_EQ(written(head), row.text);
  }
  ResponseHead upgraded;
  upgraded.status = 101;
  upgraded.fields.add("Upgrade", "websocket");
  EXPECT_EQ(written(upgraded), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
}

// Response splitting and request smuggling by values that a rewrite rule made.
TEST(Writer, NothingInAHeadCanBeginALine) {
  ResponseHead head;
  head.reason = "OK\r\nX: 1";
  head.body = BodyKind::kLength;
  head.fields.add("Location", "http://a/\r\nSet-Cookie: evil=1");
  head.fields.add("Y\r\nZ", "1");
  head.fields.add("N", "a\nb");
  head.fields.add("R", "a\rb");
  head.fields.add("Good", "1");
  std::string out;
  EXPECT_EQ(append_response(out, head), 4u);
  EXPECT_EQ(out, "HTTP/1.1 200 OKX: 1\r\nGood: 1\r\nContent-Length: 0\r\n\r\n");

  RequestHead request_head = request("GET\r\nX: 1", BodyKind::kNone);
  request_head.target = "/a HTTP/1.1\r\nX: 1\r\n\xc3";
  EXPECT_EQ(written(request_head), "GETX1 /a%20HTTP/1.1%0D%0AX:%201%0D%0A%C3 HTTP/1.1\r\nHost: a\r\n\r\n");
  request_head.method = " ";
  request_head.target = "";
  EXPECT_EQ(written(request_head), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(Writer, WritesFieldsInOrderAfterChanges) {
  RequestHead head = request("GET", BodyKind::kNone);
  head.fields.add("A", "1");
  head.fields.add("B", "2");
  head.fields.add("C", "3");
  head.fields.set("A", "changed");
  head.fields.remove("B");
  head.fields.add("D", "4");
  EXPECT_EQ(written(head), "GET /a?b HTTP/1.1\r\nHost: a\r\nA: changed\r\nC: 3\r\nD: 4\r\n\r\n");
}

TEST(Writer, WhatItWritesItsParserReads) {
  for (const BodyKind body : {BodyKind::kNone, BodyKind::kLength, BodyKind::kChunked}) {
    for (const bool keep_alive : {true, false}) {
      RequestHead head = request("GET", body, body == BodyKind::kLength ? 17 : 0);
      head.keep_alive = keep_alive;
      head.fields.add("X", "a\tb \xc3\xa4");
      RequestParser parser;
      RequestHead read;
      const std::string text = written(head);
      ASSERT_EQ(parser.parse(text, read), Parse::kDone) << parser.refusal().message;
      EXPECT_EQ(parser.consumed(), text.size());
      EXPECT_EQ(read.body, head.body);
      EXPECT_EQ(read.content_length, head.content_length);
      EXPECT_EQ(read.keep_alive, keep_alive);
      EXPECT_EQ(written(read), text) << "written, read and written again it is the same";
    }
  }
}

TEST(Writer, ChunksAreReadBack) {
  Fields trailers;
  trailers.add("X-Sum", "1");
  trailers.add("Content-Length", "5");
  trailers.add("Bad", "\r\n");
  std::string out;
  append_chunk_head(out, 26);
  out.append(26, 'x').append(kChunkEnd);
  append_last_chunk(out, &trailers);
  EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n0\r\nX-Sum: 1\r\n\r\n");
  out.clear();
  append_last_chunk(out, nullptr);
  EXPECT_EQ(out, kLastChunk);
  append_chunk_head(out, UINT64_MAX);
  EXPECT_EQ(out, "0\r\n\r\nffffffffffffffff\r\n");
}

TEST(Writer, TokensAndValues) {
  EXPECT_TRUE(is_token("X-Client_Cert.1~"));
  for (const auto bad : {""sv, "a b"sv, "a:"sv, "a\0"sv, "\xc3\xa4"sv, "a\r"sv, "(a)"sv, "a/b"sv})
    EXPECT_FALSE(is_token(bad)) << bad;
  for (const auto good : {""sv, "a b"sv, "\t"sv, "\xff\x80"sv}) EXPECT_TRUE(is_valid_field_value(good)) << good;
  for (int place = 0; place < 20; ++place) {
    for (const char bad : {'\0', '\n', '\r', '\x01', '\x1f', '\x7f'}) {
      std::string value(20, '\xe4');
      value[static_cast<std::size_t>(place)] = bad;
      EXPECT_FALSE(is_valid_field_value(value)) << place;
    }
  }
}

}  // namespace
}  // namespace portcullis::http
