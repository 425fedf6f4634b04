// H2Session: the server's side of one HTTP/2 connection (RFC 9113) without I/O: bytes in → events, answers → bytes out.
// Framing, HPACK, flow control and the state machine are nghttp2's; what a request means, and every limit and guard
// against abuse, is ours. Owned by the connection's driver, one thread. Failure: faulted() says that the connection has
// to end; what produce() still gives (GOAWAY) is to be sent first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/h2_fields.h"
#include "http/h2_guard.h"

struct nghttp2_session;

namespace portcullis::http {

// RFC 9113 §7.
enum class H2Error : std::uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kStreamClosed = 5,
  kFrameSizeError = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

// The session's knowledge of one stream. Whoever receives the events owns it, puts it at the session's disposal in
// stream_opened(), and keeps it until stream_closed() or release().
class H2Stream {
 public:
  explicit H2Stream(RequestHead& head) : head_(head) {}
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  // Whatever its owner wants to find again.
  void set_owner(void* owner) { owner_ = owner; }
  void* owner() const { return owner_; }
  std::int32_t id() const { return id_; }
  bool open() const { return open_; }  // between stream_opened() and stream_closed()
  H2RequestReader& reader() { return reader_; }
  Fields& trailers() { return trailers_; }
  std::uint64_t frame_bytes_in() const { return bytes_in_; }       // of its HEADERS and DATA frames, heads included
  std::uint64_t frame_bytes_out() const { return bytes_out_; }     // as far as produced
  bool all_produced() const { return out_.empty() && !end_due_; }  // nothing of what was to be sent waits any more
  std::size_t left_to_produce() const { return out_.size(); }
  bool end_produced() const { return end_produced_; }  // our side has ended (END_STREAM)

 private:
  friend class H2Session;
  friend struct H2Callbacks;
  RequestHead& head_;
  void* owner_ = nullptr;
  H2RequestReader reader_;
  Fields trailers_;
  std::int32_t id_ = 0;
  bool open_ = false;
  bool in_trailers_ = false;
  bool discarding_ = false;  // content that comes is of no interest
  bool deferred_ = false;    // nghttp2 waits for resume
  bool end_due_ = false;
  bool end_produced_ = false;
  std::string_view out_;
  const Fields* out_trailers_ = nullptr;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

// What happens on the connection. Called from within receive() and produce(): the session's sending functions may be
// called, receive() and produce() may not.
class H2Events {
 public:
  virtual ~H2Events() = default;
  // A request begins. Null: no more can be borne now; it is refused unseen (REFUSED_STREAM).
  virtual H2Stream* stream_opened() = 0;
  // The head is complete, or refused (reader().refused()); `ended`: no content follows.
  virtual void request_ready(H2Stream& stream, bool ended) = 0;
  // Content, valid during the call. Its window opens again only by consumed().
  virtual void content(H2Stream& stream, std::string_view bytes) = 0;
  // The client has ended its side; trailers() are complete. Or it has broken its own rules (reader().refused()).
  virtual void content_ended(H2Stream& stream) = 0;
  // What was to be sent has all been produced.
  virtual void produced(H2Stream& stream) = 0;
  // The stream is no longer known to the session.
  virtual void stream_closed(H2Stream& stream, H2Error error) = 0;
};

struct H2Limits {
  std::uint32_t streams = 100;  // at once; SETTINGS_MAX_CONCURRENT_STREAMS
  std::uint32_t connection_window = 256 * 1024;
  std::uint32_t requests = 1000;  // of one connection; azure-semantics §9.4
  bool extended_connect = true;   // RFC 8441
};

class H2Session {
 public:
  H2Session(H2Events& events, H2Limits limits, MonoTime now);
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  // Takes all of `bytes`. Nothing is looked at any more once faulted().
  void receive(std::string_view bytes, MonoTime now);
  // Writes frames to `into`; returns how many bytes. 0 with room for a frame (kFrameRoom): there is nothing to send.
  std::size_t produce(char* into, std::size_t room);
  static constexpr std::size_t kFrameRoom = 17 * 1024;

  // Content that was handed over has been used up: its window opens again.
  void consumed(H2Stream& stream, std::size_t bytes);
  // As above for a stream that is closed.
  void consumed(std::size_t bytes);
  // No content of this stream is wanted any more; what comes is counted as used.
  void discard(H2Stream& stream);

  // Queues an interim answer (1xx).
  void interim(H2Stream& stream, int status);
  // Queues the answer's head, once, and its first content. `content`, and `trailers` where not null, must stay where
  // they are until all_produced() or stream_closed(). `trailers` only with `end`.
  void respond(H2Stream& stream, const ResponseHead& head, std::string_view content, bool end);
  // Queues more content; the former must be all_produced().
  void send(H2Stream& stream, std::string_view content, bool end, const Fields* trailers);
  void reset(H2Stream& stream, H2Error error);
  // The owner takes `stream` back, open or not: no event will name it again, what it had queued is dropped.
  void release(H2Stream& stream);

  // No streams but those that have come: GOAWAY with the last of them.
  void refuse_new();
  // Before refuse_new(): tells the client to go elsewhere without losing what is on its way (GOAWAY with 2^31-1, and a
  // PING whose answer makes refuse_new() follow by itself).
  void announce_shutdown();
  bool refuses_new() const { return refuses_new_; }
  // Ends the connection with GOAWAY; faulted() from now on.
  void terminate(H2Error error, std::string_view code);

  // Nothing more will come of this connection and nothing is left to send: either side said GOAWAY, and no stream is
  // open.
  bool over() const;
  bool faulted() const { return !fault_.empty(); }
  std::string_view fault() const { return fault_; }  // stable dotted code: "http2.reset_flood", "http2.protocol_error"
  // A header block has begun and not ended.
  bool within_header_block() const { return header_block_; }
  bool preface_done() const { return preface_left_ == 0; }
  std::uint32_t requests() const { return requests_; }
  // As many requests have come as one connection may make; more are refused (REFUSED_STREAM), and refuse_new() is due
  // when an answer has gone: some clients take nothing behind a GOAWAY.
  bool exhausted() const { return requests_ >= limits_.requests; }
  // Frames of ours that wait to be produced, content apart.
  std::size_t backlog() const;

 private:
  friend struct H2Callbacks;
  struct FrameHead {
    std::uint32_t length;
    std::uint8_t type, flags;
    std::int32_t stream;
  };
  void begin_frame(const FrameHead& head);
  bool well_placed(const FrameHead& head);
  void header_frame(const FrameHead& head);
  void feed(std::string_view bytes);
  void end_frame();
  bool pay(H2Cost cost);
  bool was_reset(std::int32_t id) const;

  H2Events& events_;
  const H2Limits limits_;
  MonoTime now_;
  H2Guard guard_;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };
  std::unique_ptr<nghttp2_session, Free> native_;
  std::string_view fault_;
  bool broken_ = false;  // nghttp2 must not be asked any more
  bool header_block_ = false, block_ends_ = false;
  // Frames are told apart here too: nghttp2 hides those that it ignores, and they cost all the same.
  std::size_t preface_left_ = 24, payload_left_ = 0;
  std::array<char, 9> head_{};
  std::size_t head_size_ = 0;
  bool refuses_new_ = false;
  bool shutdown_announced_ = false;
  std::uint32_t requests_ = 0;
  std::int32_t last_opened_ = 0, last_accepted_ = 0;
  std::deque<std::int32_t> resets_;  // the last streams that we reset, a bounded number of them
  std::size_t queued_before_ = 0;    // the backlog when a SETTINGS frame came
  std::uint32_t continuations_ = 0;
  std::size_t block_bytes_ = 0;
  std::size_t inflated_ = 0;  // of the header block that is being read
  H2Section section_;
  H2Stream* in_head_ = nullptr;  // whose header block is being read
  // Where produce() writes.
  char* into_ = nullptr;
  std::size_t room_ = 0, written_ = 0;
  std::string spill_;  // a frame for which there was no room any more
};

}  // namespace portcullis::http
