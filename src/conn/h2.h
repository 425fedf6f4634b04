// The HTTP/2 driver: one connection, its streams as exchanges that run side by side (RFC 9113). One coroutine reads,
// one writes; what many streams have to say within one turn of the loop leaves in one write. Content is held back end
// to end: a stream's window opens as its handler reads, and a handler's content waits until the client's window takes
// it. Worker-local; ends when the client goes, breaks the rules, is silent for too long, or after a drain.
#pragma once

#include <memory>
#include <vector>

#include "conn/exchange.h"
#include "event/signal.h"
#include "http/h2_session.h"
#include "net/stream.h"

namespace portcullis::conn {

class H2Connection;

// One stream. Made and reused by its connection.
class H2Exchange final : public Exchange {
 public:
  explicit H2Exchange(H2Connection& connection);

  bool body_done() const override { return no_body_ || (ended_ && incoming_.empty()); }
  event::Task<Result<std::string_view>> read_body() override;
  http::Fields& request_trailers() override { return stream_.trailers(); }
  void stop_reading() override;
  event::Task<Result<void>> respond(http::ResponseHead& head, std::string_view content, bool end) override;
  event::Task<Result<void>> write_body(std::string_view content, bool end, const http::Fields* trailers) override;
  event::Task<Result<void>> open_tunnel(http::ResponseHead& head) override;
  event::Task<Result<std::string_view>> read_tunnel(event::Deadline deadline) override { return read(deadline); }
  event::Task<Result<void>> write_tunnel(std::string_view bytes) override;
  void end_tunnel() override;
  void abort_tunnel() override;
  void on_client_gone(std::function<void()> action) override;
  void on_drain(std::function<void()> action) override;
  bool was_cut_off() const override;

 private:
  friend class H2Connection;

  void begin(MonoTime now);
  // The next content, or the end. Errors as read_body().
  event::Task<Result<std::string_view>> read(event::Deadline deadline);
  void give_up();
  // Waits until everything that was queued has been produced.
  event::Task<Result<void>> delivered();
  Result<void> settled();
  tl::unexpected<Error> gone_error() const;
  // The client, or the connection, is no more: whoever waits learns it now.
  void vanish();

  H2Connection& connection_;
  http::H2Stream stream_{request_};
  std::size_t place_ = 0;         // among the connection's active ones
  std::string incoming_, given_;  // content that waits, and what the handler holds of it
  bool no_body_ = false;
  bool ended_ = false;    // the client's side, and all of it lies in incoming_
  bool gone_ = false;     // reset, or the connection ended
  bool aborted_ = false;  // by abort_tunnel()
  bool reading_ = false, stopped_ = false;
  bool continue_due_ = false;
  std::function<void()> gone_action_, drain_action_;
  event::Signal readable_, writable_;
};

class H2Connection final : private http::H2Events {
 public:
  // `stream`, `control` and `handler` outlive the connection.
  H2Connection(net::ByteStream& stream, net::BufferPool& buffers, Control& control, const Handler& handler,
               Patience patience, http::H2Limits limits = {});
  ~H2Connection() override;

  // Serves until the connection ends, for whatever reason, and every handler has returned; the stream is the caller's
  // to destroy. `early`: bytes that were read already.
  event::Task<void> serve(std::string early);

  // Why the gateway ended it, a stable dotted code ("http2.reset_flood"); empty: for no fault of the client's.
  std::string_view fault() const { return session_.fault(); }
  std::uint64_t requests() const { return session_.requests(); }

 private:
  friend class H2Exchange;

  http::H2Stream* stream_opened() override;
  void request_ready(http::H2Stream& stream, bool ended) override;
  void content(http::H2Stream& stream, std::string_view bytes) override;
  void content_ended(http::H2Stream& stream) override;
  void produced(http::H2Stream& stream) override;
  void stream_closed(http::H2Stream& stream, http::H2Error error) override;
  H2Exchange& exchange_of(const http::H2Stream& stream) const;

  event::Task<void> read_loop();
  event::Task<void> write_loop();
  event::Task<void> run(H2Exchange* exchange);
  event::Task<void> wind_up();
  event::Task<void> linger();
  void take(std::string_view bytes);
  void finish(H2Exchange& exchange);
  void recycle(H2Exchange& exchange);
  void vanish_all();
  void tell_vanished();
  // Moves what the session has to say into the buffer of the writer, as far as it fits, and wakes the writer.
  void pump();
  void start_drain();
  void wake_reader();
  bool over() const;
  bool backlogged() const;
  std::chrono::milliseconds idle_patience() const;
  event::Deadline read_deadline() const;
  void on_silence();
  void fail_connection();

  net::ByteStream& stream_;
  event::Loop& loop_;
  net::BufferPool& buffers_;
  Control& control_;
  const Handler& handler_;
  const Patience patience_;
  const http::H2Limits limits_;
  http::H2Session session_;

  std::vector<std::unique_ptr<H2Exchange>> active_, spare_;
  std::vector<H2Exchange*> started_, vanished_, batch_;  // found by the session, served when it is at rest
  std::size_t running_ = 0;                              // handlers
  event::Signal handler_over_;

  net::Buffer out_;
  std::size_t out_begin_ = 0, out_end_ = 0;
  event::Signal writer_wake_, writer_progress_, writer_over_;
  bool writer_done_ = false;

  bool busy_ = false;     // within receive() or produce()
  bool broken_ = false;   // nothing can be sent any more
  bool closing_ = false;  // no more is read
  MonoTime idle_since_, block_since_, drain_since_{};
  bool in_block_ = true;  // the preface counts as one
  bool drain_started_ = false;
};

}  // namespace portcullis::conn
