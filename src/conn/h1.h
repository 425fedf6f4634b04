// The HTTP/1.1 driver: requests of one connection, one after the other (RFC 9112). It holds a buffer only while bytes
// are in motion, writes a response's head and first content together, and never reads into EAGAIN. Worker-local.
#pragma once

#include "conn/exchange.h"
#include "event/signal.h"
#include "http/body.h"
#include "http/request_parser.h"
#include "net/stream.h"

namespace portcullis::conn {

class H1Connection final : public Exchange {
 public:
  // `stream`, `control` and `handler` outlive the connection.
  H1Connection(net::ByteStream& stream, net::BufferPool& buffers, Control& control, const Handler& handler,
               Patience patience);
  ~H1Connection() override;

  // Serves until the connection ends, for whatever reason; the stream is the caller's to destroy. `early`: bytes of the
  // first request that were read already.
  event::Task<void> serve(std::string early);

  // A response, or our side of a tunnel, was begun and not ended: the stream must not say goodbye as if it were whole.
  bool cut_short() const { return responded_ && !response_done_; }

  bool body_done() const override { return body_.done(); }
  event::Task<Result<std::string_view>> read_body() override;
  http::Fields& request_trailers() override { return body_.trailers(); }
  void stop_reading() override { stream_.watch().cancel_read_wait(); }
  event::Task<Result<void>> respond(http::ResponseHead& head, std::string_view content, bool end) override;
  event::Task<Result<void>> write_body(std::string_view content, bool end, const http::Fields* trailers) override;
  event::Task<Result<void>> open_tunnel(http::ResponseHead& head) override;
  event::Task<Result<std::string_view>> read_tunnel(event::Deadline deadline) override;
  event::Task<Result<void>> write_tunnel(std::string_view bytes) override;
  void end_tunnel() override;
  void abort_tunnel() override { stream_.watch().cancel(); }
  void on_client_gone(std::function<void()> action) override;
  void on_drain(std::function<void()> action) override;
  bool was_cut_off() const override { return control_.was_cut_off(); }

 private:
  enum class HeadRead : std::uint8_t { kMore, kRequest, kRefused, kClosed };

  event::Task<HeadRead> read_head();
  HeadRead parse_head();
  bool hurried(const Error& ended) const;
  void refuse(http::Refusal refusal);
  // Reads at least one byte behind the unread ones. Errors: net.*, http.head_too_large.
  event::Task<Result<void>> fill(event::Deadline deadline);
  void begin_request();
  bool make_room();
  std::size_t unread() const { return end_ - begin_; }
  event::Task<void> linger();
  event::Task<Result<void>> send(std::string_view bytes);
  bool may_keep_alive() const;

  net::ByteStream& stream_;
  Control& control_;
  const Handler& handler_;
  const Patience patience_;

  net::Buffer buffer_;
  std::size_t begin_ = 0, end_ = 0;  // unread bytes within buffer_
  http::RequestParser parser_;
  http::BodyReader body_;
  http::BodyKind response_kind_ = http::BodyKind::kNone;
  bool keep_alive_ = false;
  bool continue_due_ = false;
  bool client_ended_ = false;   // its side of a tunnel
  bool interim_going_ = false;  // 100 Continue is being sent
  Result<void> interim_sent_;
  event::Signal interim_over_;
};

}  // namespace portcullis::conn
