#include "http/response_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using namespace std::string_view_literals;
using testing::response_outcome;

struct Refused {
  std::string_view name;
  std::string_view text;
  std::string_view code;
};

void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

const std::vector<Refused> kRefusals = {
    {"LengthAndCoding", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
     "http.length_and_coding"},
    {"DifferentLengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", "http.two_content_lengths"},
    {"LengthList", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n", "http.bad_content_length"},
    {"LengthNegative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "http.bad_content_length"},
    {"CodingOther", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", "http.bad_transfer_encoding"},
    {"CodingTwoFields", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     "http.bad_transfer_encoding"},
    {"CodingOn10", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", "http.transfer_encoding_on_10"},
    {"BareLfStatusLine", "HTTP/1.1 200 OK\n", "http.bare_lf"},
    {"BareLfNoReason", "HTTP/1.1 200\n", "http.bare_lf"},
    {"BareCr", "HTTP/1.1 200 OK\rX", "http.bare_cr"},
    {"BareLfField", "HTTP/1.1 200 OK\r\nX: y\n", "http.bare_lf"},
    {"ObsFold", "HTTP/1.1 200 OK\r\nX: y\r\n ", "http.obs_fold"},
    {"SpaceBeforeColon", "HTTP/1.1 200 OK\r\nX ", "http.space_before_colon"},
    {"NulInReason", "HTTP/1.1 200 O\0"sv, "http.control_byte"},
    {"NulInValue", "HTTP/1.1 200 OK\r\nX: \0"sv, "http.control_byte"},
    {"Version2", "HTTP/2", "http.bad_version"},
    {"Version12", "HTTP/1.2", "http.bad_version"},
    {"NoHttp", "S", "http.bad_version"},
    {"LeadingEmptyLine", "\r", "http.bad_version"},
    {"Status99", "HTTP/1.1 0", "http.bad_status_line"},
    {"Status600", "HTTP/1.1 6", "http.bad_status_line"},
    {"StatusShort", "HTTP/1.1 20 ", "http.bad_status_line"},
    {"StatusLong", "HTTP/1.1 2000", "http.bad_status_line"},
};

class ResponseRefusal : public ::testing::TestWithParam<Refused> {};

TEST_P(ResponseRefusal, IsA502HoweverTheBytesArrive) {
  const Refused& row = GetParam();
  const std::string expected = "502 " + std::string(row.code);
  EXPECT_EQ(response_outcome("GET", row.text, row.text.size()), expected);
  EXPECT_EQ(response_outcome("GET", row.text, 1), expected);
  EXPECT_EQ(response_outcome("GET", std::string(row.text) + "\r\n\r\n", 3), expected);
  if (row.text.back() != '\n') {
    EXPECT_EQ(response_outcome("GET", row.text.substr(0, row.text.size() - 1), 1), "need more");
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, ResponseRefusal, ::testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

ResponseHead parsed(std::string_view text, std::string_view method = "GET") {
  ResponseParser parser(method);
  ResponseHead head;
  EXPECT_EQ(parser.parse(text, head), Parse::kDone) << parser.refusal().message;
  EXPECT_EQ(parser.consumed(), text.size());
  EXPECT_EQ(response_outcome(method, text, 1), response_outcome(method, text, text.size()));
  return head;
}

TEST(ResponseParser, ReadsAHead) {
  const ResponseHead head =
      parsed("HTTP/1.1 404 Not  Found\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not  Found");
  EXPECT_EQ(head.fields.count("set-cookie"), 2u);
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 7u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(ResponseParser, ReasonMayBeMissing) {
  EXPECT_EQ(parsed("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").reason, "");
  EXPECT_EQ(parsed("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").reason, "");
}

struct Framing {
  std::string_view method, text;
  BodyKind body;
  std::uint64_t length;
  bool announces, keep_alive;
};

TEST(ResponseParser, DelimitsTheBodyAsRfc9112Section63Says) {
  const std::vector<Framing> rows = {
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", BodyKind::kLength, 5, false, true},
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", BodyKind::kLength, 5, false, true},
      {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", BodyKind::kChunked, 0, false, true},
      {"GET", "HTTP/1.1 200 OK\r\n\r\n", BodyKind::kUntilClose, 0, false, false},
      {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", BodyKind::kUntilClose, 0, false, false},
      {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", BodyKind::kLength, 1, false,
       true},
      {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", BodyKind::kLength, 1, false, false},
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", BodyKind::kLength, 1, false, false},
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", BodyKind::kNone, 5, true, true},
      {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", BodyKind::kNone, 0, false, true},
      {"HEAD", "HTTP/1.1 200 OK\r\n\r\n", BodyKind::kNone, 0, false, true},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", BodyKind::kNone, 5, true, true},
      {"GET", "HTTP/1.1 204 No Content\r\n\r\n", BodyKind::kNone, 0, false, true},
      {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", BodyKind::kNone, 0, false, false},
      {"GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", BodyKind::kNone, 0, false, false},
      {"GET", "HTTP/1.1 100 Continue\r\n\r\n", BodyKind::kNone, 0, false, true},
      {"GET", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n", BodyKind::kNone, 0, false, false},
      {"CONNECT", "HTTP/1.1 200 OK\r\n\r\n", BodyKind::kNone, 0, false, true},
      {"CONNECT", "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n", BodyKind::kLength, 5, false, true},
  };
  for (const Framing& row : rows) {
    SCOPED_TRACE(std::string(row.method) + " " + std::string(row.text));
    const ResponseHead head = parsed(row.text, row.method);
    EXPECT_EQ(head.body, row.body);
    EXPECT_EQ(head.content_length, row.length);
    EXPECT_EQ(head.announces_length, row.announces);
    EXPECT_EQ(head.keep_alive, row.keep_alive);
  }
}

TEST(ResponseParser, InterimThenFinalHead) {
  const std::string text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
  ResponseParser parser("POST");
  ResponseHead head;
  ASSERT_EQ(parser.parse(text, head), Parse::kDone);
  EXPECT_EQ(head.status, 100);
  const std::string rest = text.substr(parser.consumed());
  parser.reset("POST");
  ASSERT_EQ(parser.parse(rest, head), Parse::kDone);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_length, 1u);
}

TEST(ResponseParser, LimitsAreExact) {
  const auto head_of = [](std::size_t bytes) {
    const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'b') + "\r\n\r\n";
  };
  EXPECT_EQ(parsed(head_of(kMaxResponseHeadBytes)).fields.size(), 2u);
  EXPECT_EQ(response_outcome("GET", head_of(kMaxResponseHeadBytes + 1), 100000), "502 http.fields_too_large");
  EXPECT_EQ(response_outcome("GET", head_of(kMaxResponseHeadBytes + 1), 11), "502 http.fields_too_large");
  const std::string reason = "HTTP/1.1 200 " + std::string(kMaxResponseLineBytes, 'r');
  EXPECT_EQ(response_outcome("GET", reason, 100000), "502 http.status_line_too_long");
  EXPECT_EQ(response_outcome("GET", reason + "\r\n\r\n", 13), "502 http.status_line_too_long");
  std::string many = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  for (std::size_t i = 1; i < kMaxResponseFields; ++i) many += "X: y\r\n";
  EXPECT_EQ(parsed(many + "\r\n").fields.size(), kMaxResponseFields);
  EXPECT_EQ(response_outcome("GET", many + "X: y\r\n\r\n", 17), "502 http.too_many_fields");
}

}  // namespace
}  // namespace portcullis::http
