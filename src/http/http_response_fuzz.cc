// Properties of response heads: how the bytes are cut into reads never matters; what was accepted is written
// canonically and read back with the same status and the same delimitation of the body.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/response_parser.h"
#include "http/test_messages.h"
#include "http/writer.h"

namespace {

using namespace portcullis::http;

void check_accepted(const ResponseHead& head, std::string_view method) {
  CHECK(head.status >= 100 && head.status <= 599);
  CHECK(is_valid_field_value(head.reason));
  CHECK(head.body != BodyKind::kUntilClose || !head.keep_alive);
  std::string written;
  CHECK(append_response(written, head) == 0);
  ResponseParser parser(method);
  ResponseHead again;
  if (parser.parse(written, again) == Parse::kRefused) {
    CHECK(parser.refusal().code == "http.fields_too_large" || parser.refusal().code == "http.too_many_fields" ||
          parser.refusal().code == "http.status_line_too_long");
    return;
  }
  CHECK(parser.consumed() == written.size());
  CHECK(again.status == head.status && again.body == head.body && again.content_length == head.content_length);
  CHECK(again.announces_length == head.announces_length);
  CHECK(again.keep_alive == head.keep_alive || head.status < 200);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "CONNECT"};
  const std::string_view method = kMethods[data[0] % kMethods.size()];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string whole = testing::response_outcome(method, text, size + 1);
  CHECK(testing::response_outcome(method, text, 1 + size % 7) == whole);
  ResponseParser parser(method);
  ResponseHead head;
  if (parser.parse(text, head) == Parse::kDone) check_accepted(head, method);
  return 0;
}
