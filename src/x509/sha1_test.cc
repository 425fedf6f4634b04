#include "x509/sha1.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace portcullis::x509 {
namespace {

// RFC 6455 §1.3.
TEST(Sha1, AnswersTheKeyOfTheSpecification) {
  const std::string_view text = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  EXPECT_EQ(base64_encode(sha1(text)), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(base64_encode(sha1("")), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
}

}  // namespace
}  // namespace portcullis::x509
