#include "http/h2_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/internal/h2_callbacks.h"

namespace portcullis::http {

using internal::as_nv;

void H2Session::Free::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

H2Session::H2Session(H2Events& events, H2Limits limits, MonoTime now)
    : events_(events), limits_(limits), now_(now), guard_(now) {
  nghttp2_session* made = nullptr;
  CHECK(nghttp2_session_server_new2(&made, internal::h2_callbacks(), this, internal::h2_options()) == 0);
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
  const nghttp2_data_provider provider = internal::h2_content();
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
