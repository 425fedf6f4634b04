#include "http/body.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/test_messages.h"

namespace portcullis::http {
namespace {

using namespace std::string_view_literals;
using State = BodyStep::State;

struct Read {
  std::string data;
  std::string rest;  // what was not consumed
  std::string end;   // "done", "need more" or the code of the refusal
  std::string trailers;

  bool operator==(const Read&) const = default;
};

void PrintTo(const Read& read, std::ostream* out) {
  *out << read.end << " data '" << read.data << "' rest '" << read.rest << "' trailers " << read.trailers;
}

// Feeds `text` in pieces of `step` bytes, as a driver does: what is left of a piece comes again before the next.
Read read_body(BodyKind kind, std::uint64_t length, std::string_view text, std::size_t step,
               Origin peer = Origin::kClient) {
  BodyReader reader;
  reader.start(kind, length, peer);
  Read out;
  std::size_t at = 0;
  while (at < text.size() || reader.done()) {
    std::string piece(text.substr(at, step));
    std::string_view in = piece;
    bool hungry = false;
    while (!hungry) {
      const BodyStep result = reader.next(in);
      EXPECT_LE(result.consumed, in.size());
      if (result.state == State::kData) {
        EXPECT_FALSE(result.data.empty());
      } else {
        EXPECT_TRUE(result.data.empty());
      }
      out.data += result.data;
      at += result.consumed;
      in.remove_prefix(result.consumed);
      if (result.state == State::kRefused) {
        out.end = reader.refusal().code;
        EXPECT_EQ(reader.refusal().status, peer == Origin::kClient ? 400 : 502);
        EXPECT_EQ(reader.next("0\r\n\r\n").state, State::kRefused) << "a refusal stays";
        return out;
      }
      if (result.state == State::kDone) {
        out.end = "done";
        out.rest = text.substr(at);
        out.trailers = testing::describe(reader.trailers());
        EXPECT_TRUE(reader.done());
        EXPECT_EQ(reader.received(), out.data.size());
        EXPECT_TRUE(reader.on_eof());
        return out;
      }
      hungry = in.empty() && !reader.done();
      if (result.state == State::kNeedMore) {
        EXPECT_TRUE(in.empty()) << "kNeedMore leaves nothing";
      }
    }
  }
  out.end = "need more";
  EXPECT_EQ(reader.on_eof(), kind == BodyKind::kUntilClose);
  return out;
}

Read chunked(std::string_view text) {
  const Read whole = read_body(BodyKind::kChunked, 0, text, text.size());
  for (const std::size_t step : {1u, 2u, 3u, 7u})
    EXPECT_EQ(read_body(BodyKind::kChunked, 0, text, step), whole) << step;
  return whole;
}

TEST(ChunkedDecoder, JoinsChunksAndStopsAtTheNextMessage) {
  EXPECT_EQ(chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /"), (Read{"hello world", "GET /", "done", ""}));
  EXPECT_EQ(chunked("0\r\n\r\n"), (Read{"", "", "done", ""}));
  EXPECT_EQ(chunked("000000000000000A\r\n0123456789\r\n00\r\n\r\nx"), (Read{"0123456789", "x", "done", ""}));
  EXPECT_EQ(chunked("a\r\n\r\n0\r\n\r\nxyz\r\n0\r\n\r\n").data, "\r\n0\r\n\r\nxyz") << "data that looks like framing";
}

TEST(ChunkedDecoder, DropsExtensions) {
  EXPECT_EQ(chunked("3;a=b;c=\"d e\" ; f\r\nabc\r\n0;last\r\n\r\n"), (Read{"abc", "", "done", ""}));
}

TEST(ChunkedDecoder, KeepsTrailersButNoneThatDecides) {
  EXPECT_EQ(chunked("1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n"
                    "Authorization: x\r\ncOOKIE: x\r\nContent-Type: x\r\nX-Forwarded-For: 1\r\nClient-Cert: :x:\r\n"
                    "Connection: close\r\nGrpc-Status: 0\r\n\r\nGET"),
            (Read{"a", "GET", "done", "X-Sum=1\nGrpc-Status=0\n"}));
}

struct Refused {
  std::string_view name, text, code;
};

void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

class ChunkedRefusal : public ::testing::TestWithParam<Refused> {};

TEST_P(ChunkedRefusal, ComesAtItsByteHoweverTheBytesArrive) {
  const Refused& row = GetParam();
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}, row.text.size()}) {
    EXPECT_EQ(read_body(BodyKind::kChunked, 0, row.text, step).end, row.code) << step;
    EXPECT_EQ(read_body(BodyKind::kChunked, 0, row.text, step, Origin::kUpstream).end, row.code) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, ChunkedRefusal,
                         ::testing::ValuesIn(std::vector<Refused>{
                             {"NoSize", "\r\n", "http.bad_chunk_size"},
                             {"NoSizeExtension", ";a\r\n", "http.bad_chunk_size"},
                             {"Prefix", "0x5\r\n", "http.bad_chunk_size"},
                             {"Plus", "+5\r\n", "http.bad_chunk_size"},
                             {"Minus", "-5\r\n", "http.bad_chunk_size"},
                             {"SpaceBefore", " 5\r\n", "http.bad_chunk_size"},
                             {"SpaceAfter", "5 \r\n", "http.bad_chunk_size"},
                             {"TabAfter", "5\t\r\n", "http.bad_chunk_size"},
                             {"Underscore", "1_0\r\n", "http.bad_chunk_size"},
                             {"NotHex", "g\r\n", "http.bad_chunk_size"},
                             {"Nul", "5\0\r\n"sv, "http.bad_chunk_size"},
                             {"Overflow", "8000000000000000\r\n", "http.chunk_too_large"},
                             {"Wraps", "10000000000000005\r\n", "http.chunk_too_large"},
                             {"SeventeenDigits", "00000000000000005\r\n", "http.chunk_too_large"},
                             {"BareLf", "5\nhello", "http.bare_lf"},
                             {"BareLfInExtension", "5;a\nhello", "http.bare_lf"},
                             {"BareCr", "5\rX", "http.bare_cr"},
                             {"BareCrInExtension", "5;a\rX", "http.bare_cr"},
                             {"ControlInExtension", "5;a\0"sv, "http.control_byte"},
                             {"DataTooLong", "5\r\nhelloX", "http.bad_chunk_end"},
                             {"DataEndsWithLf", "5\r\nhello\n", "http.bad_chunk_end"},
                             {"DataEndsWithCr", "5\r\nhello\rX", "http.bad_chunk_end"},
                             {"LastBareLf", "0\n\n", "http.bare_lf"},
                             {"EndBareLf", "0\r\n\n", "http.bare_lf"},
                             {"EndBareCr", "0\r\n\rX", "http.bare_cr"},
                             {"TrailerBareLf", "0\r\nX: y\n", "http.bare_lf"},
                             {"TrailerFold", "0\r\nX: y\r\n z", "http.obs_fold"},
                             {"TrailerSpaceBeforeColon", "0\r\nX : y\r\n", "http.space_before_colon"},
                             {"TrailerNul", "0\r\nX: \0"sv, "http.control_byte"},
                         }),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ChunkedDecoder, BoundsWhatItDrops) {
  const std::string fits = "1;" + std::string(kMaxChunkExtensionBytes - 1, 'e') + "\r\na\r\n";
  EXPECT_EQ(chunked(fits + "0\r\n\r\n").end, "done");
  EXPECT_EQ(chunked("1;" + std::string(kMaxChunkExtensionBytes, 'e')).end, "http.chunk_extension_too_large");
  std::string many;
  for (std::size_t i = 0; i < kMaxChunkExtensionTotal / kMaxChunkExtensionBytes; ++i) many += fits;
  EXPECT_EQ(read_body(BodyKind::kChunked, 0, many + "0\r\n\r\n", 1000).end, "done");
  EXPECT_EQ(read_body(BodyKind::kChunked, 0, many + "1;a\r\n", 1000).end, "http.chunk_extension_too_large");
}

TEST(ChunkedDecoder, TrailerLimitsAreExact) {
  const auto section = [](std::size_t bytes) { return "0\r\nX: " + std::string(bytes - 7, 'v') + "\r\n\r\n"; };
  EXPECT_EQ(chunked(section(kMaxTrailerBytes) + "next").rest, "next");
  EXPECT_EQ(chunked(section(kMaxTrailerBytes + 1)).end, "http.trailers_too_large");
  std::string many = "0\r\n";
  for (std::size_t i = 0; i < kMaxTrailerFields; ++i) many += "X: y\r\n";
  EXPECT_EQ(chunked(many + "\r\n").end, "done");
  EXPECT_EQ(chunked(many + "X: y\r\n\r\n").end, "http.too_many_fields");
}

TEST(ChunkedDecoder, CutShortIsNotComplete) {
  const std::string text = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(read_body(BodyKind::kChunked, 0, text.substr(0, size), 4).end, "need more") << size;
  }
}

TEST(BodyReader, CountsALength) {
  EXPECT_EQ(read_body(BodyKind::kLength, 5, "helloGET /", 100), (Read{"hello", "GET /", "done", ""}));
  EXPECT_EQ(read_body(BodyKind::kLength, 5, "helloGET /", 2), (Read{"hello", "GET /", "done", ""}));
  EXPECT_EQ(read_body(BodyKind::kLength, 5, "hell", 3).end, "need more");
  EXPECT_EQ(read_body(BodyKind::kLength, 0, "GET /", 3), (Read{"", "GET /", "done", ""}));
  EXPECT_EQ(read_body(BodyKind::kNone, 0, "GET /", 3), (Read{"", "GET /", "done", ""}));
}

TEST(BodyReader, DoneRightAfterTheLastByte) {
  BodyReader reader;
  reader.start(BodyKind::kLength, 2);
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.next("abc").data, "ab");
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.next("c").consumed, 0u);
  reader.start(BodyKind::kNone, 0);
  EXPECT_TRUE(reader.done());
}

TEST(BodyReader, UntilCloseEndsWithTheConnectionOnly) {
  BodyReader reader;
  reader.start(BodyKind::kUntilClose, 0, Origin::kUpstream);
  EXPECT_EQ(reader.next("0\r\n\r\n").data, "0\r\n\r\n");
  EXPECT_EQ(reader.next("").state, State::kNeedMore);
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.on_eof());
  EXPECT_TRUE(reader.done());
}

TEST(BodyReader, StartsAfreshAfterARefusal) {
  BodyReader reader;
  reader.start(BodyKind::kChunked, 0);
  EXPECT_EQ(reader.next("zz").state, State::kRefused);
  reader.start(BodyKind::kChunked, 0);
  EXPECT_EQ(reader.next("0\r\nA: b\r\n\r\n").state, State::kDone);
  EXPECT_EQ(reader.trailers().size(), 1u);
  reader.start(BodyKind::kChunked, 0);
  EXPECT_EQ(reader.trailers().size(), 0u);
}

}  // namespace
}  // namespace portcullis::http
