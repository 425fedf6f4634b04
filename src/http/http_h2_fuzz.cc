// Properties of a whole HTTP/2 session from bytes: nothing that a client sends, however it is cut, makes the session
// misbehave, hold more content than its windows allow, or say more than its guards let a client cause.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/test_h2.h"
#include "http/writer.h"

namespace {

using namespace portcullis::http;
using namespace portcullis::http::testing;

void check_request(const H2Peer::Stream& stream) {
  CHECK(is_token(stream.head.method));
  CHECK(!stream.head.target.empty());
  CHECK(stream.head.fields.count("host") == 1);
  CHECK(stream.head.fields.count("transfer-encoding") == 0 && stream.head.fields.count("connection") == 0);
  CHECK(stream.head.fields.count("content-length") <= 1 && stream.head.fields.count("cookie") <= 1);
  stream.head.fields.for_each(
      [](const Field& field) { CHECK(is_token(field.name) && is_valid_field_value(field.value)); });
  RequestHead head = stream.head;
  std::string written;
  CHECK(append_request(written, head) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 64U * 16U;
  H2Peer peer;
  peer.consumes = (data[1] & 1U) != 0;
  peer.text.assign((data[1] & 2U) != 0 ? 70'000 : 2, 'x');
  peer.answers = (data[1] & 4U) == 0;
  const bool opened = (data[1] & 8U) == 0;
  if (opened) peer.session.receive(opening(), peer.now);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::size_t said = 0;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    peer.session.receive(bytes.substr(at, step), peer.now);
    peer.collect();
    said += peer.frames.size();
    peer.frames.clear();
    if (peer.session.faulted()) break;
  }
  CHECK(peer.streams.size() <= 1000);
  CHECK(said <= 20'000);
  if (!peer.consumes) CHECK(peer.held <= 512 * 1024);
  for (const auto& stream : peer.streams) {
    const bool whole = stream->stream.id() != 0 && !stream->stream.reader().refused() && !stream->head.method.empty();
    if (whole && peer.seen.find(std::to_string(stream->stream.id()) + ":") != std::string::npos) check_request(*stream);
    peer.session.release(stream->stream);
  }
  return 0;
}
