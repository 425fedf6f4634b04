// HTTP/2 to backends: connections that many requests share, and the Call over one stream of them. Clear text with prior
// knowledge (RFC 9113 §3.3). A connection lives as long as its reader or a call holds it; the pool lends it while it
// has room. Worker-local; before the loop ends, end the calls, then close() the pool and await its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "event/signal.h"
#include "http/h2_client.h"
#include "net/buffer_pool.h"
#include "net/tcp.h"
#include "upstream/call.h"

namespace portcullis::upstream {

// The coroutines that connections run beside those of their requests.
struct H2Tasks {
  std::size_t running = 0;
  std::function<void()> on_none;  // runs when the last one has ended
};

class H2Connection : public std::enable_shared_from_this<H2Connection> {
 public:
  H2Connection(std::unique_ptr<net::TcpStream> stream, Endpoint endpoint, net::BufferPool& buffers,
               std::shared_ptr<H2Tasks> tasks);

  // Begins to read: the connection keeps itself from now on until it ends; `ended` runs then.
  void start(std::function<void()> ended);
  // Whether another request may go over it.
  bool has_room() const { return !over_ && session_.has_room(); }
  bool over() const { return over_; }
  std::size_t streams() const { return session_.streams(); }
  MonoTime last_received() const { return last_received_; }

  http::H2ClientSession& session() { return session_; }
  const Endpoint& endpoint() const { return endpoint_; }
  std::uint16_t local_port() const { return local_port_; }
  event::Loop& loop() { return stream_->loop(); }

  // What was queued leaves in the next turn of the loop, together with what others queue until then.
  void send_soon();
  // No further request goes over it: it ends with its last stream.
  void retire();
  // Ends it now: every stream closes.
  void close();

 private:
  friend class H2Call;
  static event::Task<void> read(std::shared_ptr<H2Connection> self);
  static event::Task<void> send_later(std::shared_ptr<H2Connection> self);
  static event::Task<void> send_rest(std::shared_ptr<H2Connection> self);
  bool read_what_is_there();
  void send();
  void end();

  std::unique_ptr<net::TcpStream> stream_;
  const Endpoint endpoint_;
  net::BufferPool& buffers_;
  const std::shared_ptr<H2Tasks> tasks_;
  const std::uint16_t local_port_;
  http::H2ClientSession session_;
  std::vector<http::H2ClientStream*> calls_;  // those that wait for an answer
  std::string out_;                           // what the kernel has not taken
  bool sending_ = false, send_planned_ = false, over_ = false;
  MonoTime last_received_{};
  std::function<void()> ended_;
};

// One request over a connection that has room.
class H2Call final : public Call {
 public:
  explicit H2Call(std::shared_ptr<H2Connection> connection);
  ~H2Call() override;

  std::uint16_t local_port() const override { return connection_->local_port(); }
  event::Task<Result<void>> send_head(http::RequestHead& head, std::chrono::milliseconds patience) override;
  event::Task<Result<void>> send_content(std::string_view content, std::chrono::milliseconds patience) override;
  event::Task<Result<void>> end_content(const http::Fields& trailers, std::chrono::milliseconds patience) override;
  event::Task<void> await_answer() override;
  void stop_waiting() override;
  void cancel() override;
  bool cancelled() const override { return cancelled_; }
  event::Task<Result<void>> read_head(http::ResponseHead& head, bool is_head_request,
                                      event::Deadline deadline) override;
  AnswerPiece take() override;
  event::Task<void> await_more(event::Deadline deadline) override;
  http::Fields& trailers() override { return stream_.trailers; }
  void finish(bool request_done) override;

 private:
  bool over() const { return cancelled_ || stream_.closed; }
  Result<void> ended() const;
  void detach();

  std::shared_ptr<H2Connection> connection_;
  http::H2ClientStream stream_;
  event::Signal changed_;
  std::string taken_;  // content lent by take()
  bool submitted_ = false, cancelled_ = false, stop_waiting_ = false, timed_out_ = false;
};

class H2Pool {
 public:
  H2Pool(event::Loop& loop, net::BufferPool& buffers) : loop_(loop), buffers_(buffers) {}
  H2Pool(const H2Pool&) = delete;
  H2Pool& operator=(const H2Pool&) = delete;

  // A connection to `endpoint` with room for a request: one that is open, or a new one. Errors, retry safe:
  // net.connect_refused, net.connect_timeout, net.connect_failed.
  event::Task<Result<std::shared_ptr<H2Connection>>> obtain(Endpoint endpoint, event::Deadline deadline);
  // Ends all connections; `done` runs once nothing of them is left, at once where nothing is. For the end of a worker.
  void close(std::function<void()> done);
  bool closed() const { return tasks_->running == 0; }

  std::size_t connections() const;

 private:
  struct Host {
    explicit Host(event::Loop& loop) : connected(loop) {}
    std::vector<std::shared_ptr<H2Connection>> connections;
    bool connecting = false;
    event::Signal connected;
  };
  static std::shared_ptr<H2Connection> with_room(Host& host);

  event::Loop& loop_;
  net::BufferPool& buffers_;
  const std::shared_ptr<H2Tasks> tasks_ = std::make_shared<H2Tasks>();
  std::unordered_map<Endpoint, std::unique_ptr<Host>, EndpointHash> hosts_;
};

}  // namespace portcullis::upstream
