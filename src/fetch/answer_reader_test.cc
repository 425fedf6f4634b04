#include "fetch/internal/answer_reader.h"

#include <vector>

#include <gtest/gtest.h>

#include "fetch/test_answers.h"

namespace portcullis::fetch {
namespace {

using internal::AnswerLimits;
using testing::answer_outcome;

constexpr AnswerLimits kSmall{64, 8};

struct Case {
  const char* claim;
  std::string bytes;
  const char* outcome;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"nothing", "", "fetch.closed"},
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok keep"},
      {"no body", "HTTP/1.1 204 No Content\r\n\r\n", "204  keep"},
      {"empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200  keep"},
      {"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "200 ok close"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nok", "200 ok close"},
      {"1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok close"},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\nA: b\r\n\r\n",
       "200 ok keep"},
      {"redirect", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "302  keep"},
      {"interim", "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200  keep"},
      {"body at the limit", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678", "200 12345678 keep"},
      {"surplus", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", "200 ok close"},
      {"surplus without a body", "HTTP/1.1 204 No\r\n\r\nx", "204  close"},
      {"identity", "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\n", "200  close"},
      {"gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "fetch.content_coding"},
      {"upgrade", "HTTP/1.1 101 Switching\r\n\r\n", "fetch.malformed"},
      {"garbage", "SSH-2.0-OpenSSH_9.2\r\n", "fetch.malformed"},
      {"TLS", std::string("\x15\x03\x03\x00\x02\x02\x28", 7), "fetch.malformed"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", "fetch.malformed"},
      {"length and coding", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
       "fetch.malformed"},
      {"smuggled coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", "fetch.malformed"},
      {"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "fetch.malformed"},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "fetch.malformed"},
      {"chunk without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nokX\r\n", "fetch.malformed"},
      {"long head", "HTTP/1.1 200 OK\r\nX: " + std::string(64, 'x'), "fetch.too_large"},
      {"many interims", "HTTP/1.1 103 A\r\n\r\nHTTP/1.1 103 A\r\n\r\nHTTP/1.1 103 A\r\n\r\nHTTP/1.1 103 A\r\n\r\n",
       "fetch.too_large"},
      {"announced too long", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "fetch.too_large"},
      {"body too long", "HTTP/1.1 200 OK\r\n\r\n123456789", "fetch.too_large"},
      {"chunks too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
       "fetch.too_large"},
      {"cut status line", "HTTP/1.1 20", "fetch.closed"},
      {"cut head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "fetch.closed"},
      {"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "fetch.closed"},
      {"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\no", "fetch.closed"},
      {"cut last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "fetch.closed"},
      {"cut after interim", "HTTP/1.1 103 A\r\n\r\n", "fetch.closed"},
  };
  return all;
}

TEST(AnswerReader, DecidesTheSameHoweverTheBytesAreCut) {
  for (const Case& one : cases()) {
    // The redirect, the coding and two more need a longer head than the rest are tested with.
    const AnswerLimits limits = std::string_view(one.outcome) == "fetch.too_large" ? kSmall : AnswerLimits{128, 8};
    for (std::size_t step = 1; step <= one.bytes.size() + 1; ++step) {
      ASSERT_EQ(answer_outcome(one.bytes, step, limits), one.outcome) << one.claim << " in pieces of " << step;
    }
  }
}

TEST(AnswerReader, TheHeadLimitIsExact) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(answer_outcome(head + "ok", 1, {head.size(), 8}), "200 ok keep");
  EXPECT_EQ(answer_outcome(head + "ok", 1000, {head.size(), 8}), "200 ok keep");
  EXPECT_EQ(answer_outcome(head + "ok", 1, {head.size() - 1, 8}), "fetch.too_large");
  EXPECT_EQ(answer_outcome(head + "ok", 1000, {head.size() - 1, 8}), "fetch.too_large");
}

TEST(AnswerReader, KnowsWhetherAnythingCame) {
  internal::AnswerReader reader(kSmall);
  EXPECT_TRUE(reader.untouched());
  reader.take("");
  EXPECT_TRUE(reader.untouched());
  reader.take("H");
  EXPECT_FALSE(reader.untouched());
}

}  // namespace
}  // namespace portcullis::fetch
