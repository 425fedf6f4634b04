// Exchange: one request and its response, whatever protocol carries them. A driver makes it and runs the handler over
// it; the handler reads the request, answers, and returns. Worker-local; valid until the handler returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ip_address.h"
#include "base/result.h"
#include "event/loop.h"
#include "http/message.h"
#include "http/refusal.h"
#include "net/buffer_pool.h"

namespace portcullis::conn {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // The request as parsed; the handler may change it on its way to a backend. Where the request was refused it is what
  // had been understood by then.
  http::RequestHead& request() { return request_; }
  // Why the driver could not accept the request; null when it did. The handler must then answer with the refusal's
  // status and never forward.
  const http::Refusal* refusal() const { return refused_ ? &refusal_ : nullptr; }

  event::Loop& loop() { return loop_; }
  net::BufferPool& buffers() { return buffers_; }
  MonoTime started() const { return started_; }  // when its first byte was seen

  // True once the request's body has been read to its end (at once when it has none).
  virtual bool body_done() const = 0;
  // The next piece of the request's content, valid until the next call; empty at the end. Asks a client that waits for
  // 100 Continue to go on. Errors (origin client): net.timeout, net.reset, net.cancelled, http.* (malformed).
  virtual event::Task<Result<std::string_view>> read_body() = 0;
  // Trailers of the request, complete once body_done().
  virtual http::Fields& request_trailers() = 0;
  // Ends a read_body() in progress with net.cancelled.
  virtual void stop_reading() = 0;

  // Sends the head and the first piece of the content in one write; `end`: nothing follows. The driver decides about
  // keep-alive and writes it into `head`. Once a request. Errors: net.*.
  virtual event::Task<Result<void>> respond(http::ResponseHead& head, std::string_view content, bool end) = 0;
  // Sends more content after respond(). `trailers` (may be null) only with `end`.
  virtual event::Task<Result<void>> write_body(std::string_view content, bool end, const http::Fields* trailers) = 0;

  // A tunnel is what an exchange becomes when the client asked for another protocol (request().upgrade) and a backend
  // agreed. It carries bytes of unknown meaning both ways until each side has ended, or until the handler returns:
  // where end_tunnel() was not called by then the client is told that the tunnel broke (reset, RST_STREAM). Between
  // opening and ending, one coroutine may read while another writes.

  // Tells the client that the protocol is switched; once, in place of respond(). `head` has the end-to-end fields of
  // the answer; the driver gives it status and fields of its own protocol (101 with Upgrade and Connection; 200 on
  // HTTP/2). Nothing that the client sent behind its head is looked at before. Errors: net.*.
  virtual event::Task<Result<void>> open_tunnel(http::ResponseHead& head) = 0;
  // The client's next bytes, valid until the next call; empty: it has ended its side, and this must not be called
  // again. What is not asked for is not read: a client that sends faster than it is read is held back (TCP, flow
  // control). Errors (origin client): net.timeout at `deadline`, net.reset, net.cancelled (stop_reading(), cut off);
  // after net.timeout and stop_reading() it may be called again.
  virtual event::Task<Result<std::string_view>> read_tunnel(event::Deadline deadline) = 0;
  // Sends bytes to the client; returns when they are handed over, so that a slow client holds its backend back. `bytes`
  // stay valid until then. Errors: net.timeout (it takes nothing for Patience::write), net.reset, net.cancelled.
  virtual event::Task<Result<void>> write_tunnel(std::string_view bytes) = 0;
  // Ends our side behind what was written (close_notify and FIN, END_STREAM). The client's may go on. Not while a
  // write_tunnel() is in progress.
  virtual void end_tunnel() = 0;
  // Breaks the tunnel: reads and writes, in progress and later ones, end with net.cancelled.
  virtual void abort_tunnel() = 0;
  bool tunnelled() const { return tunnelled_; }  // open_tunnel() was called

  // `action` runs once when the server wants this connection to end soon (Control::drain(), GOAWAY), at once if it does
  // already; an empty function clears it. For what would not end of itself.
  virtual void on_drain(std::function<void()> action) = 0;
  // The server cut this connection off (Control::cut_off()): why reads and writes end with net.cancelled.
  virtual bool was_cut_off() const = 0;

  bool responded() const { return responded_; }
  MonoTime responded_at() const { return responded_at_; }  // when the response's first byte was handed over
  bool response_done() const { return response_done_; }

  // `action` runs when the client is found to have gone while nobody reads from it, and when it is cut off; an empty
  // function clears it. After that, no more than the clean-up should be done for this exchange. A client that only
  // ended its side of a tunnel has not gone.
  virtual void on_client_gone(std::function<void()> action) = 0;

  // Makes the connection end after this response.
  void close_after() { close_after_ = true; }

  std::uint64_t received_bytes() const { return received_bytes_; }  // head and body as on the wire
  std::uint64_t sent_bytes() const { return sent_bytes_; }

 protected:
  Exchange(event::Loop& loop, net::BufferPool& buffers) : loop_(loop), buffers_(buffers) {}

  event::Loop& loop_;
  net::BufferPool& buffers_;
  http::RequestHead request_;
  http::Refusal refusal_;
  MonoTime started_{};
  MonoTime responded_at_{};
  bool refused_ = false;
  bool responded_ = false;
  bool response_done_ = false;
  bool tunnelled_ = false;
  bool close_after_ = false;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
};

// Answers one exchange. Called for every request of a connection, one at a time on HTTP/1.1.
using Handler = std::function<event::Task<void>(Exchange&)>;

// What a client may take its time for; azure-semantics §6.5.
struct Patience {
  std::chrono::milliseconds keep_alive{75'000};  // idle between two requests
  std::chrono::milliseconds head{60'000};        // the whole head, from its first byte
  std::chrono::milliseconds body{60'000};        // between two pieces of the body
  std::chrono::milliseconds write{60'000};       // between two acceptances of what we send
  // From the connection's beginning, where its client is refused before it has asked anything (Control::refuse()).
  std::chrono::milliseconds first_request{5'000};
  std::chrono::milliseconds linger{2'000};  // reading on after a final response, so that the client gets it
};

// The server's handle on a connection that a driver serves.
class Control {
 public:
  bool draining() const { return draining_; }
  // No further request is accepted: an idle connection ends now, a busy one after the response in progress.
  void drain() {
    draining_ = true;
    if (idle_ && watch_ != nullptr) watch_->cancel_read_wait();
    if (const auto action = std::exchange(on_drain_, nullptr)) action();
  }

  // The same for a client that is not admitted any more: nothing that it might still ask is waited for. But whose first
  // request is on its way (Patience::first_request) hears why; closing at once would tell it nothing.
  void refuse() {
    refused_ = true;
    if (asked_) return drain();
    if (watch_ != nullptr) watch_->cancel_read_wait();
  }
  bool refused() const { return refused_; }

  // Ends whatever the connection waits for, on the backend's side too: it unwinds.
  void cut_off() {
    cut_off_ = true;
    if (abort_) abort_();
    if (watch_ != nullptr) watch_->cancel();
  }

  // For drivers.
  // A request has come.
  void asked() {
    asked_ = true;
    if (refused_ && !draining_) drain();
  }
  void set_abort(std::function<void()> abort) { abort_ = std::move(abort); }
  void set_watch(event::Watch* watch) { watch_ = watch; }
  void set_idle(bool idle) { idle_ = idle; }
  void set_on_drain(std::function<void()> action) { on_drain_ = std::move(action); }
  bool was_cut_off() const { return cut_off_; }

 private:
  bool draining_ = false;
  bool refused_ = false;
  bool cut_off_ = false;
  bool asked_ = false;
  bool idle_ = false;
  event::Watch* watch_ = nullptr;
  std::function<void()> abort_;
  std::function<void()> on_drain_;
};

}  // namespace portcullis::conn
