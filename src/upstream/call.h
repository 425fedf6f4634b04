// Call: one request at one backend and its answer, whatever protocol carries them, as the forward loop sees it. Made
// for one request, used by the coroutine that answers it and by the one that uploads its body; both have ended before
// it goes. Worker-local.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/ip_address.h"
#include "event/loop.h"
#include "http/message.h"

namespace portcullis::upstream {

// Content of an answer; the view is valid until the next call of take() or await_more().
struct AnswerPiece {
  std::string_view content;
  bool end = false;     // nothing follows; trailers() are complete
  bool broken = false;  // the answer broke off or broke its framing: it must not look complete to anyone
};

class Call {
 public:
  virtual ~Call() = default;

  // Our end of the connection; 0: unknown.
  virtual std::uint16_t local_port() const = 0;

  // Sends the request's head. `patience` bounds each wait for a backend that takes nothing, here and below.
  // Errors: net.timeout, net.reset, net.cancelled; retry_safe where the backend has not taken the request.
  virtual event::Task<Result<void>> send_head(http::RequestHead& head, std::chrono::milliseconds patience) = 0;
  // Sends a piece of the request's content, never empty.
  virtual event::Task<Result<void>> send_content(std::string_view content, std::chrono::milliseconds patience) = 0;
  // The request is whole; `trailers` may be empty.
  virtual event::Task<Result<void>> end_content(const http::Fields& trailers, std::chrono::milliseconds patience) = 0;

  // Waits, without a limit, until something of the answer is there, until stop_waiting(), or until cancel().
  virtual event::Task<void> await_answer() = 0;
  virtual void stop_waiting() = 0;
  // Ends everything in progress and everything later with net.cancelled.
  virtual void cancel() = 0;
  virtual bool cancelled() const = 0;

  // Reads the head of the final answer. Errors: upstream.closed_early, upstream.reset, upstream.timeout,
  // upstream.invalid_response, net.cancelled; see response_reader.h.
  virtual event::Task<Result<void>> read_head(http::ResponseHead& head, bool is_head_request,
                                              event::Deadline deadline) = 0;
  // After read_head(): what has come of the content; empty and no end: await_more() first.
  virtual AnswerPiece take() = 0;
  // Then take() has more, or says how the answer ended.
  virtual event::Task<void> await_more(event::Deadline deadline) = 0;
  virtual http::Fields& trailers() = 0;

  // The exchange is over; `request_done`: the request went out whole. Keeps what can serve the next request.
  virtual void finish(bool request_done) = 0;
};

}  // namespace portcullis::upstream
