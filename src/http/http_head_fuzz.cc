// Properties of request heads: how the bytes are cut into reads never matters; what was accepted is written
// canonically, read back as the same message, and written again byte for byte; nothing accepted holds what could split
// a line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/hop_by_hop.h"
#include "http/request_parser.h"
#include "http/test_messages.h"
#include "http/writer.h"

namespace {

using namespace portcullis::http;

void check_accepted(const RequestHead& head, std::size_t consumed, std::string_view text) {
  CHECK(consumed <= text.size() && consumed <= kMaxRequestHeadBytes);
  CHECK(is_token(head.method));
  CHECK(head.version == Version::kHttp10 || head.fields.count("host") == 1);
  CHECK(head.fields.count("content-length") + head.fields.count("transfer-encoding") <= 1);
  head.fields.for_each([](const Field& field) { CHECK(is_token(field.name) && is_valid_field_value(field.value)); });

  std::string written;
  CHECK(append_request(written, head) == 0);
  RequestParser parser;
  RequestHead again;
  // A head near the limit may grow past it by the framing that the writer spells out.
  if (parser.parse(written, again) == Parse::kRefused) {
    CHECK(parser.refusal().code == "http.fields_too_large" || parser.refusal().code == "http.too_many_fields" ||
          (head.version == Version::kHttp10 && parser.refusal().code == "http.no_host"));
    return;
  }
  CHECK(parser.consumed() == written.size());
  CHECK(again.method == head.method && again.target == head.target);
  CHECK(again.body == head.body || (head.body == BodyKind::kNone && again.content_length == 0));
  CHECK(again.content_length == head.content_length && again.keep_alive == head.keep_alive);
  std::string twice;
  append_request(twice, again);
  CHECK(twice.size() == written.size());
}

void check_stripped(RequestHead& head) {
  strip_hop_by_hop(head.fields);
  const std::size_t left = head.fields.size();
  CHECK(!head.fields.has("connection") && !head.fields.has("transfer-encoding") && !head.fields.has("te"));
  strip_hop_by_hop(head.fields);
  CHECK(head.fields.size() == left);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string whole = testing::outcome(text, size + 1);
  CHECK(testing::outcome(text, 1 + size % 7) == whole);
  RequestParser parser;
  RequestHead head;
  if (parser.parse(text, head) != Parse::kDone) return 0;
  check_accepted(head, parser.consumed(), text);
  check_stripped(head);
  return 0;
}
