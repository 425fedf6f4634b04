#include "http/request_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using namespace std::string_view_literals;
using testing::outcome;

struct Refused {
  std::string_view name;
  std::string_view text;
  int status;
  std::string_view code;
  std::string_view error_info;
};

void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

constexpr auto kInvalid = "ERRORINFO_INVALID_REQUEST"sv;
constexpr auto kLength = "ERRORINFO_INVALID_CONTENT_LENGTH"sv;
constexpr auto kHost = "ERRORINFO_INVALID_HOST"sv;
constexpr auto kUri = "ERRORINFO_REQUEST_URI_INVALID"sv;
constexpr auto kVersion = "ERRORINFO_INVALID_VERSION"sv;
constexpr auto kMethod = "ERRORINFO_INVALID_METHOD"sv;

// Every row is sent without the rest of its message where possible: the refusal must not wait for it.
const std::vector<Refused> kRefusals = {
    // Delimiting the body: the smuggling vectors.
    {"LengthAndCoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400,
     "http.length_and_coding", kInvalid},
    {"CodingAndLength", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400,
     "http.length_and_coding", kInvalid},
    {"TwoEqualLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 5\r\n", 400,
     "http.two_content_lengths", kLength},
    {"TwoLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400,
     "http.two_content_lengths", kLength},
    {"LengthList", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n", 400, "http.two_content_lengths", kLength},
    {"LengthWord", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n", 400, "http.bad_content_length", kLength},
    {"LengthNegative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n", 400, "http.bad_content_length", kLength},
    {"LengthPlus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n", 400, "http.bad_content_length", kLength},
    {"LengthHex", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n", 400, "http.bad_content_length", kLength},
    {"LengthInnerSpace", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n", 400, "http.bad_content_length",
     kLength},
    {"LengthEmpty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n", 400, "http.bad_content_length", kLength},
    {"Length2To63", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n", 400,
     "http.bad_content_length", kLength},
    {"Length2To64", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n", 400,
     "http.bad_content_length", kLength},
    {"CodingX", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n", 400, "http.bad_transfer_encoding",
     kInvalid},
    {"CodingCase", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n", 400, "http.bad_transfer_encoding",
     kInvalid},
    {"CodingTwice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n", 400,
     "http.bad_transfer_encoding", kInvalid},
    {"CodingTwoFields", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: chunked\r\n",
     400, "http.bad_transfer_encoding", kInvalid},
    {"CodingIdentity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n", 400,
     "http.bad_transfer_encoding", kInvalid},
    {"CodingGzipChunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n", 400,
     "http.bad_transfer_encoding", kInvalid},
    {"CodingParameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n", 400,
     "http.bad_transfer_encoding", kInvalid},
    {"CodingEmpty", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n", 400, "http.bad_transfer_encoding",
     kInvalid},
    {"CodingQuoted", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n", 400,
     "http.bad_transfer_encoding", kInvalid},
    {"CodingVerticalTab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n", 400, "http.control_byte",
     kInvalid},
    {"CodingOn10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", 400, "http.transfer_encoding_on_10",
     kInvalid},
    // Lines and bytes.
    {"BareLfRequestLine", "GET / HTTP/1.1\n", 400, "http.bare_lf", kInvalid},
    {"BareLfInField", "GET / HTTP/1.1\r\nHost: a\n", 400, "http.bare_lf", kInvalid},
    {"BareLfAfterName", "GET / HTTP/1.1\r\nHost\n", 400, "http.bare_lf", kInvalid},
    {"BareLfEnd", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "http.bare_lf", kInvalid},
    {"BareLfFirst", "\n", 400, "http.bare_lf", kInvalid},
    {"BareLfInTarget", "GET /\n", 400, "http.bare_lf", kInvalid},
    {"BareCrInField", "GET / HTTP/1.1\r\nHost: a\rX", 400, "http.bare_cr", kInvalid},
    {"DoubleCrInField", "GET / HTTP/1.1\r\nHost: a\r\r", 400, "http.bare_cr", kInvalid},
    {"BareCrRequestLine", "GET / HTTP/1.1\rX", 400, "http.bare_cr", kInvalid},
    {"BareCrEnd", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400, "http.bare_cr", kInvalid},
    {"BareCrFirst", "\rG", 400, "http.bare_cr", kInvalid},
    {"ObsFold", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n ", 400, "http.obs_fold", kInvalid},
    {"ObsFoldTab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\t", 400, "http.obs_fold", kInvalid},
    {"SpaceBeforeFirstField", "GET / HTTP/1.1\r\n ", 400, "http.obs_fold", kInvalid},
    {"SpaceBeforeColon", "GET / HTTP/1.1\r\nHost ", 400, "http.space_before_colon", kInvalid},
    {"TabBeforeColon", "GET / HTTP/1.1\r\nTransfer-Encoding\t", 400, "http.space_before_colon", kInvalid},
    {"EmptyName", "GET / HTTP/1.1\r\n:", 400, "http.empty_field_name", kInvalid},
    {"NameNotToken", "GET / HTTP/1.1\r\nX(", 400, "http.bad_field_name", kInvalid},
    {"NameNotAscii", "GET / HTTP/1.1\r\nX\xc3", 400, "http.bad_field_name", kInvalid},
    {"NameNul", "GET / HTTP/1.1\r\nX\0"sv, 400, "http.bad_field_name", kInvalid},
    {"NoColon", "GET / HTTP/1.1\r\nHost\r", 400, "http.field_without_colon", kInvalid},
    {"NulInValue", "GET / HTTP/1.1\r\nX: a\0"sv, 400, "http.control_byte", kInvalid},
    {"EscapeInValue", "GET / HTTP/1.1\r\nX: a\x1b", 400, "http.control_byte", kInvalid},
    {"DelInValue", "GET / HTTP/1.1\r\nX: 12345678901234567890\x7f", 400, "http.control_byte", kInvalid},
    // Host and other fields.
    {"NoHost", "GET / HTTP/1.1\r\nX: a\r\n\r\n", 400, "http.no_host", "ERRORINFO_HTTP_NO_HOST_HEADER"},
    {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n", 400, "http.two_hosts", kHost},
    {"TwoHostsOn10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n", 400, "http.two_hosts", kHost},
    {"EmptyHost", "GET / HTTP/1.1\r\nHost:\r\n", 400, "http.bad_host", kHost},
    {"HostTwoPorts", "GET / HTTP/1.1\r\nHost: a:1:2\r\n", 400, "http.bad_host", kHost},
    {"HostUserinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n", 400, "http.bad_host", kHost},
    {"HostPath", "GET / HTTP/1.1\r\nHost: a/b\r\n", 400, "http.bad_host", kHost},
    {"HostList", "GET / HTTP/1.1\r\nHost: a, b\r\n", 400, "http.bad_host", kHost},
    {"HostPort65536", "GET / HTTP/1.1\r\nHost: a:65536\r\n", 400, "http.bad_host", kHost},
    {"TwoAuthorizations", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nauthorization: y\r\n", 400,
     "http.two_authorizations", kInvalid},
    {"Expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n", 417, "http.unknown_expectation", kInvalid},
    // The request line.
    {"TlsClientHello", "\x16", 400, "http.tls_on_plain_port", kInvalid},
    {"BinaryFirst", "\x80", 400, "http.bad_request_line", kInvalid},
    {"NulFirst", "\0"sv, 400, "http.bad_request_line", kInvalid},
    {"SpaceFirst", " ", 400, "http.bad_request_line", kInvalid},
    {"TwoEmptyLines", "\r\n\r", 400, "http.bad_request_line", kInvalid},
    {"LowerCaseMethod", "g", 400, "http.bad_method", kMethod},
    {"MethodDigits", "GET1", 400, "http.bad_method", kMethod},
    {"MethodTab", "GET\t", 400, "http.bad_request_line", kInvalid},
    {"MethodLong", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", 400, "http.method_too_long", kMethod},
    {"TwoSpaces", "GET  ", 400, "http.bad_request_line", kInvalid},
    {"NoTarget", "GET \r", 400, "http.bad_request_line", kInvalid},
    {"Http09", "GET /\r", 400, "http.version_09", "ERRORINFO_INVALID_09_METHOD"},
    {"TargetNotAscii", "GET /\xc3", 400, "http.target_byte", kUri},
    {"TargetNul", "GET /abcdefgh\0"sv, 400, "http.target_byte", kUri},
    {"TargetTab", "GET /\t", 400, "http.target_byte", kUri},
    {"SpaceInTarget", "GET /a b", 400, "http.bad_version", kVersion},
    {"Version12", "GET / HTTP/1.2", 400, "http.bad_version", kVersion},
    {"Version03", "GET / HTTP/0", 400, "http.bad_version", kVersion},
    {"Version20", "GET / HTTP/2", 400, "http.bad_version", kVersion},
    {"Version111", "GET / HTTP/1.11", 400, "http.bad_version", kVersion},
    {"VersionLowerCase", "GET / h", 400, "http.bad_version", kVersion},
    {"VersionTrailingSpace", "GET / HTTP/1.1 ", 400, "http.bad_version", kVersion},
    {"Http2Preface", "PRI * HTTP/2", 400, "http.bad_version", kVersion},
};

class RequestRefusal : public ::testing::TestWithParam<Refused> {};

TEST_P(RequestRefusal, ComesAtItsLastByteHoweverTheBytesArrive) {
  const Refused& row = GetParam();
  const std::string expected =
      std::to_string(row.status) + " " + std::string(row.code) + " " + std::string(row.error_info);
  EXPECT_EQ(outcome(row.text, row.text.size()), expected);
  EXPECT_EQ(outcome(row.text, 1), expected);
  EXPECT_EQ(outcome(row.text, 3), expected);
  // Earlier the bytes could still have become a request: each row ends with the byte that makes it hopeless, but for
  // those that only the end of a line decides.
  if (row.text.back() != '\n') {
    EXPECT_EQ(outcome(row.text.substr(0, row.text.size() - 1), 1), "need more");
  }
  EXPECT_EQ(outcome(std::string(row.text) + "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 100000), expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, RequestRefusal, ::testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

RequestHead parsed(std::string_view text) {
  RequestParser parser;
  RequestHead head;
  EXPECT_EQ(parser.parse(text, head), Parse::kDone) << parser.refusal().message;
  EXPECT_EQ(parser.consumed(), text.size());
  EXPECT_EQ(outcome(text, 1), outcome(text, text.size()));
  return head;
}

TEST(RequestParser, ReadsAHeadAndLeavesTheNext) {
  const std::string first =
      "POST /a?b HTTP/1.1\r\nHost: Example.com:8443\r\nX-Y: \t one two \t\r\nContent-Length: 3\r\n\r\n";
  const std::string text = first + "abcGET / HTTP/1.1\r\n";
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(parser.parse(text, head), Parse::kDone);
  EXPECT_EQ(parser.consumed(), first.size());
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a?b");
  EXPECT_EQ(head.version, Version::kHttp11);
  EXPECT_EQ(head.fields.get("x-y"), "one two");
  EXPECT_EQ(head.fields.get("host"), "Example.com:8443");
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 3u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(parser.parse(text, head), Parse::kDone) << "the answer stays until reset()";
}

TEST(RequestParser, ForgetsTheLastMessage) {
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(
      parser.parse("POST / HTTP/1.0\r\nHost: a\r\nAuthorization: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
                   head),
      Parse::kDone);
  parser.reset();
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.parse("GET /2 HTTP/1.1\r\nHost: a\r\nAuthorization: y\r\n\r\n", head), Parse::kDone);
  EXPECT_EQ(head.body, BodyKind::kNone);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.version, Version::kHttp11);
  EXPECT_EQ(head.fields.get("authorization"), "y");
  EXPECT_EQ(head.fields.size(), 2u);
  parser.reset();
  EXPECT_EQ(parser.parse("GET /3 HTTP/1.1\r\n\r\n", head), Parse::kRefused) << "a Host seen before does not count";
}

TEST(RequestParser, AcceptsWhatTheRfcAllows) {
  EXPECT_EQ(parsed("GET / HTTP/1.0\r\n\r\n").fields.size(), 0u);
  EXPECT_EQ(parsed("\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n").fields.get("Host"), "a");
  EXPECT_EQ(parsed("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").target, "*");
  EXPECT_EQ(parsed("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").target, "a:443");
  EXPECT_EQ(parsed("VERSION-CONTROL / HTTP/1.1\r\nHost: a\r\n\r\n").method, "VERSION-CONTROL");
  EXPECT_EQ(parsed("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n").method.size(), kMaxMethodBytes);
  EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\tb\r\n\r\n").fields.get("x"), "\xc3\xa4\tb");
  EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n").fields.get("x"), "");
  EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~9: 1\r\n\r\n").fields.size(), 2u);
  const RequestHead chunked = parsed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(chunked.body, BodyKind::kChunked);
  EXPECT_EQ(parsed("POST / HTTP/1.1\r\nHost: a\r\n\r\n").body, BodyKind::kNone);
  const RequestHead zero = parsed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(zero.body, BodyKind::kLength);
  EXPECT_EQ(parsed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n").content_length,
            9223372036854775807u);
  EXPECT_EQ(
      parsed("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nConnection: Upgrade\r\n\r\n").body,
      BodyKind::kNone);
}

TEST(RequestParser, KeepsAliveByVersionAndConnection) {
  struct Row {
    std::string_view version, connection;
    bool keep_alive;
  };
  for (const Row& row : {Row{"1.1", "x", true}, Row{"1.1", "close", false}, Row{"1.1", "x, CLOSE", false},
                         Row{"1.1", "closed", true}, Row{"1.0", "x", false}, Row{"1.0", "Keep-Alive", true},
                         Row{"1.0", "keep-alive, close", false}, Row{"1.1", ",,close,,", false}}) {
    const std::string text = "GET / HTTP/" + std::string(row.version) +
                             "\r\nHost: a\r\nConnection: " + std::string(row.connection) + "\r\n\r\n";
    EXPECT_EQ(parsed(text).keep_alive, row.keep_alive) << text;
  }
}

TEST(RequestParser, ExpectsContinueOnlyForABodyOf11) {
  const auto expects = [](std::string_view version, std::string_view more) {
    return parsed("POST / HTTP/" + std::string(version) + "\r\nHost: a\r\nExpect: 100-Continue\r\n" +
                  std::string(more) + "\r\n")
        .expect_continue;
  };
  EXPECT_TRUE(expects("1.1", "Content-Length: 1\r\n"));
  EXPECT_TRUE(expects("1.1", "Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(expects("1.1", ""));
  EXPECT_FALSE(expects("1.1", "Content-Length: 0\r\n"));
  EXPECT_FALSE(expects("1.0", "Content-Length: 1\r\n"));
}

TEST(RequestParser, LimitsAreExact) {
  const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parsed("GET /" + std::string(kMaxTargetBytes - 1, 'a') + end).target.size(), kMaxTargetBytes);
  const std::string too_long = "GET /" + std::string(kMaxTargetBytes, 'a');
  EXPECT_EQ(outcome(too_long, 100000), "414 http.target_too_long ERRORINFO_REQUEST_URI_INVALID");
  EXPECT_EQ(outcome(too_long + end, 4096), outcome(too_long, 100000));

  const auto with_fields = [](std::size_t bytes) {
    const std::string host = "Host: a\r\nX: ";
    return "GET / HTTP/1.1\r\n" + host + std::string(bytes - host.size() - 4, 'b') + "\r\n\r\n";
  };
  EXPECT_EQ(parsed(with_fields(kMaxRequestFieldBytes)).fields.size(), 2u);
  const std::string too_large = "400 http.fields_too_large ERRORINFO_INVALID_REQUEST";
  EXPECT_EQ(outcome(with_fields(kMaxRequestFieldBytes + 1), 100000), too_large);
  EXPECT_EQ(outcome(with_fields(kMaxRequestFieldBytes + 1), 7), too_large);

  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < kMaxRequestFields; ++i) many += "X: y\r\n";
  EXPECT_EQ(parsed(many + "\r\n").fields.size(), kMaxRequestFields);
  EXPECT_EQ(outcome(many + "X: y\r\n\r\n", 5), "400 http.too_many_fields ERRORINFO_INVALID_REQUEST");

  std::string options = "GET / HTTP/1.1\r\nHost: a\r\nConnection: a";
  for (int i = 1; i < 64; ++i) options += ",a";
  EXPECT_EQ(parsed(options + "\r\n\r\n").fields.size(), 2u);
  EXPECT_EQ(outcome(options + ",a\r\n\r\n", 1000), "400 http.too_many_connection_options ERRORINFO_INVALID_REQUEST");
}

// The largest acceptable head fits the buffer size that is promised to suffice.
TEST(RequestParser, PromisedBufferSuffices) {
  std::string text = "\r\n" + std::string(kMaxMethodBytes, 'A') + " /" + std::string(kMaxTargetBytes - 1, 'a') +
                     " HTTP/1.1\r\nHost: a\r\nX: ";
  text += std::string(kMaxRequestHeadBytes - text.size() - 4, 'b') + "\r\n\r\n";
  ASSERT_EQ(text.size(), kMaxRequestHeadBytes);
  RequestParser parser;
  RequestHead head;
  EXPECT_EQ(parser.parse(text, head), Parse::kDone) << parser.refusal().message;
}

// A client that drips bytes must not make the parser start over: what it has looked at is blotted out with NULs that a
// second look would refuse.
TEST(RequestParser, DrippedHeadIsNotLookedAtTwice) {
  for (const std::string_view start :
       {"GET /"sv, "GET / HTTP/1.1\r\nHost: a\r\nX: "sv, "GET / HTTP/1.1\r\nHost: a\r\n"sv}) {
    RequestParser parser;
    RequestHead head;
    std::string text(start);
    ASSERT_EQ(parser.parse(text, head), Parse::kNeedMore);
    for (int i = 0; i < 1000; ++i) {
      text.assign(text.size(), '\0');
      text += 'a';
      ASSERT_EQ(parser.parse(text, head), Parse::kNeedMore) << start << i;
    }
  }
}

TEST(RequestParser, RefusalNeverQuotesRawBytesOrCredentials) {
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: a\tb\xff\r\n", head), Parse::kRefused);
  for (const char c : parser.refusal().message) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  parser.reset();
  ASSERT_EQ(parser.parse("GET / HTTP/1.1\r\nAuthorization: secret1\r\nAuthorization: secret2\r\n", head),
            Parse::kRefused);
  EXPECT_EQ(parser.refusal().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::http
