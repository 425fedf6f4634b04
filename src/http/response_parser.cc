#include "http/response_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "http/internal/chars.h"

namespace portcullis::http {

namespace {

constexpr std::uint64_t kMaxLength = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kQuoted = 64;

// "HTTP/1.1 200" and the byte after it: what each place accepts.
bool fits_status_line(std::size_t place, char c) {
  constexpr std::string_view kStart = "HTTP/1.? ";
  if (place == 7) return c == '0' || c == '1';
  if (place < kStart.size()) return c == kStart[place];
  if (place == 9) return c >= '1' && c <= '5';
  if (place < 12) return is_ascii_digit(c);
  // RFC 9112 §4 wants the space even before an empty reason; servers that leave it out delimit nothing differently.
  return c == ' ' || c == '\r';
}

}  // namespace

void ResponseParser::reset(std::string_view request_method) {
  state_ = State::kStatus;
  to_head_ = request_method == "HEAD";
  to_connect_ = request_method == "CONNECT";
  has_length_ = has_coding_ = false;
  position_ = reason_ = 0;
  connection_ = {};
}

ResponseParser::Step ResponseParser::refuse(std::string_view code, std::string message) {
  // Azure has no value for an answer that is no HTTP; a backend that sends one is none that can be used.
  refusal_ = {502, code, "ERRORINFO_UPSTREAM_NO_LIVE", "backend response: " + std::move(message)};
  state_ = State::kRefused;
  return Step::kRefused;
}

Parse ResponseParser::parse(std::string_view buffer, ResponseHead& out) {
  if (state_ == State::kStatus && position_ == 0) out.clear();
  for (;;) {
    Step step = Step::kGoOn;
    switch (state_) {
      case State::kStatus:
        step = status_line(buffer, out);
        break;
      case State::kReason:
      case State::kReasonLf:
        step = reason(buffer, out);
        break;
      case State::kFields:
        step = fields(buffer, out);
        break;
      case State::kDone:
        return Parse::kDone;
      case State::kRefused:
        return Parse::kRefused;
    }
    if (step == Step::kNeedMore) return Parse::kNeedMore;
  }
}

ResponseParser::Step ResponseParser::status_line(std::string_view buffer, ResponseHead& out) {
  constexpr std::size_t kMinor = 7, kDigits = 9, kAfter = 12;
  constexpr std::string_view kUsual = "HTTP/1.1 ";
  if (position_ == 0 && buffer.substr(0, kUsual.size()) == kUsual) position_ = kUsual.size();
  for (; position_ < buffer.size(); ++position_) {
    const char next = buffer[position_];
    if (!fits_status_line(position_, next)) {
      if (next == '\n') return refuse("http.bare_lf", "the status line ends with LF alone");
      if (position_ <= kMinor) return refuse("http.bad_version", "it does not begin with HTTP/1.1 or HTTP/1.0");
      return refuse("http.bad_status_line", "the status line has no status of 100 to 599");
    }
    if (position_ < kAfter) continue;
    out.version = buffer[kMinor] == '0' ? Version::kHttp10 : Version::kHttp11;
    out.status = static_cast<int>(*parse_uint(buffer.substr(kDigits, 3)));
    reason_ = ++position_;
    state_ = next == ' ' ? State::kReason : State::kReasonLf;
    return Step::kGoOn;
  }
  return Step::kNeedMore;
}

ResponseParser::Step ResponseParser::reason(std::string_view buffer, ResponseHead& out) {
  if (state_ == State::kReason) {
    const std::size_t end = std::min(buffer.size(), kMaxResponseLineBytes);
    position_ = internal::skip_value(buffer.data(), position_, end);
    if (position_ >= kMaxResponseLineBytes) {
      return refuse("http.status_line_too_long", "the status line is longer than 8192 bytes");
    }
    if (position_ >= buffer.size()) return Step::kNeedMore;
    if (buffer[position_] == '\n') return refuse("http.bare_lf", "the status line ends with LF alone");
    if (buffer[position_] != '\r') return refuse("http.control_byte", "the reason holds a control byte");
    out.reason.assign(buffer.substr(reason_, position_ - reason_));
    ++position_;
    state_ = State::kReasonLf;
  }
  if (position_ >= buffer.size()) return Step::kNeedMore;
  if (buffer[position_] != '\n') return refuse("http.bare_cr", "a CR in the status line is not followed by LF");
  ++position_;
  section_.reset(position_, position_);
  state_ = State::kFields;
  return Step::kGoOn;
}

ResponseParser::Step ResponseParser::fields(std::string_view buffer, ResponseHead& out) {
  using Section = internal::FieldSection;
  for (;;) {
    switch (section_.next(buffer)) {
      case Section::Step::kField: {
        const Step step = field(section_.name(buffer), section_.value(buffer), out);
        if (step != Step::kGoOn) return step;
        break;
      }
      case Section::Step::kNeedMore:
        return Step::kNeedMore;
      case Section::Step::kFault:
        return refuse(internal::fault_code(section_.fault()), internal::fault_message(section_.fault()));
      case Section::Step::kEnd:
        position_ = section_.position();
        return finish(out);
    }
  }
}

ResponseParser::Step ResponseParser::field(std::string_view name, std::string_view value, ResponseHead& out) {
  using internal::name_is;
  switch (name.size()) {
    case 10:
      if (name_is(name, "connection") && !connection_.add(value)) {
        return refuse("http.too_many_connection_options", "Connection names more than 64 options");
      }
      break;
    case 14: {
      if (!name_is(name, "content-length")) break;
      const auto length = parse_uint(value, kMaxLength);
      if (!length) {
        return refuse("http.bad_content_length",
                      "Content-Length is not a number below 2^63: " + printable(value, kQuoted));
      }
      if (std::exchange(has_length_, true)) {
        if (*length != out.content_length) return refuse("http.two_content_lengths", "two Content-Lengths differ");
        return Step::kGoOn;  // said twice, kept once
      }
      out.content_length = *length;
      break;
    }
    case 17:
      if (!name_is(name, "transfer-encoding")) break;
      if (out.version == Version::kHttp10) {
        return refuse("http.transfer_encoding_on_10", "HTTP/1.0 has no Transfer-Encoding");
      }
      if (!equals_ignore_case(value, "chunked") || std::exchange(has_coding_, true)) {
        return refuse("http.bad_transfer_encoding",
                      "Transfer-Encoding must be one field that says chunked, not " + printable(value, kQuoted));
      }
      break;
    default:
      break;
  }
  if (has_length_ && has_coding_) {
    return refuse("http.length_and_coding", "there are both Content-Length and Transfer-Encoding");
  }
  out.fields.add_checked(name, value);
  return Step::kGoOn;
}

ResponseParser::Step ResponseParser::finish(ResponseHead& out) {
  const bool is_11 = out.version == Version::kHttp11;
  out.keep_alive = !connection_.close && (is_11 || connection_.keep_alive);
  const bool never_has_body = out.status < 200 || out.status == 204 || (to_connect_ && out.status < 300);
  state_ = State::kDone;
  if (never_has_body) {
    // A server that announces a body here may be about to send one: what it sends must not become the next answer.
    if (has_coding_ || out.content_length > 0) out.keep_alive = false;
    out.content_length = 0;
  } else if (to_head_ || out.status == 304) {
    out.announces_length = has_length_;
  } else if (has_coding_) {
    out.body = BodyKind::kChunked;
  } else if (has_length_) {
    out.body = BodyKind::kLength;
  } else {
    out.body = BodyKind::kUntilClose;
    out.keep_alive = false;
  }
  return Step::kGoOn;
}

}  // namespace portcullis::http
