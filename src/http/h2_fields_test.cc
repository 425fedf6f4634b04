#include "http/h2_fields.h"

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Pairs kGet = {{":method", "GET"}, {":scheme", "https"}, {":authority", "a.example"}, {":path", "/p?q"}};

Pairs operator+(Pairs first, const Pairs& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

// kGet with one pseudo-header field of another value; an empty value takes it away.
Pairs get_with(const std::string& name, const std::string& value) {
  Pairs out;
  for (const auto& field : kGet) {
    if (field.first != name) {
      out.push_back(field);
    } else if (!value.empty()) {
      out.emplace_back(name, value);
    }
  }
  return out;
}

struct Read {
  RequestHead head;
  H2RequestReader reader;
  Read(const Pairs& fields, bool end, bool extended = true) {
    reader.begin(head, extended);
    for (const auto& [name, value] : fields) reader.field(name, value, head);
    reader.finish(end, head);
  }
  std::string outcome() {
    if (!reader.refused()) return "ok";
    return std::to_string(reader.refusal().status) + " " + std::string(reader.refusal().code) +
           (reader.malformed() ? " malformed" : "");
  }
};

TEST(H2Request, BecomesAHeadLikeAnyOther) {
  Read read(kGet + Pairs{{"cookie", "a=1"}, {"user-agent", "x"}, {"cookie", "b=2"}, {"te", "trailers"}}, true);
  EXPECT_EQ(read.outcome(), "ok");
  EXPECT_EQ(read.head.method, "GET");
  EXPECT_EQ(read.head.target, "/p?q");
  EXPECT_EQ(read.head.version, Version::kHttp2);
  EXPECT_EQ(read.head.body, BodyKind::kNone);
  EXPECT_EQ(testing::describe(read.head.fields), "host=a.example\nuser-agent=x\nte=trailers\ncookie=a=1; b=2\n");
}

TEST(H2Request, FramesItsBodyByLengthOrByEnd) {
  Read with_length(kGet + Pairs{{"content-length", "3"}, {"expect", "100-continue"}}, false);
  EXPECT_EQ(with_length.head.body, BodyKind::kLength);
  EXPECT_EQ(with_length.head.content_length, 3U);
  EXPECT_TRUE(with_length.head.expect_continue);
  EXPECT_EQ(Read(kGet, false).head.body, BodyKind::kChunked);
}

TEST(H2Request, IsForgottenByTheNext) {
  Read read(kGet + Pairs{{"cookie", "a"}, {"content-length", "x"}}, true);
  read.reader.begin(read.head, true);
  for (const auto& [name, value] : kGet) read.reader.field(name, value, read.head);
  read.reader.finish(true, read.head);
  EXPECT_EQ(read.outcome(), "ok");
  EXPECT_EQ(testing::describe(read.head.fields), "host=a.example\n");
}

struct Case {
  std::string name;
  Pairs fields;
  std::string outcome;
  bool end = true;
};

class H2RequestRules : public ::testing::TestWithParam<Case> {};

TEST_P(H2RequestRules, Hold) {
  Read read(GetParam().fields, GetParam().end);
  EXPECT_EQ(read.outcome(), GetParam().outcome);
}

const std::string kMalformedName = "400 http.bad_field_name malformed";
const std::string kMalformedValue = "400 http.control_byte malformed";
const std::string kConnection = "400 http2.connection_field malformed";
const std::string kMissing = "400 http2.missing_pseudo_header malformed";
const std::string kTwo = "400 http2.two_pseudo_headers malformed";
const std::string kLate = "400 http2.late_pseudo_header malformed";
const std::string kUnknown = "400 http2.unknown_pseudo_header malformed";

INSTANTIATE_TEST_SUITE_P(
    , H2RequestRules,
    ::testing::Values(
        Case{"upper_case_name", kGet + Pairs{{"Accept", "x"}}, kMalformedName},
        Case{"one_upper_case_letter", kGet + Pairs{{"accepT", "x"}}, kMalformedName},
        Case{"empty_name", kGet + Pairs{{"", "x"}}, kMalformedName},
        Case{"space_in_name", kGet + Pairs{{"a b", "x"}}, kMalformedName},
        Case{"colon_in_name", kGet + Pairs{{"a:b", "x"}}, kMalformedName},
        Case{"nul_in_name", kGet + Pairs{{std::string("a\0b", 3), "x"}}, kMalformedName},
        Case{"non_ascii_name", kGet + Pairs{{"\xc3\xa4", "x"}}, kMalformedName},
        Case{"lf_in_value", kGet + Pairs{{"a", "x\nevil: 1"}}, kMalformedValue},
        Case{"cr_in_value", kGet + Pairs{{"a", "x\ry"}}, kMalformedValue},
        Case{"nul_in_value", kGet + Pairs{{"a", std::string("x\0y", 3)}}, kMalformedValue},
        Case{"space_before_value", kGet + Pairs{{"a", " x"}}, kMalformedValue},
        Case{"tab_behind_value", kGet + Pairs{{"a", "x\t"}}, kMalformedValue},
        Case{"obs_text_passes", kGet + Pairs{{"a", "\xe4"}}, "ok"},
        Case{"empty_value_passes", kGet + Pairs{{"a", ""}}, "ok"},
        Case{"connection", kGet + Pairs{{"connection", "keep-alive"}}, kConnection},
        Case{"keep_alive", kGet + Pairs{{"keep-alive", "1"}}, kConnection},
        Case{"proxy_connection", kGet + Pairs{{"proxy-connection", "x"}}, kConnection},
        Case{"transfer_encoding", kGet + Pairs{{"transfer-encoding", "chunked"}}, kConnection},
        Case{"upgrade", kGet + Pairs{{"upgrade", "websocket"}}, kConnection},
        Case{"te_gzip", kGet + Pairs{{"te", "gzip"}}, kConnection},
        Case{"te_list", kGet + Pairs{{"te", "trailers, gzip"}}, kConnection},
        Case{"no_method", get_with(":method", ""), kMissing}, Case{"no_scheme", get_with(":scheme", ""), kMissing},
        Case{"no_path", get_with(":path", ""), kMissing},
        Case{"no_authority_no_host", get_with(":authority", ""), "400 http.no_host"},
        Case{"host_alone", get_with(":authority", "") + Pairs{{"host", "b.example"}}, "ok"},
        Case{"host_agrees", kGet + Pairs{{"host", "A.EXAMPLE"}}, "ok"},
        Case{"host_differs", kGet + Pairs{{"host", "b.example"}}, "400 http2.host_differs malformed"},
        Case{"port_differs", kGet + Pairs{{"host", "a.example:1"}}, "400 http2.host_differs malformed"},
        Case{"two_hosts", kGet + Pairs{{"host", "a.example"}, {"host", "a.example"}}, "400 http.two_hosts"},
        Case{"userinfo", get_with(":authority", "u@a.example"), "400 http.bad_host"},
        Case{"empty_authority", Pairs{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", ""}},
             "400 http.bad_host"},
        Case{"bad_host", get_with(":authority", "a b"), "400 http.bad_host"},
        Case{"empty_path", Pairs{{":method", "GET"}, {":scheme", "https"}, {":path", ""}, {":authority", "a"}},
             "400 http2.empty_path malformed"},
        Case{"relative_path", get_with(":path", "p"), "400 http2.bad_path malformed"},
        Case{"absolute_path", get_with(":path", "http://b/"), "400 http2.bad_path malformed"},
        Case{"space_in_path", get_with(":path", "/a b"), "400 http.target_byte"},
        Case{"asterisk_of_get", get_with(":path", "*"), "400 http2.bad_path malformed"},
        Case{"long_path", get_with(":path", "/" + std::string(9000, 'a')), "414 http.target_too_long"},
        Case{"scheme_ftp", get_with(":scheme", "ftp"), "400 http2.bad_scheme malformed"},
        Case{"method_lower_case", get_with(":method", "get"), "400 http.bad_method"},
        Case{"method_with_space", get_with(":method", "GET /x"), "400 http.bad_method"},
        Case{"two_methods", kGet + Pairs{{":method", "GET"}}, kTwo},
        Case{"two_paths", kGet + Pairs{{":path", "/x"}}, kTwo},
        Case{"two_authorities", kGet + Pairs{{":authority", "b"}}, kTwo},
        Case{"late_pseudo", get_with(":path", "") + Pairs{{"a", "b"}, {":path", "/"}}, kLate},
        Case{"unknown_pseudo", kGet + Pairs{{":foo", "x"}}, kUnknown},
        Case{"status", kGet + Pairs{{":status", "200"}}, kUnknown},
        Case{"two_lengths", kGet + Pairs{{"content-length", "1"}, {"content-length", "1"}},
             "400 http.two_content_lengths", false},
        Case{"length_list", kGet + Pairs{{"content-length", "1, 1"}}, "400 http.two_content_lengths", false},
        Case{"bad_length", kGet + Pairs{{"content-length", "+1"}}, "400 http.bad_content_length", false},
        Case{"length_without_body", kGet + Pairs{{"content-length", "1"}},
             "400 http.content_length_mismatch malformed"},
        Case{"zero_length_without_body", kGet + Pairs{{"content-length", "0"}}, "ok"},
        Case{"two_authorizations", kGet + Pairs{{"authorization", "a"}, {"authorization", "b"}},
             "400 http.two_authorizations"},
        Case{"unknown_expectation", kGet + Pairs{{"expect", "x"}}, "417 http.unknown_expectation", false},
        Case{"field_of_9000", kGet + Pairs{{"a", std::string(9000, 'x')}}, "400 http.fields_too_large"},
        Case{"section_of_18000",
             kGet + Pairs{{"a", std::string(6000, 'x')}, {"b", std::string(6000, 'x')}, {"c", std::string(6000, 'x')}},
             "400 http.fields_too_large"},
        Case{"too_many", kGet + Pairs(200, {"a", "b"}), "400 http.too_many_fields"},
        Case{"malformed_behind_too_large", kGet + Pairs{{"content-length", "x"}, {"connection", "x"}},
             "400 http.bad_content_length", false},
        Case{"connect", Pairs{{":method", "CONNECT"}, {":authority", "a:443"}}, "ok", false},
        Case{"connect_with_path", kGet + Pairs{}, "ok"},
        Case{"connect_with_scheme", get_with(":method", "CONNECT"), "400 http2.bad_connect malformed", false},
        Case{"websocket", get_with(":method", "CONNECT") + Pairs{{":protocol", "websocket"}}, "ok", false},
        Case{"websocket_by_get", kGet + Pairs{{":protocol", "websocket"}}, "400 http2.bad_connect malformed", false},
        Case{"connect_udp", get_with(":method", "CONNECT") + Pairs{{":protocol", "connect-udp"}},
             "501 http2.unknown_protocol", false}),
    [](const auto& info) { return info.param.name; });

TEST(H2Request, KnowsNoProtocolUnlessItWasOffered) {
  Read read(get_with(":method", "CONNECT") + Pairs{{":protocol", "websocket"}}, false, false);
  EXPECT_EQ(read.outcome(), kUnknown);
}

TEST(H2Request, OfExtendedConnectLooksLikeAnUpgrade) {
  Read read(get_with(":method", "CONNECT") + Pairs{{":protocol", "websocket"}}, false);
  EXPECT_EQ(read.head.method, "GET");
  EXPECT_EQ(read.head.upgrade, Upgrade::kWebSocket);
  EXPECT_EQ(read.head.body, BodyKind::kNone);
}

TEST(H2Request, HoldsContentAgainstItsLength) {
  Read read(kGet + Pairs{{"content-length", "3"}}, false);
  EXPECT_TRUE(read.reader.content(2, read.head));
  EXPECT_FALSE(read.reader.complete(read.head));
  EXPECT_EQ(read.outcome(), "400 http.content_length_mismatch malformed");
  Read more(kGet + Pairs{{"content-length", "3"}}, false);
  EXPECT_FALSE(more.reader.content(4, more.head));
  Read exact(kGet + Pairs{{"content-length", "3"}}, false);
  EXPECT_TRUE(exact.reader.content(3, exact.head) && exact.reader.complete(exact.head));
}

TEST(H2Trailers, DropWhatMustNotStandThere) {
  Read read(kGet, false);
  Fields trailers;
  read.reader.begin_trailers();
  read.reader.trailer("x-sum", "1", trailers);
  read.reader.trailer("host", "evil", trailers);
  read.reader.trailer("content-length", "5", trailers);
  EXPECT_EQ(read.outcome(), "ok");
  EXPECT_EQ(testing::describe(trailers), "x-sum=1\n");
  read.reader.trailer(":path", "/", trailers);
  EXPECT_EQ(read.outcome(), kLate);
}

std::string described(H2Section& section) {
  std::string out;
  for (const H2Field& field : section.fields()) out.append(field.name).append("=").append(field.value).append("\n");
  return out;
}

TEST(H2Section, SaysAResponseWithoutItsConnection) {
  ResponseHead head;
  head.status = 201;
  head.body = BodyKind::kLength;
  head.content_length = 7;
  head.fields.add("Content-Type", "text/plain");
  head.fields.add("Content-Length", "9");
  head.fields.add("Connection", "close");
  head.fields.add("Transfer-Encoding", "chunked");
  head.fields.add("X-Split", "a\r\nb: c");
  head.fields.add("Set-Cookie", " a ");
  H2Section section;
  section.response(head);
  EXPECT_EQ(described(section), ":status=201\nContent-Type=text/plain\nSet-Cookie=a\ncontent-length=7\n");
}

TEST(H2Section, TellsNoLengthWhereThereIsNone) {
  ResponseHead head;
  head.body = BodyKind::kChunked;
  H2Section section;
  section.response(head);
  EXPECT_EQ(described(section), ":status=200\n");
  section.clear();
  head.status = 204;
  head.body = BodyKind::kLength;
  section.response(head);
  EXPECT_EQ(described(section), ":status=204\n");
}

}  // namespace
}  // namespace portcullis::http
