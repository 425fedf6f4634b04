#include "http/body.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/internal/trailer_names.h"

namespace portcullis::http {

namespace {

using State = BodyStep::State;

constexpr unsigned kMaxSizeDigits = 16;
constexpr std::uint64_t kMaxChunk = std::numeric_limits<std::int64_t>::max();

}  // namespace

void ChunkedDecoder::reset(Origin peer) {
  state_ = State::kSize;
  peer_ = peer;
  digits_ = 0;
  left_ = 0;
  extension_ = extensions_ = 0;
  trailer_text_.clear();
  trailers_.clear();
}

BodyStep ChunkedDecoder::refuse(std::string_view code, std::string message) {
  state_ = State::kRefused;
  refusal_ = peer_ == Origin::kClient
                 ? Refusal{400, code, "ERRORINFO_INVALID_REQUEST", std::move(message)}
                 : Refusal{502, code, "ERRORINFO_UPSTREAM_NO_LIVE", "backend response: " + std::move(message)};
  return {BodyStep::State::kRefused, 0, {}};
}

BodyStep ChunkedDecoder::decode(std::string_view in) {
  std::size_t at = 0;
  while (at < in.size()) {
    switch (state_) {
      case State::kSize:
      case State::kExtension:
      case State::kSizeLf:
        if (!size_line(in, at)) return {BodyStep::State::kRefused, 0, {}};
        break;
      case State::kData: {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size() - at));
        left_ -= size;
        if (left_ == 0) state_ = State::kDataCr;
        return {BodyStep::State::kData, at + size, in.substr(at, size)};
      }
      case State::kDataCr:
        if (in[at] != '\r') return refuse("http.bad_chunk_end", "a chunk's data is not followed by CRLF");
        ++at;
        state_ = State::kDataLf;
        break;
      case State::kDataLf:
        if (in[at] != '\n') return refuse("http.bad_chunk_end", "a chunk's data is not followed by CRLF");
        ++at;
        state_ = State::kSize;
        digits_ = 0;
        break;
      case State::kTrailers:
        return trailers(in, at);
      case State::kDone:
        return {BodyStep::State::kDone, at, {}};
      case State::kRefused:
        return {BodyStep::State::kRefused, 0, {}};
    }
  }
  if (state_ == State::kRefused) return {BodyStep::State::kRefused, 0, {}};
  return {done() ? BodyStep::State::kDone : BodyStep::State::kNeedMore, at, {}};
}

// One byte of a chunk's size line; the line is short and rare beside the data.
bool ChunkedDecoder::size_line(std::string_view in, std::size_t& at) {
  const char c = in[at++];
  const auto fault = [this](std::string_view code, const char* message) {
    refuse(code, message);
    return false;
  };
  if (state_ == State::kSizeLf) {
    if (c != '\n') return fault("http.bare_cr", "a chunk size line ends with CR alone");
    extension_ = 0;
    if (left_ > 0) {
      state_ = State::kData;
    } else {
      state_ = State::kTrailers;
      section_.reset(0);
    }
    return true;
  }
  if (c == '\n') return fault("http.bare_lf", "a chunk size line ends with LF alone");
  if (state_ == State::kSize) {
    const int digit = hex_value(c);
    if (digit >= 0) {
      if (++digits_ > kMaxSizeDigits || left_ > (kMaxChunk >> 4)) {
        return fault("http.chunk_too_large", "a chunk size is 2^63 or more or has over 16 digits");
      }
      left_ = (left_ << 4) | static_cast<std::uint64_t>(digit);
      return true;
    }
    if (digits_ == 0 || (c != ';' && c != '\r')) {
      return fault("http.bad_chunk_size", "a chunk size is made of other characters than hex digits");
    }
    state_ = State::kExtension;
  }
  if (c == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  if (!internal::is(c, internal::kValueChar)) {
    return fault("http.control_byte", "a chunk extension holds a control byte");
  }
  if (++extension_ > kMaxChunkExtensionBytes || ++extensions_ > kMaxChunkExtensionTotal) {
    return fault("http.chunk_extension_too_large", "chunk extensions take more bytes than are accepted");
  }
  return true;
}

BodyStep ChunkedDecoder::trailers(std::string_view in, std::size_t from) {
  using Section = internal::FieldSection;
  const std::size_t had = trailer_text_.size();
  // The section may come in pieces and the scanner wants it whole. Only what it can accept is copied.
  std::string_view text = in.substr(from);
  if (had > 0) {
    trailer_text_.append(text.substr(0, kMaxTrailerBytes - std::min(kMaxTrailerBytes, had)));
    text = trailer_text_;
  }
  for (;;) {
    switch (section_.next(text)) {
      case Section::Step::kField:
        if (!internal::is_forbidden_trailer(section_.name(text)))
          trailers_.add_checked(section_.name(text), section_.value(text));
        break;
      case Section::Step::kNeedMore:
        if (had == 0) trailer_text_.assign(text);
        return {BodyStep::State::kNeedMore, in.size(), {}};
      case Section::Step::kFault:
        return refuse(section_.fault() == internal::FieldFault::kTooLarge ? "http.trailers_too_large"
                                                                          : internal::fault_code(section_.fault()),
                      "trailer section: " + internal::fault_message(section_.fault()));
      case Section::Step::kEnd:
        state_ = State::kDone;
        return {BodyStep::State::kDone, from + section_.position() - had, {}};
    }
  }
}

void BodyReader::start(BodyKind kind, std::uint64_t length, Origin peer) {
  kind_ = kind;
  left_ = kind == BodyKind::kLength ? length : 0;
  received_ = 0;
  done_ = kind == BodyKind::kNone || (kind == BodyKind::kLength && length == 0);
  chunked_.reset(peer);
}

BodyStep BodyReader::next(std::string_view in) {
  if (done_) return {State::kDone, 0, {}};
  switch (kind_) {
    case BodyKind::kNone:
      break;
    case BodyKind::kLength: {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      if (size == 0) return {State::kNeedMore, 0, {}};
      left_ -= size;
      received_ += size;
      done_ = left_ == 0;
      return {State::kData, size, in.substr(0, size)};
    }
    case BodyKind::kChunked: {
      const BodyStep step = chunked_.decode(in);
      received_ += step.data.size();
      done_ = step.state == State::kDone;
      return step;
    }
    case BodyKind::kUntilClose:
      if (in.empty()) return {State::kNeedMore, 0, {}};
      received_ += in.size();
      return {State::kData, in.size(), in};
  }
  return {State::kDone, 0, {}};
}

BodyPiece BodyReader::gather(char* bytes, std::size_t size) {
  BodyPiece piece{{}, 0, false};
  char* content = nullptr;
  std::size_t gathered = 0;
  while (!done_) {
    const BodyStep step = next({bytes + piece.consumed, size - piece.consumed});
    piece.consumed += step.consumed;
    piece.refused = step.state == State::kRefused;
    if (step.state != State::kData) break;
    if (content == nullptr) {
      content = bytes + (step.data.data() - bytes);
    } else {
      std::memmove(content + gathered, step.data.data(), step.data.size());
    }
    gathered += step.data.size();
  }
  piece.content = {content, gathered};
  return piece;
}

bool BodyReader::on_eof() {
  if (kind_ == BodyKind::kUntilClose) done_ = true;
  return done_;
}

}  // namespace portcullis::http
