// The Call over one HTTP/1.1 connection, which it has to itself. Waits hold no buffer.
#pragma once

#include <memory>

#include "http/body.h"
#include "net/buffer_pool.h"
#include "upstream/call.h"
#include "upstream/connection_pool.h"
#include "upstream/response_reader.h"

namespace portcullis::upstream {

class H1Call final : public Call {
 public:
  H1Call(ConnectionPool& pool, net::BufferPool& buffers, std::unique_ptr<Connection> connection)
      : pool_(pool), buffers_(buffers), connection_(std::move(connection)) {}

  std::uint16_t local_port() const override { return connection_->local_port; }
  event::Task<Result<void>> send_head(http::RequestHead& head, std::chrono::milliseconds patience) override;
  event::Task<Result<void>> send_content(std::string_view content, std::chrono::milliseconds patience) override;
  event::Task<Result<void>> end_content(const http::Fields& trailers, std::chrono::milliseconds patience) override;
  event::Task<void> await_answer() override;
  void stop_waiting() override;
  void cancel() override { connection_->stream->watch().cancel(); }
  bool cancelled() const override { return connection_->stream->watch().cancelled(); }
  event::Task<Result<void>> read_head(http::ResponseHead& head, bool is_head_request,
                                      event::Deadline deadline) override;
  AnswerPiece take() override;
  event::Task<void> await_more(event::Deadline deadline) override;
  http::Fields& trailers() override { return body_.trailers(); }
  void finish(bool request_done) override;

  // For a request that asked for another protocol: read_head() then takes 101 for an answer, and what follows it is in
  // take_early(), begin to filled. The connection carries no HTTP from then on.
  void allow_switch() { may_switch_ = true; }
  net::ByteStream& stream() { return *connection_->stream; }
  net::Buffer take_early() { return std::move(buffer_); }
  HeadRead early() const { return {begin_, end_}; }

 private:
  ConnectionPool& pool_;
  net::BufferPool& buffers_;
  std::unique_ptr<Connection> connection_;
  bool chunked_ = false;  // the request's content
  bool may_switch_ = false;
  bool awaiting_ = false;            // nothing of the answer has come: no other read may be cancelled by stop_waiting()
  net::Buffer buffer_;               // bytes of the answer
  std::size_t begin_ = 0, end_ = 0;  // those not yet decoded
  bool filled_up_ = false;           // the last read filled the buffer: a larger one will do better
  bool broken_ = false;              // the answer's framing broke
  bool keep_alive_ = false;
  http::BodyReader body_;
};

}  // namespace portcullis::upstream
