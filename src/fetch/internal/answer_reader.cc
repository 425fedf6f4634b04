#include "fetch/internal/answer_reader.h"

#include <algorithm>

#include "base/strings.h"

namespace portcullis::fetch::internal {
namespace {

// Interim answers before the final one that are put up with.
constexpr int kMaxInterim = 16;

bool is_size_refusal(std::string_view code) {
  return code == "http.fields_too_large" || code == "http.too_many_fields" || code == "http.status_line_too_long";
}

}  // namespace

AnswerReader::State AnswerReader::failed(std::string_view code, std::string problem) {
  code_ = code;
  problem_ = std::move(problem);
  return state_ = State::kFailed;
}

AnswerReader::State AnswerReader::done() {
  std::string().swap(text_);
  return state_ = State::kDone;
}

AnswerReader::State AnswerReader::take(std::string_view bytes) {
  if (bytes.empty()) return state_;
  untouched_ = false;
  if (state_ != State::kNeedMore) {
    surplus_ = true;
    return state_;
  }
  return in_body_ ? take_body(bytes) : take_head(bytes);
}

AnswerReader::State AnswerReader::take_head(std::string_view bytes) {
  for (;;) {
    const std::size_t room = limits_.head - interim_bytes_ - text_.size();
    const std::size_t taken = std::min(bytes.size(), room);
    text_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    const http::Parse parse = parser_.parse(text_, head_);
    if (parse == http::Parse::kRefused) {
      const http::Refusal& refusal = parser_.refusal();
      return failed(is_size_refusal(refusal.code) ? "fetch.too_large" : "fetch.malformed", refusal.message);
    }
    if (parse == http::Parse::kNeedMore) {
      if (taken < room) return state_;
      return failed("fetch.too_large", "the head is longer than " + std::to_string(limits_.head) + " bytes");
    }
    if (head_.status >= 200) break;
    if (head_.status == 101) return failed("fetch.malformed", "101, although no upgrade was asked for");
    if (++interim_ > kMaxInterim) return failed("fetch.malformed", "too many interim responses");
    interim_bytes_ += parser_.consumed();
    text_.erase(0, parser_.consumed());
    parser_.reset("GET");
  }
  const std::string tail = text_.substr(parser_.consumed());
  if (begin_body() != State::kNeedMore) {
    surplus_ = !tail.empty() || !bytes.empty();
    return state_;
  }
  if (!tail.empty()) take(tail);
  return take(bytes);
}

AnswerReader::State AnswerReader::begin_body() {
  in_body_ = true;
  std::string().swap(text_);
  const auto coding = head_.fields.get("Content-Encoding");
  if (coding && !coding->empty() && !equals_ignore_case(*coding, "identity")) {
    return failed("fetch.content_coding",
                  "the content is coded (" + printable(*coding, 32) + "), although identity was asked for");
  }
  if (head_.body == http::BodyKind::kLength && head_.content_length > limits_.body) {
    return failed("fetch.too_large", "a body of " + std::to_string(head_.content_length) +
                                         " bytes is announced; at most " + std::to_string(limits_.body) + " are taken");
  }
  reader_.start(head_.body, head_.content_length, Origin::kUpstream);
  return reader_.done() ? done() : state_;
}

AnswerReader::State AnswerReader::take_body(std::string_view bytes) {
  while (!bytes.empty()) {
    const http::BodyStep step = reader_.next(bytes);
    if (step.state == http::BodyStep::State::kRefused) return failed("fetch.malformed", reader_.refusal().message);
    if (step.data.size() > limits_.body - body_.size()) {
      return failed("fetch.too_large", "the body is longer than " + std::to_string(limits_.body) + " bytes");
    }
    body_.append(step.data);
    bytes.remove_prefix(step.consumed);
    if (step.state == http::BodyStep::State::kDone || reader_.done()) {
      surplus_ = !bytes.empty();
      return done();
    }
  }
  return state_;
}

AnswerReader::State AnswerReader::on_eof() {
  if (state_ != State::kNeedMore) return state_;
  if (untouched_) return failed("fetch.closed", "the connection was closed without an answer");
  if (!in_body_) return failed("fetch.closed", "the connection was closed in the middle of the head");
  if (!reader_.on_eof()) return failed("fetch.closed", "the connection was closed in the middle of the body");
  return done();
}

}  // namespace portcullis::fetch::internal
