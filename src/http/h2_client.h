// H2ClientSession: the client's side of one HTTP/2 connection (RFC 9113), bytes in and bytes out, no I/O. nghttp2 keeps
// the protocol's rules: a malformed answer resets its stream, a broken connection ends the session. Owned by a backend
// connection's driver; one thread. A stream's owner keeps it until it is closed or cancels it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/h2_fields.h"
#include "http/message.h"

typedef struct nghttp2_session nghttp2_session;

namespace portcullis::http {

// One request and its answer. The session fills it; `changed` runs after each change of what is public here, and must
// not call the session.
struct H2ClientStream {
  ResponseHead head;  // of the final answer, once head_done; framed as HTTP/1.1 would have to frame it
  bool head_done = false;
  std::string content;  // received and not taken yet; the window granted bounds it
  Fields trailers;      // complete once ended
  bool ended = false;   // the answer is whole
  bool closed = false;  // nothing more comes or goes
  bool refused =
      false;  // the peer says it did nothing (REFUSED_STREAM, or above GOAWAY's last stream): may be sent again
  std::size_t unsent() const { return outgoing_.size() - outgoing_at_; }  // content that flow control holds back
  std::function<void()> changed;

 private:
  friend class H2ClientSession;
  std::int32_t id_ = 0;
  bool is_head_request_ = false;
  unsigned interim_ = 0;
  std::size_t section_ = 0, fields_ = 0;
  std::string outgoing_;
  std::size_t outgoing_at_ = 0;
  bool outgoing_end_ = false;
  Fields outgoing_trailers_;
};

class H2ClientSession {
 public:
  // What a backend may send ahead on a stream. The connection's window is given back as content arrives: streams of
  // different clients share it, and one who does not read must hold back nobody else.
  static constexpr std::uint32_t kStreamWindow = 128 * 1024;
  static constexpr std::uint32_t kConnectionWindow = 1024 * 1024;
  static constexpr std::uint32_t kMostStreams = 100;  // at once, where the peer allows more
  static constexpr std::uint32_t kFirstStreams = 10;  // at once, before the peer has said how many it allows

  H2ClientSession();
  ~H2ClientSession();
  H2ClientSession(const H2ClientSession&) = delete;
  H2ClientSession& operator=(const H2ClientSession&) = delete;

  // Whether one more request may be sent now.
  bool has_room() const;
  // No further request will ever be accepted: GOAWAY, or the connection is broken.
  bool draining() const { return draining_; }
  std::size_t streams() const { return streams_; }

  // Sends the request's head; its content follows by send() unless `head.body` is kNone. False: it cannot be sent.
  bool submit(H2ClientStream& stream, const RequestHead& head);
  // More content, copied; with `end` the request is whole, `trailers` (may be null) behind it.
  void send(H2ClientStream& stream, std::string_view content, bool end, const Fields* trailers);
  // `bytes` of the stream's content have been used: the peer may send as many more.
  void consumed(const H2ClientStream& stream, std::size_t bytes);
  // The owner wants nothing more of it: resets it unless it is closed. `stream` may go afterwards.
  void cancel(H2ClientStream& stream);

  // False: the peer broke the protocol; what is left to send says so, then the connection is over.
  bool receive(std::string_view bytes);
  // Appends what is to be sent, about `most` bytes of it.
  void drain(std::string& out, std::size_t most);
  // Nothing is to be read or sent any more.
  bool finished() const;
  // No further request; the peer is told.
  void go_away();

 private:
  struct Callbacks;

  nghttp2_session* session_ = nullptr;
  std::size_t streams_ = 0;
  bool draining_ = false;
  bool settings_seen_ = false;
};

}  // namespace portcullis::http
