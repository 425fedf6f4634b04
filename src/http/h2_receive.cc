// What H2Session does with bytes that come.
#include <algorithm>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "http/h2_session.h"
#include "http/internal/h2_callbacks.h"

namespace portcullis::http {

using internal::kFrameHead;

namespace {

constexpr std::size_t kMaxBlockBytes = 32 * 1024;  // compressed; what is accepted is smaller even uncompressed

}  // namespace

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
  header_block_ = true;
  block_ends_ = (head.flags & NGHTTP2_FLAG_END_HEADERS) != 0;
  if (head.type == NGHTTP2_HEADERS) {
    continuations_ = 0;
    block_bytes_ = inflated_ = 0;
  } else if (++continuations_ > internal::kMaxContinuations) {
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
      end_frame();
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
    end_frame();
  }
}

void H2Session::end_frame() {
  if (payload_left_ == 0 && block_ends_) header_block_ = block_ends_ = false;
}

}  // namespace portcullis::http
