// Http2Load: HTTP/2 over TLS on a fixed number of connections, each with a fixed number of streams busy at all times.
// One thread, one edge-triggered epoll. A connection that the server ends in order (GOAWAY) is replaced by a new one,
// as a client would; requests that it declared unprocessed are sent again and count once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "credentials.h"
#include "load.h"
#include "options.h"

namespace portcullis::bench {

class Http2Load {
 public:
  Http2Load(const Options& options, const Credentials& credentials);
  ~Http2Load();
  Http2Load(const Http2Load&) = delete;
  Http2Load& operator=(const Http2Load&) = delete;

  // Opens all connections, one GET on each; they stay open.
  Totals open_all();
  // Runs `operations` (0: no limit) for at most `seconds` (0: no limit).
  Totals run(std::uint64_t operations, double seconds, bool warmup);
  const std::string& negotiated() const { return negotiated_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { kClosed, kConnecting, kHandshaking, kOpen };
  struct Connection;
  struct Stream {
    Connection* connection = nullptr;
    Clock::time_point begun;
    int status = 0;
    bool busy = false;
  };
  struct Connection {
    Http2Load* load = nullptr;
    State state = State::kClosed;
    int fd = -1;
    SSL* ssl = nullptr;
    nghttp2_session* session = nullptr;
    std::string unsent;
    std::vector<Stream> streams;
    unsigned busy = 0;
  };

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t flags,
                       void* user);
  static int on_data(nghttp2_session* session, std::uint8_t flags, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* user);
  static int on_stream_close(nghttp2_session* session, std::int32_t stream, std::uint32_t error, void* user);

  void make_context();
  void begin(Connection& connection);
  void start_tls(Connection& connection);
  void start_http2(Connection& connection);
  void step(Connection& connection);
  bool shake_hands(Connection& connection);
  bool exchange(Connection& connection);
  bool receive(Connection& connection);
  bool send(Connection& connection);
  void submit(Stream& stream);
  void fill(Connection& connection);
  void ended(Stream& stream, std::uint32_t error);
  void reopen(Connection& connection);
  void close(Connection& connection);
  bool may_start() const;
  void loop(Clock::time_point give_up);

  const Options options_;
  const Credentials& credentials_;
  SSL_CTX* context_ = nullptr;
  nghttp2_session_callbacks* callbacks_ = nullptr;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::string negotiated_;

  // Of the phase that runs.
  Totals totals_;
  std::uint64_t target_ = 0, started_ = 0;
  Clock::time_point deadline_;
  std::uint64_t active_ = 0;  // streams that are busy
  bool warmup_ = false;
  unsigned failures_in_a_row_ = 0;
};

}  // namespace portcullis::bench
