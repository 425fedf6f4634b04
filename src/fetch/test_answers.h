// For the tests and the fuzz target of this room: everything that AnswerReader decides about some bytes, as text.
#pragma once

#include <string>
#include <string_view>

#include "fetch/internal/answer_reader.h"

namespace portcullis::fetch::testing {

// Feeds `bytes` in pieces of `step`, then the end of the stream: "200 body keep", "200 body close" or the error's code.
inline std::string answer_outcome(std::string_view bytes, std::size_t step, internal::AnswerLimits limits) {
  using State = internal::AnswerReader::State;
  internal::AnswerReader reader(limits);
  State state = State::kNeedMore;
  for (std::size_t at = 0; at < bytes.size() && state != State::kFailed; at += step) {
    state = reader.take(bytes.substr(at, step));
  }
  if (state == State::kNeedMore) state = reader.on_eof();
  if (state == State::kFailed) return std::string(reader.code());
  return std::to_string(reader.head().status) + " " + reader.body() + (reader.reusable() ? " keep" : " close");
}

}  // namespace portcullis::fetch::testing
