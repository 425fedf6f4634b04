// Message bodies on the wire, decoded without copying: one reader for requests and responses alike, whatever delimits
// the body (RFC 9112 §6.3). Owned by the driver that reads the connection, one thread. A refusal ends the connection:
// where the next message begins is unknown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/fields.h"
#include "http/internal/field_section.h"
#include "http/message.h"
#include "http/refusal.h"

namespace portcullis::http {

constexpr std::size_t kMaxChunkExtensionBytes = 256;    // one chunk's extensions; they are dropped (RFC 9112 §7.1.1)
constexpr std::size_t kMaxChunkExtensionTotal = 16384;  // all of one body's
constexpr std::size_t kMaxTrailerBytes = 8192;
constexpr std::size_t kMaxTrailerFields = 64;

struct BodyStep {
  enum class State : std::uint8_t {
    kNeedMore,  // all of `in` was consumed, the body goes on
    kData,      // `data`, never empty, is a view into `in`
    kDone,      // the body ended within `in`; what follows `consumed` belongs to the next message
    kRefused,   // see refusal()
  };
  State state;
  std::size_t consumed;  // bytes of `in` to drop before the next call, those of `data` included
  std::string_view data;
};

// The chunked transfer coding. Sizes are hex digits only (at most 16, below 2^63), line ends are CRLF only.
class ChunkedDecoder {
 public:
  // `peer` decides the status of a refusal: 400 for a client's body, 502 for a backend's.
  void reset(Origin peer);
  BodyStep decode(std::string_view in);
  bool done() const { return state_ == State::kDone; }
  // The bytes of the current chunk that have not been passed on yet.
  std::uint64_t chunk_left() const { return left_; }
  // Complete once done(). Fields that must not come in a trailer (RFC 9110 §6.5.1: framing, routing, authentication,
  // content description, cookies, and whatever names a connection's business) are already dropped; identity headers
  // are the proxy's to drop (I19).
  Fields& trailers() { return trailers_; }
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailers, kDone, kRefused };
  BodyStep refuse(std::string_view code, std::string message);
  BodyStep trailers(std::string_view in, std::size_t from);
  bool size_line(std::string_view in, std::size_t& at);

  State state_ = State::kSize;
  Origin peer_ = Origin::kClient;
  unsigned digits_ = 0;
  std::uint64_t left_ = 0;
  std::size_t extension_ = 0, extensions_ = 0;
  internal::FieldSection section_{{kMaxTrailerBytes, kMaxTrailerFields}};
  std::string trailer_text_;
  Fields trailers_;
  Refusal refusal_;
};

// What gather() found.
struct BodyPiece {
  std::string_view content;  // a view into the bytes given; empty when there was none
  std::size_t consumed;      // as in BodyStep
  bool refused;              // the framing broke behind `content`; see refusal()
};

// Any body: start() with what the head says, next() until kDone, on_eof() when the peer closes.
class BodyReader {
 public:
  void start(BodyKind kind, std::uint64_t length, Origin peer = Origin::kClient);
  // `in`: bytes after those already consumed; may be empty. With kDone nothing after the body is touched.
  BodyStep next(std::string_view in);
  // All content that lies in `bytes`, moved together within them, so that many small chunks are one piece.
  BodyPiece gather(char* bytes, std::size_t size);
  // Nothing is left to read: true right after start() for kNone and for a length of 0, and right after the last data
  // of a length-delimited body.
  bool done() const { return done_; }
  // The peer closed: was that the end (true), or was the body cut short?
  bool on_eof();
  BodyKind kind() const { return kind_; }
  // Bytes of content passed on so far (chunk framing does not count).
  std::uint64_t received() const { return received_; }
  // Trailers of a chunked body, complete once done(); empty for any other.
  Fields& trailers() { return chunked_.trailers(); }
  // After kRefused.
  const Refusal& refusal() const { return chunked_.refusal(); }

 private:
  BodyKind kind_ = BodyKind::kNone;
  bool done_ = true;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  ChunkedDecoder chunked_;
};

}  // namespace portcullis::http
