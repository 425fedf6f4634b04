#include "http/h2_client.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "base/strings.h"
#include "http/internal/trailer_names.h"

namespace portcullis::http {
namespace {

constexpr unsigned kMostInterim = 16;
constexpr std::size_t kMostSection = 64 * 1024;
constexpr std::size_t kMostFields = 200;

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv pair_of(const H2Field& field) {
  const auto bytes = [](std::string_view from) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(from.data()));
  };
  return {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::vector<nghttp2_nv> pairs_of(const H2Section& section) {
  std::vector<nghttp2_nv> pairs;
  for (const H2Field& field : section.fields()) pairs.push_back(pair_of(field));
  return pairs;
}

// RFC 9112 §6.3, for whoever passes the answer on in HTTP/1.1.
void frame(ResponseHead& head, bool is_head_request, bool end_stream) {
  const auto length = head.fields.get("content-length");
  const auto announced = length ? parse_uint(*length) : std::nullopt;
  head.fields.remove("content-length");
  if (is_head_request || head.status == 204 || head.status == 304) {
    head.body = BodyKind::kNone;
    head.announces_length = announced.has_value() && head.status != 204;
    head.content_length = announced.value_or(0);
    return;
  }
  head.body = announced || end_stream ? BodyKind::kLength : BodyKind::kChunked;
  head.content_length = announced.value_or(0);
}

}  // namespace

struct H2ClientSession::Callbacks {
  static H2ClientStream* stream_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static void changed(H2ClientStream& stream) {
    if (stream.changed) stream.changed();
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (H2ClientStream* stream = stream_of(session, frame->hd.stream_id)) stream->section_ = stream->fields_ = 0;
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name_bytes,
                       std::size_t name_size, const std::uint8_t* value_bytes, std::size_t value_size, std::uint8_t,
                       void*) {
    H2ClientStream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->section_ += name_size + value_size + kH2FieldOverhead;
    if (stream->section_ > kMostSection || ++stream->fields_ > kMostFields)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::string_view name = text(name_bytes, name_size), value = text(value_bytes, value_size);
    if (stream->head_done) {
      if (!internal::is_forbidden_trailer(name)) stream->trailers.add(name, value);
    } else if (name == ":status") {
      std::from_chars(value.data(), value.data() + value.size(), stream->head.status);
    } else {
      stream->head.fields.add(name, value);
    }
    return 0;
  }

  // A head is there. False: it is one that no answer to this request can have.
  static bool take_head(H2ClientStream& stream, bool end_stream) {
    const int status = stream.head.status;
    if (status >= 200) {
      stream.head.reason = reason_phrase(status);
      stream.head.version = Version::kHttp2;
      frame(stream.head, stream.is_head_request_, end_stream);
      stream.head_done = true;
      return true;
    }
    stream.head.clear();
    return status != 101 && ++stream.interim_ <= kMostInterim;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& self = *static_cast<H2ClientSession*>(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) self.draining_ = true;
    if (frame->hd.type == NGHTTP2_SETTINGS) self.settings_seen_ = true;
    H2ClientStream* stream = frame->hd.stream_id == 0 ? nullptr : stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && !stream->head_done && !take_head(*stream, end)) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (end) stream->ended = true;
    changed(*stream);
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void*) {
    nghttp2_session_consume_connection(session, size);
    if (H2ClientStream* stream = stream_of(session, id)) stream->content.append(text(bytes, size));
    return 0;
  }

  static int on_close(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* user) {
    --static_cast<H2ClientSession*>(user)->streams_;
    H2ClientStream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    stream->closed = true;
    stream->refused = error == NGHTTP2_REFUSED_STREAM;
    if (error != NGHTTP2_NO_ERROR) stream->ended = false;
    changed(*stream);
    return 0;
  }

  static ssize_t read_content(nghttp2_session* session, std::int32_t id, std::uint8_t* into, std::size_t size,
                              std::uint32_t* flags, nghttp2_data_source*, void*) {
    H2ClientStream* const owner = stream_of(session, id);
    if (owner == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // cancelled
    H2ClientStream& stream = *owner;
    const std::size_t some = std::min(size, stream.unsent());
    std::memcpy(into, stream.outgoing_.data() + stream.outgoing_at_, some);
    stream.outgoing_at_ += some;
    if (stream.unsent() == 0) {
      stream.outgoing_.clear();
      stream.outgoing_at_ = 0;
      if (!stream.outgoing_end_ && some == 0) return NGHTTP2_ERR_DEFERRED;
      if (stream.outgoing_end_) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        H2Section section;
        section.trailers(stream.outgoing_trailers_);
        const auto pairs = pairs_of(section);
        if (!pairs.empty() && nghttp2_submit_trailer(session, id, pairs.data(), pairs.size()) == 0) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
      }
    }
    changed(stream);
    return static_cast<ssize_t>(some);
  }

  static nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &on_close);
      return callbacks;
    }();
    return made;
  }
};

H2ClientSession::H2ClientSession() {
  nghttp2_option* options = nullptr;
  CHECK(nghttp2_option_new(&options) == 0);
  // The window opens as content is used, not as it arrives.
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_peer_max_concurrent_streams(options, kMostStreams);
  const int made = nghttp2_session_client_new2(&session_, Callbacks::all(), this, options);
  nghttp2_option_del(options);
  CHECK(made == 0);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
                                             {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMostSection}};
  CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) == 0);
}

H2ClientSession::~H2ClientSession() { nghttp2_session_del(session_); }

bool H2ClientSession::has_room() const {
  if (draining_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
  const std::uint32_t allowed = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return streams_ < std::min(allowed, settings_seen_ ? kMostStreams : kFirstStreams);
}

bool H2ClientSession::submit(H2ClientStream& stream, const RequestHead& head) {
  if (!has_room()) return false;
  H2Section section;
  section.request(head);
  const auto pairs = pairs_of(section);
  nghttp2_data_provider content{};
  content.read_callback = &Callbacks::read_content;
  const bool empty = head.body == BodyKind::kNone || (head.body == BodyKind::kLength && head.content_length == 0);
  const nghttp2_data_provider* const provider = empty ? nullptr : &content;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), provider, &stream);
  if (id < 0) return false;
  stream.id_ = id;
  stream.is_head_request_ = head.method == "HEAD";
  ++streams_;
  return true;
}

void H2ClientSession::send(H2ClientStream& stream, std::string_view content, bool end, const Fields* trailers) {
  if (stream.closed) return;
  stream.outgoing_.append(content);
  stream.outgoing_end_ = end;
  if (end && trailers != nullptr) stream.outgoing_trailers_ = *trailers;
  nghttp2_session_resume_data(session_, stream.id_);
}

void H2ClientSession::consumed(const H2ClientStream& stream, std::size_t bytes) {
  if (bytes > 0 && !stream.closed) nghttp2_session_consume_stream(session_, stream.id_, bytes);
}

void H2ClientSession::cancel(H2ClientStream& stream) {
  if (stream.id_ == 0) return;
  stream.content.clear();
  if (stream.closed) return;
  nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
  stream.closed = true;
}

bool H2ClientSession::receive(std::string_view bytes) {
  const auto taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken != static_cast<ssize_t>(bytes.size())) draining_ = true;
  return taken == static_cast<ssize_t>(bytes.size());
}

void H2ClientSession::drain(std::string& out, std::size_t most) {
  while (out.size() < most) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) return;
    out.append(text(bytes, static_cast<std::size_t>(size)));
  }
}

bool H2ClientSession::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

void H2ClientSession::go_away() {
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

}  // namespace portcullis::http
