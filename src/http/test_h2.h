// For the tests of this room only: an H2Session whose owner answers every request when it has ended. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2_session.h"
#include "http/test_frames.h"

namespace portcullis::http::testing {

class H2Peer final : public H2Events {
 public:
  explicit H2Peer(H2Limits limits = {}) : session(*this, limits, now) {}

  struct Stream {
    RequestHead head;
    H2Stream stream{head};
    std::string content;
  };

  H2Stream* stream_opened() override {
    if (streams.size() >= most_streams) return nullptr;
    streams.push_back(std::make_unique<Stream>());
    streams.back()->stream.set_owner(streams.back().get());
    return &streams.back()->stream;
  }
  void request_ready(H2Stream& stream, bool ended) override {
    seen += std::to_string(stream.id()) + ":" +
            (stream.reader().refused() ? std::string(stream.reader().refusal().code) : of(stream).head.method) + " ";
    if (ended || stream.reader().refused()) answer(stream);
  }
  void content(H2Stream& stream, std::string_view bytes) override {
    of(stream).content += bytes;
    held += bytes.size();
    if (consumes) session.consumed(stream, bytes.size());
  }
  void content_ended(H2Stream& stream) override {
    if (stream.reader().refused())
      seen += std::to_string(stream.id()) + ":" + std::string(stream.reader().refusal().code) + " ";
    answer(stream);
  }
  void produced(H2Stream&) override {}
  void stream_closed(H2Stream& stream, H2Error error) override {
    closed += std::to_string(stream.id()) + ":" + std::to_string(static_cast<int>(error)) + " ";
  }
  static Stream& of(H2Stream& stream) { return *static_cast<Stream*>(stream.owner()); }

  void answer(H2Stream& stream) {
    if (!answers) return;
    ResponseHead head;
    head.status = stream.reader().refused() ? stream.reader().refusal().status : 200;
    head.body = BodyKind::kLength;
    head.content_length = text.size();
    session.respond(stream, head, text, true);
  }

  // Everything that comes back for `bytes`, the opening's SETTINGS and connection window left out, as text.
  std::string ask(std::string_view bytes, std::size_t step = SIZE_MAX) {
    while (!bytes.empty()) {
      session.receive(bytes.substr(0, step), now);
      bytes.remove_prefix(std::min(step, bytes.size()));
      collect();
    }
    return heard();
  }
  void collect() {
    std::string buffer(64 * 1024, '\0');
    for (std::size_t got = 0; (got = session.produce(buffer.data(), buffer.size())) > 0;) output.append(buffer, 0, got);
    for (Frame& one : split_frames(output)) frames.push_back(std::move(one));
  }
  std::string heard() {
    std::string out;
    for (const Frame& one : frames) {
      if (one.type == kSettings || (one.type == kWindowUpdate && one.stream == 0)) continue;
      if (!out.empty()) out += ' ';
      if (one.stream != 0) out += std::to_string(one.stream) + ":";
      out += told(one);
    }
    frames.clear();
    return out;
  }

  MonoTime now{std::chrono::hours(1)};
  bool answers = true;
  bool consumes = true;
  std::size_t most_streams = 1000;
  std::string text = "ok";
  std::string seen, closed;
  std::size_t held = 0;
  std::vector<std::unique_ptr<Stream>> streams;
  std::string output;
  std::vector<Frame> frames;
  H2Session session;
};

}  // namespace portcullis::http::testing
