// Ways to feed a parser that the tests of this room share: whole, byte by byte, and cut in two at every place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/request_parser.h"
#include "http/response_parser.h"

namespace portcullis::http::testing {

// Feeds `parser` prefixes of `text` that grow by `step` bytes, each at another address; stops at its first answer.
template <class Parser, class Head>
Parse feed(Parser& parser, std::string_view text, std::size_t step, Head& head) {
  for (std::size_t size = 0;; size += step) {
    const std::string buffer(text.substr(0, size));
    const Parse answer = parser.parse(buffer, head);
    if (answer != Parse::kNeedMore || size >= text.size()) return answer;
  }
}

inline std::string describe(const Fields& fields) {
  std::string out;
  fields.for_each([&out](const Field& field) { out.append(field.name).append("=").append(field.value).append("\n"); });
  return out;
}

// Everything a request parse decides, as text to compare.
inline std::string outcome(std::string_view text, std::size_t step) {
  RequestParser parser;
  RequestHead head;
  switch (feed(parser, text, step, head)) {
    case Parse::kNeedMore:
      return "need more";
    case Parse::kRefused:
      return std::to_string(parser.refusal().status) + " " + std::string(parser.refusal().code) + " " +
             std::string(parser.refusal().error_info);
    case Parse::kDone:
      break;
  }
  return "done " + std::to_string(parser.consumed()) + " " + head.method + " " + head.target + " " +
         std::string(to_string(head.version)) + " body " + std::to_string(static_cast<int>(head.body)) + ":" +
         std::to_string(head.content_length) + (head.keep_alive ? " keep" : " close") +
         (head.expect_continue ? " expect\n" : "\n") + describe(head.fields);
}

inline std::string response_outcome(std::string_view method, std::string_view text, std::size_t step) {
  ResponseParser parser(method);
  ResponseHead head;
  switch (feed(parser, text, step, head)) {
    case Parse::kNeedMore:
      return "need more";
    case Parse::kRefused:
      return std::to_string(parser.refusal().status) + " " + std::string(parser.refusal().code);
    case Parse::kDone:
      break;
  }
  return "done " + std::to_string(parser.consumed()) + " " + std::to_string(head.status) + " " + head.reason + " " +
         std::string(to_string(head.version)) + " body " + std::to_string(static_cast<int>(head.body)) + ":" +
         std::to_string(head.content_length) + (head.announces_length ? " announced" : "") +
         (head.keep_alive ? " keep\n" : " close\n") + describe(head.fields);
}

}  // namespace portcullis::http::testing
