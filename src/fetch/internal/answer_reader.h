// AnswerReader: the bytes of a server's answer to one GET or POST, however they are cut, to a whole response within
// limits. No I/O. Owned by the fetch that asked; one answer each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/body.h"
#include "http/message.h"
#include "http/response_parser.h"

namespace portcullis::fetch::internal {

struct AnswerLimits {
  std::size_t head = 16 * 1024;  // bytes of status line and fields, interim answers included; ≤ kMaxResponseHeadBytes
  std::size_t body = 0;          // bytes of content
};

class AnswerReader {
 public:
  enum class State : std::uint8_t { kNeedMore, kDone, kFailed };

  explicit AnswerReader(AnswerLimits limits) : limits_(limits) {}

  // What was received. After kDone any byte is surplus: the answer stands, the connection is not to be used again.
  State take(std::string_view bytes);
  // The server ended its stream.
  State on_eof();
  // Nothing was received at all.
  bool untouched() const { return untouched_; }
  // kDone, and the next answer on this connection can be told from this one.
  bool reusable() const { return state_ == State::kDone && head_.keep_alive && !surplus_; }

  http::ResponseHead& head() { return head_; }
  std::string& body() { return body_; }

  // After kFailed: fetch.malformed, fetch.too_large, fetch.closed or fetch.content_coding; and what was wrong.
  std::string_view code() const { return code_; }
  const std::string& problem() const { return problem_; }

 private:
  State failed(std::string_view code, std::string problem);
  State take_head(std::string_view bytes);
  State begin_body();
  State take_body(std::string_view bytes);
  State done();

  const AnswerLimits limits_;
  State state_ = State::kNeedMore;
  bool untouched_ = true;
  bool in_body_ = false;
  bool surplus_ = false;
  int interim_ = 0;
  std::size_t interim_bytes_ = 0;
  std::string text_;  // the head as far as it came
  http::ResponseParser parser_;
  http::ResponseHead head_;
  http::BodyReader reader_;
  std::string body_;
  std::string_view code_;
  std::string problem_;
};

}  // namespace portcullis::fetch::internal
