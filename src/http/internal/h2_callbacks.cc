#include "http/internal/h2_callbacks.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/strings.h"
#include "http/h2_session.h"

namespace portcullis::http {

using internal::as_nv;
using internal::kFrameHead;
using internal::kMaxContinuations;

namespace {

constexpr std::size_t kMaxInflatedBytes = 256 * 1024;  // of one header block, far over the limit: a bomb
constexpr std::size_t kMaxSentBlockBytes = 256 * 1024;

void append_nv(std::vector<nghttp2_nv>& out, const H2Field& field) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  const bool secret = field.name.size() == 10 && equals_ignore_case(field.name, "set-cookie");
  const auto flags = static_cast<std::uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
  out.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags});
}

std::string_view code_of(std::uint32_t error) {
  switch (error) {
    case NGHTTP2_FLOW_CONTROL_ERROR:
      return "http2.flow_control_error";
    case NGHTTP2_FRAME_SIZE_ERROR:
      return "http2.frame_size_error";
    case NGHTTP2_COMPRESSION_ERROR:
      return "http2.compression_error";
    case NGHTTP2_STREAM_CLOSED:
      return "http2.stream_closed";
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return "http2.flood";
    case NGHTTP2_INTERNAL_ERROR:
      return "http2.internal_error";
    default:
      return "http2.protocol_error";
  }
}

}  // namespace

// What nghttp2 calls; each finds the session by its user data.
struct H2Callbacks {
  static H2Session& of(void* user) { return *static_cast<H2Session*>(user); }
  static H2Stream* stream(nghttp2_session* native, std::int32_t id) {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(native, id));
  }

  static int begin_headers(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    H2Session& session = of(user);
    session.in_head_ = nullptr;
    if (session.faulted()) return 0;
    const std::int32_t id = frame->hd.stream_id;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
      if (H2Stream* known = stream(native, id); known != nullptr) {
        known->in_trailers_ = true;
        known->reader_.begin_trailers();
        session.in_head_ = known;
      }
      return 0;
    }
    session.last_opened_ = id;
    H2Stream* opened = session.refuses_new_ || session.exhausted() ? nullptr : session.events_.stream_opened();
    if (opened == nullptr) {
      if (!session.pay(H2Cost::kReset)) return 0;
      nghttp2_submit_rst_stream(native, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    opened->id_ = id;
    opened->open_ = true;
    opened->in_trailers_ = opened->discarding_ = opened->deferred_ = false;
    opened->end_due_ = opened->end_produced_ = false;
    opened->out_ = {};
    opened->out_trailers_ = nullptr;
    opened->bytes_in_ = opened->bytes_out_ = 0;
    opened->trailers_.clear();
    opened->reader_.begin(opened->head_, session.limits_.extended_connect);
    nghttp2_session_set_stream_user_data(native, id, opened);
    session.last_accepted_ = id;
    session.in_head_ = opened;
    ++session.requests_;
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    H2Session& session = of(user);
    if (session.faulted()) return 0;
    session.inflated_ += name_size + value_size + kH2FieldOverhead;
    if (session.inflated_ > kMaxInflatedBytes) {
      session.terminate(H2Error::kEnhanceYourCalm, "http2.header_bomb");
      return 0;
    }
    H2Stream* known = session.in_head_;
    if (known == nullptr) return 0;
    const std::string_view name_text(reinterpret_cast<const char*>(name), name_size);
    const std::string_view value_text(reinterpret_cast<const char*>(value), value_size);
    if (known->in_trailers_) {
      known->reader_.trailer(name_text, value_text, known->trailers_);
    } else {
      known->reader_.field(name_text, value_text, known->head_);
    }
    return 0;
  }

  static int data_chunk(nghttp2_session* native, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                        std::size_t size, void* user) {
    H2Session& session = of(user);
    H2Stream* known = stream(native, id);
    if (session.faulted() || known == nullptr || known->discarding_) {
      nghttp2_session_consume(native, id, size);
      return 0;
    }
    known->bytes_in_ += size;
    if (!known->reader_.content(size, known->head_)) {
      nghttp2_session_consume(native, id, size);
      known->discarding_ = true;
      session.events_.content_ended(*known);
      return 0;
    }
    session.events_.content(*known, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int frame_received(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    H2Session& session = of(user);
    if (session.faulted()) return 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        if (H2Stream* known = stream(native, frame->hd.stream_id); known != nullptr) {
          message_frame(session, *known, frame);
        }
        break;
      case NGHTTP2_SETTINGS:
        // Beside our acknowledgement only resets can have been queued, of streams whose windows this made too large:
        // RFC 9113 §6.9.2 wants the whole connection ended.
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 && session.backlog() > session.queued_before_ + 1) {
          session.terminate(H2Error::kFlowControlError, "http2.flow_control_error");
        }
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && session.shutdown_announced_) session.refuse_new();
        break;
      default:
        break;
    }
    return 0;
  }

  static void message_frame(H2Session& session, H2Stream& known, const nghttp2_frame* frame) {
    const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      known.bytes_in_ += frame->hd.length + kFrameHead;
      if (!known.in_trailers_) {
        known.reader_.finish(ended, known.head_);
        // Nobody will read the content of what is refused.
        if (known.reader_.refused()) known.discarding_ = true;
        session.events_.request_ready(known, ended);
        return;
      }
      // RFC 9113 §8.1: a second header section ends the request.
      if (!ended) known.reader_.malform("http2.trailers_without_end", "a trailer section does not end the stream");
    } else {
      known.bytes_in_ += kFrameHead;
    }
    const bool broken = known.reader_.refused() || (ended && !known.reader_.complete(known.head_));
    if ((ended || broken) && !known.discarding_) {
      known.discarding_ = broken;
      session.events_.content_ended(known);
    }
  }

  // nghttp2 found a frame against the rules and resets its stream (or ends the connection).
  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    H2Session& session = of(user);
    if (session.faulted()) return 0;
    if (nghttp2_is_fatal(error) != 0 || frame->hd.stream_id == 0) return 0;
    session.pay(H2Cost::kReset);
    return 0;
  }

  static int stream_closed(nghttp2_session* native, std::int32_t id, std::uint32_t error, void* user) {
    H2Stream* known = stream(native, id);
    if (known == nullptr) return 0;
    known->open_ = false;
    known->out_ = {};
    known->end_due_ = false;
    if (of(user).in_head_ == known) of(user).in_head_ = nullptr;
    of(user).events_.stream_closed(*known, static_cast<H2Error>(error));
    return 0;
  }

  static int frame_sent(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    H2Session& session = of(user);
    if (frame->hd.type == NGHTTP2_HEADERS) {
      if (H2Stream* known = stream(native, frame->hd.stream_id); known != nullptr) {
        known->bytes_out_ += frame->hd.length + kFrameHead;
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) ended(session, *known);
      }
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
      session.resets_.push_back(frame->hd.stream_id);
      if (session.resets_.size() > internal::kMostResets) session.resets_.pop_front();
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
      goaway_sent(session, native, frame->goaway);
    }
    return 0;
  }

  static void goaway_sent(H2Session& session, nghttp2_session* native, const nghttp2_goaway& frame) {
    if (frame.error_code != NGHTTP2_NO_ERROR && !session.faulted()) session.fault_ = code_of(frame.error_code);
    // Behind the announcement, so that whoever answers has seen it.
    if (session.shutdown_announced_ && !session.refuses_new_) {
      nghttp2_submit_ping(native, NGHTTP2_FLAG_NONE, nullptr);
    }
  }

  // A frame that cannot be sent, an answer whose head is too large for one: its stream must not wait for ever.
  static int frame_not_sent(nghttp2_session* native, const nghttp2_frame* frame, int, void*) {
    const std::int32_t id = frame->hd.stream_id;
    if (frame->hd.type != NGHTTP2_HEADERS || nghttp2_session_find_stream(native, id) == nullptr) return 0;
    nghttp2_submit_rst_stream(native, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }

  static ssize_t read_content(nghttp2_session* native, std::int32_t id, std::uint8_t*, std::size_t length,
                              std::uint32_t* flags, nghttp2_data_source*, void* user) {
    H2Stream* known = stream(native, id);
    if (known == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (known->out_.empty() && !known->end_due_) {
      known->deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    const std::size_t size = std::min(length, known->out_.size());
    if (size == known->out_.size() && known->end_due_) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (known->out_trailers_ != nullptr && !known->out_trailers_->empty()) {
        H2Session& session = of(user);
        session.section_.clear();
        session.section_.trailers(*known->out_trailers_);
        const auto& fields = as_nv(session.section_);
        known->out_trailers_ = nullptr;
        if (!fields.empty() && nghttp2_submit_trailer(native, id, fields.data(), fields.size()) == 0) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
      }
    }
    return static_cast<ssize_t>(size);
  }

  static int send_content(nghttp2_session* native, nghttp2_frame* frame, const std::uint8_t* head, std::size_t length,
                          nghttp2_data_source*, void* user) {
    H2Session& session = of(user);
    H2Stream* known = stream(native, frame->hd.stream_id);
    // The content may have been taken back since it was promised.
    if (known == nullptr || known->out_.size() < length) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (session.room_ - session.written_ < length + kFrameHead) return NGHTTP2_ERR_WOULDBLOCK;
    char* to = session.into_ + session.written_;
    std::memcpy(to, head, kFrameHead);
    if (length > 0) std::memcpy(to + kFrameHead, known->out_.data(), length);
    known->out_.remove_prefix(length);
    session.written_ += length + kFrameHead;
    known->bytes_out_ += length + kFrameHead;
    session.guard_.data_sent();
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      ended(session, *known);
    } else if (known->all_produced()) {
      session.events_.produced(*known);
    }
    return 0;
  }

  static void ended(H2Session& session, H2Stream& known) {
    known.end_due_ = false;
    known.end_produced_ = true;
    // RFC 9113 §8.1.1: an answer may go before the stream error that a malformed request is.
    if (known.reader_.malformed()) session.reset(known, H2Error::kProtocolError);
    session.events_.produced(known);
  }

  static nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const table = [] {
      nghttp2_session_callbacks* made = nullptr;
      CHECK(nghttp2_session_callbacks_new(&made) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, &begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(made, &header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &data_chunk);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, &frame_received);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, &invalid_frame);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, &stream_closed);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, &frame_sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, &frame_not_sent);
      nghttp2_session_callbacks_set_send_data_callback(made, &send_content);
      return made;
    }();
    return table;
  }

  static nghttp2_option* options() {
    static nghttp2_option* const table = [] {
      nghttp2_option* made = nullptr;
      CHECK(nghttp2_option_new(&made) == 0);
      // Windows open as content is used up, not as it arrives.
      nghttp2_option_set_no_auto_window_update(made, 1);
      nghttp2_option_set_no_http_messaging(made, 1);
      nghttp2_option_set_no_closed_streams(made, 1);
      nghttp2_option_set_max_send_header_block_length(made, kMaxSentBlockBytes);
      // Debian's back-ports of nghttp2's own guards, behind ours (see CMakeLists.txt).
#ifdef PORTCULLIS_NGHTTP2_RESET_LIMIT
      nghttp2_option_set_stream_reset_rate_limit(made, 200, 33);
#endif
#ifdef PORTCULLIS_NGHTTP2_CONTINUATION_LIMIT
      // It counts every call with a piece of a frame's head, of which there are up to nine.
      nghttp2_option_set_max_continuations(made, (kMaxContinuations + 1) * 10);
#endif
      return made;
    }();
    return table;
  }
};

namespace internal {

nghttp2_session_callbacks* h2_callbacks() { return H2Callbacks::all(); }
nghttp2_option* h2_options() { return H2Callbacks::options(); }

nghttp2_data_provider h2_content() {
  nghttp2_data_provider provider{};
  provider.read_callback = &H2Callbacks::read_content;
  return provider;
}

const std::vector<nghttp2_nv>& as_nv(const H2Section& section) {
  thread_local std::vector<nghttp2_nv> out;
  out.clear();
  for (const H2Field& field : section.fields()) append_nv(out, field);
  return out;
}

}  // namespace internal

}  // namespace portcullis::http
