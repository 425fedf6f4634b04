// Properties of chunked bodies: how the bytes are cut into reads never matters; data are views into the input; what was
// decoded, written as one chunk with its trailers, is decoded to the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/body.h"
#include "http/test_messages.h"
#include "http/writer.h"

namespace {

using namespace portcullis;
using namespace portcullis::http;

struct Decoded {
  std::string data, trailers;
  std::string_view code;
  std::size_t consumed = 0;
  bool done = false;

  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, std::size_t step, ChunkedDecoder& decoder) {
  decoder.reset(Origin::kClient);
  Decoded out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string piece(text.substr(at, step));  // its own memory: a read past it is seen
    std::string_view in = piece;
    while (!in.empty()) {
      const BodyStep result = decoder.decode(in);
      if (result.state == BodyStep::State::kRefused) {
        out.code = decoder.refusal().code;
        return out;
      }
      CHECK(result.consumed <= in.size() && (result.consumed > 0 || decoder.done()));
      if (!result.data.empty()) {
        CHECK(result.data.data() >= in.data() &&
              result.data.data() + result.data.size() == in.data() + result.consumed);
      }
      out.data += result.data;
      at += result.consumed;
      in.remove_prefix(result.consumed);
      if (result.state == BodyStep::State::kDone) {
        out.done = true;
        out.consumed = at;
        out.trailers = testing::describe(decoder.trailers());
        return out;
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ChunkedDecoder decoder;
  const Decoded whole = decode(text, size + 1, decoder);
  CHECK(decode(text, 1, decoder) == whole);
  CHECK(decode(text, 2 + size % 5, decoder) == whole);
  if (!whole.done) return 0;

  std::string written;
  if (!whole.data.empty()) {
    append_chunk_head(written, whole.data.size());
    written.append(whole.data).append(kChunkEnd);
  }
  append_last_chunk(written, &decoder.trailers());
  const std::size_t length = written.size();
  written += "next";
  ChunkedDecoder second;
  const Decoded again = decode(written, written.size(), second);
  if (again.code == "http.trailers_too_large") return 0;  // "a:b" is written "a: b"
  CHECK(again.done && again.consumed == length && again.data == whole.data && again.trailers == whole.trailers);
  return 0;
}
