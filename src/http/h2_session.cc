#include "http/h2_session.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "base/strings.h"

namespace portcullis::http {

namespace {

constexpr std::size_t kFrameHead = 9;
constexpr std::uint32_t kMaxContinuations = 4;     // of one header block; four full frames hold more than is accepted
constexpr std::size_t kMaxBlockBytes = 32 * 1024;  // compressed; what is accepted is smaller even uncompressed
constexpr std::size_t kMaxInflatedBytes = 256 * 1024;  // of one block, far over the limit: a bomb
constexpr std::size_t kMaxSentBlockBytes = 256 * 1024;

void append_nv(std::vector<nghttp2_nv>& out, const H2Field& field) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  const bool secret = field.name.size() == 10 && equals_ignore_case(field.name, "set-cookie");
  const auto flags = static_cast<std::uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
  out.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), flags});
}

// nghttp2 copies what it is given, and its names in lower case.
const std::vector<nghttp2_nv>& as_nv(const H2Section& section) {
  thread_local std::vector<nghttp2_nv> out;
  out.clear();
  for (const H2Field& field : section.fields()) append_nv(out, field);
  return out;
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
      session.inflated_ = 0;
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
    if (frame->hd.type != NGHTTP2_HEADERS || frame->hd.stream_id == 0) return 0;
    nghttp2_submit_rst_stream(native, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
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

void H2Session::Free::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

H2Session::H2Session(H2Events& events, H2Limits limits, MonoTime now)
    : events_(events), limits_(limits), now_(now), guard_(now) {
  nghttp2_session* made = nullptr;
  CHECK(nghttp2_session_server_new2(&made, H2Callbacks::all(), this, H2Callbacks::options()) == 0);
  native_.reset(made);
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(kMaxH2SectionBytes)},
      // The tree of RFC 7540 is nothing but work; streams take turns.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  if (limits_.extended_connect) settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
  CHECK(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  const auto window = static_cast<std::int32_t>(limits_.connection_window);
  CHECK(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, window) == 0);
}

H2Session::~H2Session() = default;

bool H2Session::pay(H2Cost cost) {
  if (guard_.spend(cost, now_)) return true;
  terminate(H2Error::kEnhanceYourCalm, H2Guard::code(cost));
  return false;
}

// What RFC 9113 demands and nghttp2 lets pass. Called for every frame when those before it have taken effect.
bool H2Session::well_placed(const FrameHead& head) {
  const bool is_message = head.type == NGHTTP2_DATA || head.type == NGHTTP2_HEADERS;
  if (head.type == NGHTTP2_PRIORITY && head.stream == 0) {
    terminate(H2Error::kProtocolError, "http2.protocol_error");
  } else if (is_message && (head.flags & NGHTTP2_FLAG_PADDED) != 0 && head.length == 0) {
    // §4.2: no room for the length of its padding.
    terminate(H2Error::kFrameSizeError, "http2.frame_size_error");
  } else if (is_message && head.stream > 0 && head.stream <= last_opened_ &&
             nghttp2_session_find_stream(native_.get(), head.stream) == nullptr && !was_reset(head.stream)) {
    // §5.1, §5.1.1: a stream that has ended, or one that was passed over. What we reset may still get what was on its
    // way.
    terminate(H2Error::kStreamClosed, "http2.stream_closed");
  }
  return !faulted();
}

void H2Session::header_frame(const FrameHead& head) {
  header_block_ = (head.flags & NGHTTP2_FLAG_END_HEADERS) == 0;
  if (head.type == NGHTTP2_HEADERS) {
    continuations_ = 0;
    block_bytes_ = 0;
  } else if (++continuations_ > kMaxContinuations) {
    return terminate(H2Error::kEnhanceYourCalm, "http2.continuation_flood");
  }
  block_bytes_ += head.length;
  if (block_bytes_ > kMaxBlockBytes) return terminate(H2Error::kEnhanceYourCalm, "http2.continuation_flood");
  if (head.length == 0) pay(H2Cost::kEmpty);
}

void H2Session::begin_frame(const FrameHead& head) {
  if (!well_placed(head)) return;
  switch (head.type) {
    case NGHTTP2_DATA:
      if (head.length == 0 && (head.flags & NGHTTP2_FLAG_END_STREAM) == 0) pay(H2Cost::kEmpty);
      break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
      header_frame(head);
      break;
    case NGHTTP2_PRIORITY:
      pay(H2Cost::kPriority);
      break;
    case NGHTTP2_RST_STREAM:
      pay(H2Cost::kReset);
      break;
    case NGHTTP2_SETTINGS:
      pay(H2Cost::kSettings);
      queued_before_ = backlog();
      break;
    case NGHTTP2_PING:
      pay(H2Cost::kPing);
      break;
    case NGHTTP2_WINDOW_UPDATE:
      pay(H2Cost::kWindow);
      break;
    case NGHTTP2_PUSH_PROMISE:
    case NGHTTP2_GOAWAY:
      break;
    default:
      pay(H2Cost::kUnknown);
      break;
  }
}

void H2Session::feed(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(native_.get(), data, bytes.size());
  if (taken >= 0) return;
  broken_ = true;
  if (!faulted()) fault_ = taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? "http2.bad_preface" : "http2.flood";
}

void H2Session::receive(std::string_view bytes, MonoTime now) {
  now_ = now;
  while (!bytes.empty() && !broken_ && !faulted()) {
    if (preface_left_ > 0 || payload_left_ > 0) {
      std::size_t& left = preface_left_ > 0 ? preface_left_ : payload_left_;
      const std::size_t size = std::min(left, bytes.size());
      left -= size;
      feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
      continue;
    }
    const std::size_t missing = kFrameHead - head_size_;
    const std::size_t got = std::min(missing, bytes.size());
    std::memcpy(head_.data() + head_size_, bytes.data(), got);
    head_size_ += got;
    if (head_size_ < kFrameHead) return;
    const auto byte = [this](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(head_[at])}; };
    FrameHead head;
    head.length = byte(0) << 16U | byte(1) << 8U | byte(2);
    head.type = static_cast<std::uint8_t>(byte(3));
    head.flags = static_cast<std::uint8_t>(byte(4));
    head.stream = static_cast<std::int32_t>((byte(5) & 0x7fU) << 24U | byte(6) << 16U | byte(7) << 8U | byte(8));
    head_size_ = 0;
    begin_frame(head);
    if (faulted()) return;
    payload_left_ = head.length;
    if (got < kFrameHead) {
      feed({head_.data(), kFrameHead});
      bytes.remove_prefix(got);
    } else {
      // Head and payload lie together: one call for both.
      const std::size_t size = std::min<std::size_t>(kFrameHead + payload_left_, bytes.size());
      payload_left_ -= size - kFrameHead;
      feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
  }
}

std::size_t H2Session::produce(char* into, std::size_t room) {
  into_ = into;
  room_ = room;
  written_ = std::min(room, spill_.size());
  if (written_ > 0) {
    std::memcpy(into, spill_.data(), written_);
    spill_.erase(0, written_);
  }
  while (!broken_ && spill_.empty() && room_ - written_ >= kFrameRoom) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(native_.get(), &frame);
    if (size < 0) broken_ = true;
    if (size <= 0) break;
    const std::size_t fits = std::min(static_cast<std::size_t>(size), room_ - written_);
    std::memcpy(into_ + written_, frame, fits);
    written_ += fits;
    spill_.assign(reinterpret_cast<const char*>(frame) + fits, static_cast<std::size_t>(size) - fits);
  }
  if (broken_ && !faulted()) fault_ = "http2.internal_error";
  into_ = nullptr;
  return written_;
}

void H2Session::consumed(H2Stream& stream, std::size_t bytes) {
  if (broken_) return;
  if (stream.open_) {
    nghttp2_session_consume(native_.get(), stream.id_, bytes);
  } else {
    consumed(bytes);
  }
}

void H2Session::consumed(std::size_t bytes) {
  if (!broken_) nghttp2_session_consume_connection(native_.get(), bytes);
}

void H2Session::discard(H2Stream& stream) { stream.discarding_ = true; }

void H2Session::interim(H2Stream& stream, int status) {
  if (!stream.open_ || broken_) return;
  ResponseHead head;
  head.status = status;
  head.body = BodyKind::kNone;
  section_.clear();
  section_.response(head);
  const auto& fields = as_nv(section_);
  nghttp2_submit_headers(native_.get(), NGHTTP2_FLAG_NONE, stream.id_, nullptr, fields.data(), fields.size(), nullptr);
}

void H2Session::respond(H2Stream& stream, const ResponseHead& head, std::string_view content, bool end) {
  if (!stream.open_ || broken_) return;
  section_.clear();
  section_.response(head);
  const auto& fields = as_nv(section_);
  stream.out_ = content;
  stream.end_due_ = end;
  nghttp2_data_provider provider{};
  provider.read_callback = &H2Callbacks::read_content;
  const bool whole = end && content.empty();
  const int done =
      nghttp2_submit_response(native_.get(), stream.id_, fields.data(), fields.size(), whole ? nullptr : &provider);
  if (done != 0) reset(stream, H2Error::kInternalError);
}

void H2Session::send(H2Stream& stream, std::string_view content, bool end, const Fields* trailers) {
  if (!stream.open_ || broken_) return;
  stream.out_ = content;
  stream.end_due_ = end;
  stream.out_trailers_ = end ? trailers : nullptr;
  if (!std::exchange(stream.deferred_, false)) return;
  nghttp2_session_resume_data(native_.get(), stream.id_);
}

void H2Session::reset(H2Stream& stream, H2Error error) {
  if (!stream.open_ || broken_) return;
  if (error == H2Error::kProtocolError) pay(H2Cost::kReset);
  stream.out_ = {};
  stream.out_trailers_ = nullptr;
  stream.discarding_ = true;
  nghttp2_submit_rst_stream(native_.get(), NGHTTP2_FLAG_NONE, stream.id_, static_cast<std::uint32_t>(error));
}

void H2Session::release(H2Stream& stream) {
  if (in_head_ == &stream) in_head_ = nullptr;
  if (!stream.open_) return;
  stream.open_ = false;
  stream.out_ = {};
  stream.end_due_ = false;
  nghttp2_session_set_stream_user_data(native_.get(), stream.id_, nullptr);
}

void H2Session::refuse_new() {
  if (std::exchange(refuses_new_, true) || broken_ || faulted()) return;
  nghttp2_submit_goaway(native_.get(), NGHTTP2_FLAG_NONE, last_accepted_, NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2Session::announce_shutdown() {
  if (refuses_new_ || broken_ || faulted() || std::exchange(shutdown_announced_, true)) return;
  nghttp2_submit_shutdown_notice(native_.get());
}

void H2Session::terminate(H2Error error, std::string_view code) {
  if (faulted() || broken_) return;
  fault_ = code;
  nghttp2_session_terminate_session(native_.get(), static_cast<std::uint32_t>(error));
}

bool H2Session::over() const {
  return broken_ || (nghttp2_session_want_read(native_.get()) == 0 && nghttp2_session_want_write(native_.get()) == 0);
}

bool H2Session::was_reset(std::int32_t id) const {
  return std::find(resets_.begin(), resets_.end(), id) != resets_.end();
}

std::size_t H2Session::backlog() const { return nghttp2_session_get_outbound_queue_size(native_.get()); }

}  // namespace portcullis::http
