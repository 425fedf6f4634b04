#include "http/request_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/host_name.h"
#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/websocket.h"

namespace portcullis::http {

namespace {

constexpr std::string_view kInvalidRequest = "ERRORINFO_INVALID_REQUEST";
constexpr std::string_view kInvalidMethod = "ERRORINFO_INVALID_METHOD";
constexpr std::string_view kInvalidVersion = "ERRORINFO_INVALID_VERSION";
constexpr std::string_view kInvalid09Method = "ERRORINFO_INVALID_09_METHOD";
constexpr std::string_view kInvalidHost = "ERRORINFO_INVALID_HOST";
constexpr std::string_view kInvalidLength = "ERRORINFO_INVALID_CONTENT_LENGTH";
constexpr std::string_view kInvalidUri = "ERRORINFO_REQUEST_URI_INVALID";
constexpr std::string_view kNoHost = "ERRORINFO_HTTP_NO_HOST_HEADER";

constexpr std::uint64_t kMaxLength = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kQuoted = 64;  // bytes of input shown in a message

constexpr std::string_view kBareLfMessage = "a line ends with LF alone; lines must end with CRLF";

}  // namespace

void RequestParser::reset() {
  state_ = State::kStart;
  position_ = token_ = 0;
  connection_ = {};
  has_host_ = has_length_ = has_coding_ = has_authorization_ = expects_ = false;
  has_upgrade_ = false;
}

RequestParser::Step RequestParser::refuse(int status, std::string_view code, std::string_view error_info,
                                          std::string message) {
  refusal_ = {status, code, error_info, std::move(message)};
  state_ = State::kRefused;
  return Step::kRefused;
}

RequestParser::Step RequestParser::refuse_request(std::string_view code, std::string message) {
  return refuse(400, code, kInvalidRequest, std::move(message));
}

Parse RequestParser::parse(std::string_view buffer, RequestHead& out) {
  if (state_ == State::kStart && position_ == 0) out.clear();
  for (;;) {
    Step step = Step::kGoOn;
    switch (state_) {
      case State::kStart:
      case State::kStartLf:
        step = start(buffer);
        break;
      case State::kMethod:
        step = method(buffer, out);
        break;
      case State::kTarget:
        step = target(buffer, out);
        break;
      case State::kVersion:
        step = version(buffer, out);
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

RequestParser::Step RequestParser::start(std::string_view buffer) {
  if (position_ >= buffer.size()) return Step::kNeedMore;
  const char first = buffer[position_];
  if (state_ == State::kStartLf) {
    if (first != '\n') return refuse_request("http.bare_cr", "a CR before the request line is not followed by LF");
    ++position_;
  } else if (first == '\r') {
    // One empty line is forgiven: some clients send it after a body (RFC 9112 §2.2).
    ++position_;
    state_ = State::kStartLf;
    return Step::kGoOn;
  }
  token_ = position_;
  state_ = State::kMethod;
  return Step::kGoOn;
}

RequestParser::Step RequestParser::method(std::string_view buffer, RequestHead& out) {
  using internal::is;
  const std::size_t end = std::min(buffer.size(), token_ + kMaxMethodBytes + 1);
  position_ = internal::skip(buffer.data(), position_, end, internal::kMethodChar);
  if (position_ - token_ > kMaxMethodBytes) {
    return refuse(400, "http.method_too_long", kInvalidMethod, "the method is longer than 32 bytes");
  }
  if (position_ >= buffer.size()) return Step::kNeedMore;
  const char next = buffer[position_];
  if (next == ' ' && position_ > token_) {
    out.method.assign(buffer.substr(token_, position_ - token_));
    token_ = ++position_;
    state_ = State::kTarget;
    return Step::kGoOn;
  }
  if (next == '\n') return refuse_request("http.bare_lf", std::string(kBareLfMessage));
  if (is(next, internal::kTokenChar)) {
    return refuse(400, "http.bad_method", kInvalidMethod,
                  "the method is made of other characters than upper-case letters, '-' and '_'");
  }
  if (next == '\x16' && position_ == 0) {
    return refuse_request("http.tls_on_plain_port", "a TLS handshake arrived where plain HTTP is spoken");
  }
  return refuse_request("http.bad_request_line", "the bytes received are not an HTTP/1.1 request line");
}

RequestParser::Step RequestParser::target(std::string_view buffer, RequestHead& out) {
  const std::size_t end = std::min(buffer.size(), token_ + kMaxTargetBytes + 1);
  position_ = internal::skip_target(buffer.data(), position_, end);
  if (position_ - token_ > kMaxTargetBytes) {
    return refuse(414, "http.target_too_long", kInvalidUri, "the request target is longer than 32768 bytes");
  }
  if (position_ >= buffer.size()) return Step::kNeedMore;
  const char next = buffer[position_];
  if (next == '\n') return refuse_request("http.bare_lf", std::string(kBareLfMessage));
  if (position_ == token_) return refuse_request("http.bad_request_line", "the request line has no target");
  if (next == ' ') {
    out.target.assign(buffer.substr(token_, position_ - token_));
    token_ = ++position_;
    state_ = State::kVersion;
    return Step::kGoOn;
  }
  if (next == '\r') {
    return refuse(400, "http.version_09", kInvalid09Method,
                  "the request line names no version; HTTP/0.9 is not spoken");
  }
  return refuse(400, "http.target_byte", kInvalidUri,
                "the request target holds a control byte or one that is not ASCII; percent-encode it");
}

RequestParser::Step RequestParser::version(std::string_view buffer, RequestHead& out) {
  constexpr std::string_view kExpected = "HTTP/1.?\r\n";
  constexpr std::size_t kMinor = 7;
  constexpr std::string_view kUsual = "HTTP/1.1\r\n";
  if (position_ == token_ && buffer.substr(position_, kUsual.size()) == kUsual) position_ += kUsual.size() - 1;
  for (; position_ < buffer.size(); ++position_) {
    const std::size_t place = position_ - token_;
    const char next = buffer[position_];
    if (place == kMinor ? next == '0' || next == '1' : next == kExpected[place]) {
      if (place == kMinor && next == '0') out.version = Version::kHttp10;
      if (place + 1 < kExpected.size()) continue;
      section_.reset(++position_);
      state_ = State::kFields;
      return Step::kGoOn;
    }
    if (next == '\n') return refuse_request("http.bare_lf", std::string(kBareLfMessage));
    if (place == kExpected.size() - 1) return refuse_request("http.bare_cr", "the request line ends with CR alone");
    return refuse(400, "http.bad_version", kInvalidVersion, "the version is neither HTTP/1.1 nor HTTP/1.0");
  }
  return Step::kNeedMore;
}

RequestParser::Step RequestParser::fields(std::string_view buffer, RequestHead& out) {
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
        return refuse_request(internal::fault_code(section_.fault()), internal::fault_message(section_.fault()));
      case Section::Step::kEnd:
        position_ = section_.position();
        return finish(out);
    }
  }
}

RequestParser::Step RequestParser::field(std::string_view name, std::string_view value, RequestHead& out) {
  using internal::name_is;
  Step step = Step::kGoOn;
  switch (name.size()) {
    case 4:
      if (name_is(name, "host")) step = host(value);
      break;
    case 6:
      if (name_is(name, "expect")) {
        if (!equals_ignore_case(value, "100-continue")) {
          return refuse(417, "http.unknown_expectation", kInvalidRequest,
                        "the only expectation known is 100-continue, not " + printable(value, kQuoted));
        }
        expects_ = true;
      }
      break;
    case 7:
      has_upgrade_ = has_upgrade_ || name_is(name, "upgrade");
      break;
    case 10:
      if (name_is(name, "connection") && !connection_.add(value)) {
        return refuse_request("http.too_many_connection_options", "Connection names more than 64 options");
      }
      break;
    case 13:
      if (name_is(name, "authorization") && std::exchange(has_authorization_, true)) {
        return refuse_request("http.two_authorizations", "there are two Authorization fields");
      }
      break;
    case 14:
      if (name_is(name, "content-length")) step = content_length(value, out);
      break;
    case 17:
      if (!name_is(name, "transfer-encoding")) break;
      if (out.version == Version::kHttp10) {
        return refuse_request("http.transfer_encoding_on_10", "HTTP/1.0 has no Transfer-Encoding");
      }
      if (value != "chunked" || std::exchange(has_coding_, true)) {
        return refuse_request(
            "http.bad_transfer_encoding",
            "Transfer-Encoding must be exactly one field that says chunked, not " + printable(value, kQuoted));
      }
      break;
    default:
      break;
  }
  if (step != Step::kGoOn) return step;
  if (has_length_ && has_coding_) {
    return refuse_request("http.length_and_coding", "there are both Content-Length and Transfer-Encoding");
  }
  out.fields.add_checked(name, value);
  return Step::kGoOn;
}

RequestParser::Step RequestParser::content_length(std::string_view value, RequestHead& out) {
  if (std::exchange(has_length_, true) || value.find(',') != std::string_view::npos) {
    return refuse(400, "http.two_content_lengths", kInvalidLength, "Content-Length is given more than once");
  }
  const auto length = parse_uint(value, kMaxLength);
  if (!length) {
    return refuse(400, "http.bad_content_length", kInvalidLength,
                  "Content-Length is not a number below 2^63: " + printable(value, kQuoted));
  }
  out.content_length = *length;
  return Step::kGoOn;
}

RequestParser::Step RequestParser::host(std::string_view value) {
  if (std::exchange(has_host_, true)) {
    return refuse(400, "http.two_hosts", kInvalidHost, "there are two Host fields");
  }
  if (value == accepted_host_ && !value.empty()) return Step::kGoOn;
  if (!parse_host_port(value)) {
    return refuse(400, "http.bad_host", kInvalidHost, "Host is not host[:port]: " + printable(value, kQuoted));
  }
  accepted_host_.assign(value);
  return Step::kGoOn;
}

RequestParser::Step RequestParser::finish(RequestHead& out) {
  const bool is_11 = out.version == Version::kHttp11;
  if (is_11 && !has_host_) return refuse(400, "http.no_host", kNoHost, "an HTTP/1.1 request must have a Host field");
  if (has_coding_) {
    out.body = BodyKind::kChunked;
  } else if (has_length_) {
    out.body = BodyKind::kLength;
  }
  out.keep_alive = !connection_.close && (is_11 || connection_.keep_alive);
  // An HTTP/1.0 peer does not know the interim answer, and without a body there is nothing to wait for (RFC 9110
  // §10.1.1).
  out.expect_continue = expects_ && is_11 && (has_coding_ || out.content_length > 0);
  if (has_upgrade_) out.upgrade = asked_upgrade(out);
  state_ = State::kDone;
  return Step::kGoOn;
}

}  // namespace portcullis::http
