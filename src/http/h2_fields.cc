#include "http/h2_fields.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/host_name.h"
#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/internal/trailer_names.h"
#include "http/request_parser.h"

namespace portcullis::http {

namespace {

constexpr std::string_view kInvalidRequest = "ERRORINFO_INVALID_REQUEST";
constexpr std::string_view kInvalidMethod = "ERRORINFO_INVALID_METHOD";
constexpr std::string_view kInvalidHost = "ERRORINFO_INVALID_HOST";
constexpr std::string_view kInvalidLength = "ERRORINFO_INVALID_CONTENT_LENGTH";
constexpr std::string_view kInvalidUri = "ERRORINFO_REQUEST_URI_INVALID";
constexpr std::string_view kNoHost = "ERRORINFO_HTTP_NO_HOST_HEADER";

constexpr std::uint64_t kMaxLength = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kQuoted = 64;

// Lower-case token (RFC 9113 §8.2.1).
bool is_h2_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return internal::is(c, internal::kTokenChar) && !(c >= 'A' && c <= 'Z');
  });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_h2_value(std::string_view value) {
  if (value.empty()) return true;
  if (is_blank(value.front()) || is_blank(value.back())) return false;
  return internal::skip_value(value.data(), 0, value.size()) == value.size();
}

// What belongs to a connection of HTTP/1.1 (RFC 9113 §8.2.2).
bool is_connection_specific(std::string_view name) {
  using internal::name_is;
  switch (name.size()) {
    case 7:
      return name_is(name, "upgrade");
    case 10:
      return name_is(name, "connection") || name_is(name, "keep-alive");
    case 16:
      return name_is(name, "proxy-connection");
    case 17:
      return name_is(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace

void H2RequestReader::begin(RequestHead& out, bool extended_connect) {
  out.clear();
  out.version = Version::kHttp2;
  section_ = count_ = 0;
  received_ = 0;
  extended_connect_ = extended_connect;
  has_method_ = has_scheme_ = has_authority_ = has_path_ = has_protocol_ = false;
  has_regular_ = has_host_ = has_length_ = has_authorization_ = expects_ = is_websocket_ = false;
  refused_ = malformed_ = false;
  authority_.clear();
  cookie_.clear();
}

void H2RequestReader::refuse(int status, std::string_view code, std::string_view error_info, std::string message) {
  if (std::exchange(refused_, true)) return;
  refusal_ = {status, code, error_info, std::move(message)};
}

void H2RequestReader::malform(std::string_view code, std::string message) {
  // Also behind a refusal of another kind: the stream has to be reset all the same.
  malformed_ = true;
  refuse(400, code, kInvalidRequest, std::move(message));
}

// Counts the field; false: it is one too many, or too large.
bool H2RequestReader::take(std::string_view name, std::string_view value) {
  const std::size_t size = name.size() + value.size();
  section_ += size + kH2FieldOverhead;
  ++count_;
  if (size > kMaxH2FieldBytes) {
    if (name == ":path") {
      refuse(414, "http.target_too_long", kInvalidUri, "the request target is longer than a field of 8192 bytes");
    } else {
      refuse(400, "http.fields_too_large", kInvalidRequest, "a field takes more than 8192 bytes");
    }
  } else if (section_ > kMaxH2SectionBytes) {
    refuse(400, "http.fields_too_large", kInvalidRequest, "the fields take more than 16384 bytes");
  } else if (count_ > kMaxH2Fields) {
    refuse(400, "http.too_many_fields", kInvalidRequest, "there are more fields than are accepted");
  }
  return !refused_;
}

void H2RequestReader::field(std::string_view name, std::string_view value, RequestHead& out) {
  if (!take(name, value)) return;
  if (!name.empty() && name.front() == ':') return pseudo(name, value, out);
  has_regular_ = true;
  if (regular(name, value, out)) out.fields.add_checked(name, value);
}

void H2RequestReader::pseudo(std::string_view name, std::string_view value, RequestHead& out) {
  if (has_regular_) return malform("http2.late_pseudo_header", "a pseudo-header field stands behind a regular one");
  bool* seen = nullptr;
  if (name == ":method") seen = &has_method_;
  if (name == ":scheme") seen = &has_scheme_;
  if (name == ":authority") seen = &has_authority_;
  if (name == ":path") seen = &has_path_;
  if (name == ":protocol" && extended_connect_) seen = &has_protocol_;
  if (seen == nullptr) {
    return malform("http2.unknown_pseudo_header", "an unknown pseudo-header field: " + printable(name, kQuoted));
  }
  if (std::exchange(*seen, true)) {
    return malform("http2.two_pseudo_headers", "a pseudo-header field is given twice: " + std::string(name));
  }
  if (!is_h2_value(value)) return malform("http.control_byte", "a field value holds a byte that it must not");
  if (seen == &has_method_) {
    const bool usual = !value.empty() && value.size() <= kMaxMethodBytes &&
                       internal::skip(value.data(), 0, value.size(), internal::kMethodChar) == value.size();
    if (!usual) {
      return refuse(400, "http.bad_method", kInvalidMethod,
                    "the method is not made of at most 32 upper-case letters, '-' and '_'");
    }
    out.method.assign(value);
  } else if (seen == &has_scheme_) {
    if (value != "https" && value != "http") {
      malform("http2.bad_scheme", "the scheme is neither https nor http: " + printable(value, kQuoted));
    }
  } else if (seen == &has_authority_) {
    if ((value.empty() || value != accepted_authority_) && !parse_host_port(value)) {
      return refuse(400, "http.bad_host", kInvalidHost,
                    "the authority is not host[:port]: " + printable(value, kQuoted));
    }
    authority_.assign(value);
    accepted_authority_.assign(value);
    out.fields.add_checked("host", value);
  } else if (seen == &has_path_) {
    path(value, out);
  } else {
    is_websocket_ = value == "websocket";
  }
}

void H2RequestReader::path(std::string_view value, RequestHead& out) {
  if (value.empty()) return malform("http2.empty_path", "the path is empty");
  if (internal::skip_target(value.data(), 0, value.size()) != value.size()) {
    return refuse(400, "http.target_byte", kInvalidUri,
                  "the request target holds a control byte or one that is not ASCII; percent-encode it");
  }
  if (value.front() != '/' && value != "*") {
    return malform("http2.bad_path", "the path neither begins with '/' nor is '*': " + printable(value, kQuoted));
  }
  out.target.assign(value);
}

// False: the field is not to be kept as it stands.
bool H2RequestReader::regular(std::string_view name, std::string_view value, RequestHead& out) {
  if (!is_h2_name(name)) {
    malform("http.bad_field_name", "a field name is empty, in upper case or no token: " + printable(name, kQuoted));
    return false;
  }
  if (!is_h2_value(value)) {
    malform("http.control_byte", "a field value holds a byte that it must not: " + printable(name, kQuoted));
    return false;
  }
  if (is_connection_specific(name) || (name == "te" && value != "trailers")) {
    malform("http2.connection_field", "a field of HTTP/1.1 connections in HTTP/2: " + std::string(name));
    return false;
  }
  switch (name.size()) {
    case 4:
      return name != "host" || host(value);
    case 6:
      if (name == "expect") {
        if (equals_ignore_case(value, "100-continue")) {
          expects_ = true;
        } else {
          refuse(417, "http.unknown_expectation", kInvalidRequest,
                 "the only expectation known is 100-continue, not " + printable(value, kQuoted));
        }
      }
      if (name != "cookie") return true;
      // RFC 9113 §8.2.3: crumbs are one field again where they leave HTTP/2.
      if (!cookie_.empty()) cookie_.append("; ");
      cookie_.append(value);
      return false;
    case 13:
      if (name == "authorization" && std::exchange(has_authorization_, true)) {
        refuse(400, "http.two_authorizations", kInvalidRequest, "there are two Authorization fields");
      }
      return true;
    case 14:
      if (name == "content-length") content_length(value, out);
      return true;
    default:
      return true;
  }
}

bool H2RequestReader::host(std::string_view value) {
  if (std::exchange(has_host_, true)) {
    refuse(400, "http.two_hosts", kInvalidHost, "there are two Host fields");
    return false;
  }
  const auto named = parse_host_port(value);
  if (!named) {
    refuse(400, "http.bad_host", kInvalidHost, "Host is not host[:port]: " + printable(value, kQuoted));
    return false;
  }
  if (authority_.empty()) return true;
  const auto authority = parse_host_port(authority_);
  if (authority->host != named->host || authority->port != named->port) {
    malform("http2.host_differs", "Host names another host than :authority");
  }
  return false;
}

void H2RequestReader::content_length(std::string_view value, RequestHead& out) {
  if (std::exchange(has_length_, true) || value.find(',') != std::string_view::npos) {
    return refuse(400, "http.two_content_lengths", kInvalidLength, "Content-Length is given more than once");
  }
  const auto length = parse_uint(value, kMaxLength);
  if (!length) {
    return refuse(400, "http.bad_content_length", kInvalidLength,
                  "Content-Length is not a number below 2^63: " + printable(value, kQuoted));
  }
  out.content_length = *length;
}

void H2RequestReader::finish(bool end_stream, RequestHead& out) {
  if (!cookie_.empty()) out.fields.add_checked("cookie", cookie_);
  if (refused_) return;
  if (!has_method_) return malform("http2.missing_pseudo_header", "there is no :method");
  if (out.method == "CONNECT" || has_protocol_) return connect(out);
  if (!has_scheme_ || !has_path_) return malform("http2.missing_pseudo_header", "there is no :scheme or no :path");
  if (out.target == "*" && out.method != "OPTIONS")
    return malform("http2.bad_path", "the path '*' is for OPTIONS only");
  if (!has_authority_ && !has_host_) return refuse(400, "http.no_host", kNoHost, "a request must name a host");
  if (end_stream) {
    if (out.content_length > 0) {
      malformed_ = true;
      return refuse(400, "http.content_length_mismatch", kInvalidLength, "content was announced and none came");
    }
    return;
  }
  out.body = has_length_ ? BodyKind::kLength : BodyKind::kChunked;
  out.expect_continue = expects_;
}

// RFC 9113 §8.5, RFC 8441 §4. What comes out of an extended CONNECT looks like the request of HTTP/1.1 that asks for
// the same.
void H2RequestReader::connect(RequestHead& out) {
  if (!has_protocol_) {
    if (has_scheme_ || has_path_ || !has_authority_) {
      return malform("http2.bad_connect", "CONNECT has :authority and neither :scheme nor :path");
    }
    out.target = authority_;
    return;
  }
  if (out.method != "CONNECT" || !has_scheme_ || !has_path_ || !has_authority_ || out.target.front() != '/') {
    return malform("http2.bad_connect", ":protocol needs CONNECT, :scheme, :path and :authority");
  }
  if (!is_websocket_) {
    return refuse(501, "http2.unknown_protocol", kInvalidRequest, "the only protocol known to CONNECT is websocket");
  }
  out.method = "GET";
  out.upgrade = Upgrade::kWebSocket;
}

void H2RequestReader::trailer(std::string_view name, std::string_view value, Fields& out) {
  if (!take(name, value)) return;
  if (!name.empty() && name.front() == ':') {
    return malform("http2.late_pseudo_header", "a pseudo-header field stands in a trailer section");
  }
  if (!is_h2_name(name) || !is_h2_value(value) || is_connection_specific(name)) {
    return malform("http.bad_field_name", "a trailer field that must not be: " + printable(name, kQuoted));
  }
  if (!internal::is_forbidden_trailer(name)) out.add_checked(name, value);
}

bool H2RequestReader::content(std::uint64_t bytes, const RequestHead& head) {
  received_ += bytes;
  if (head.body != BodyKind::kLength || received_ <= head.content_length) return true;
  malformed_ = true;
  refuse(400, "http.content_length_mismatch", kInvalidLength, "more content came than Content-Length says");
  return false;
}

bool H2RequestReader::complete(const RequestHead& head) {
  if (head.body != BodyKind::kLength || received_ == head.content_length) return true;
  malformed_ = true;
  refuse(400, "http.content_length_mismatch", kInvalidLength, "less content came than Content-Length says");
  return false;
}

void H2Section::add(const Field& field, std::string_view line) {
  // An empty line: no field of any protocol can hold it.
  if (line.empty() || is_connection_specific(field.name)) return;
  if (field.name.size() == 14 && internal::name_is(field.name, "content-length")) return;
  if (field.name.size() == 2 && internal::name_is(field.name, "te")) return;
  fields_.push_back({field.name, internal::trim_ows(field.value)});
}

void H2Section::add_length(std::uint64_t length) {
  const auto end = std::to_chars(length_.data(), length_.data() + length_.size(), length);
  fields_.push_back({"content-length", {length_.data(), end.ptr}});
}

void H2Section::trailers(const Fields& fields) {
  fields.for_each_line([this](const Field& field, std::string_view line) { add(field, line); });
}

void H2Section::request(const RequestHead& head) {
  fields_.push_back({":method", head.method});
  fields_.push_back({":scheme", "http"});
  fields_.push_back({":authority", head.fields.get("Host").value_or("")});
  fields_.push_back({":path", head.target});
  head.fields.for_each_line([this](const Field& field, std::string_view line) {
    if (!equals_ignore_case(field.name, "host")) add(field, line);
  });
  fields_.push_back({"te", "trailers"});
  if (head.body == BodyKind::kLength) add_length(head.content_length);
}

void H2Section::response(const ResponseHead& head) {
  const int status = head.status >= 100 && head.status <= 599 ? head.status : 500;
  const auto end = std::to_chars(status_.data(), status_.data() + status_.size(), status);
  fields_.push_back({":status", {status_.data(), end.ptr}});
  trailers(head.fields);
  const bool tells = head.body == BodyKind::kLength || (head.body == BodyKind::kNone && head.announces_length);
  if (!tells || status < 200 || status == 204) return;
  add_length(head.content_length);
}

}  // namespace portcullis::http
