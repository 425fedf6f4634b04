#include "http/writer.h"

#include <array>
#include <charconv>

#include "base/strings.h"
#include "http/internal/chars.h"

namespace portcullis::http {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

// What only the head's members decide.
bool is_framing(std::string_view name) {
  switch (name.size()) {
    case 10:
      return internal::name_is(name, "connection");
    case 14:
      return internal::name_is(name, "content-length");
    case 17:
      return internal::name_is(name, "transfer-encoding");
    default:
      return false;
  }
}

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
}

void append_content_length(std::string& out, std::uint64_t length) {
  out.append("Content-Length: ");
  append_number(out, length, 10);
  out.append(kLineEnd);
}

// Appends only the bytes of `text` that are of the class.
void append_only(std::string& out, std::string_view text, internal::CharClass wanted) {
  if (internal::skip(text.data(), 0, text.size(), wanted) == text.size()) {
    out.append(text);
    return;
  }
  for (const char c : text) {
    if (internal::is(c, wanted)) out.push_back(c);
  }
}

void append_target(std::string& out, std::string_view target) {
  if (target.empty()) target = "/";
  if (internal::skip_target(target.data(), 0, target.size()) == target.size()) {
    out.append(target);
    return;
  }
  for (const char c : target) {
    if (internal::is(c, internal::kTargetChar)) {
      out.push_back(c);
    } else {
      out.append(percent_encode({&c, 1}));
    }
  }
}

// Returns how many fields cannot be written; `upgrades`: whether Upgrade is among those that were.
std::size_t append_fields(std::string& out, const Fields& fields, bool& upgrades) {
  std::size_t left_out = 0;
  std::string_view run;  // neighbours in memory go out as one piece
  fields.for_each_line([&](const Field& field, std::string_view line) {
    if (line.empty()) {
      ++left_out;
      return;
    }
    if (is_framing(field.name)) return;
    if (field.name.size() == 7 && internal::name_is(field.name, "upgrade")) upgrades = true;
    if (run.data() + run.size() == line.data() && !run.empty()) {
      run = {run.data(), run.size() + line.size()};
      return;
    }
    out.append(run);
    run = line;
  });
  out.append(run);
  return left_out;
}

void append_connection(std::string& out, bool keep_alive, bool upgrades, bool say_keep_alive) {
  if (upgrades) {
    out.append(keep_alive ? "Connection: upgrade\r\n" : "Connection: close, upgrade\r\n");
  } else if (!keep_alive) {
    out.append("Connection: close\r\n");
  } else if (say_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
}

void append_response_framing(std::string& out, const ResponseHead& head) {
  switch (head.body) {
    case BodyKind::kNone:
      if (head.announces_length) append_content_length(out, head.content_length);
      break;
    case BodyKind::kLength:
      append_content_length(out, head.content_length);
      break;
    case BodyKind::kChunked:
      out.append("Transfer-Encoding: chunked\r\n");
      break;
    case BodyKind::kUntilClose:
      break;
  }
}

}  // namespace

std::size_t append_request(std::string& out, const RequestHead& head) {
  const std::size_t start = out.size();
  append_only(out, head.method, internal::kTokenChar);
  if (out.size() == start) out.append("GET");
  out.push_back(' ');
  append_target(out, head.target);
  out.append(" HTTP/1.1\r\n");
  bool upgrades = false;
  const std::size_t left_out = append_fields(out, head.fields, upgrades);
  switch (head.body) {
    case BodyKind::kNone:
      // Servers answer 411 to these when nothing is said (RFC 9110 §8.6).
      if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") append_content_length(out, 0);
      break;
    case BodyKind::kLength:
      append_content_length(out, head.content_length);
      break;
    case BodyKind::kChunked:
    case BodyKind::kUntilClose:  // no request ends so
      out.append("Transfer-Encoding: chunked\r\n");
      break;
  }
  append_connection(out, head.keep_alive, upgrades, false);
  out.append(kLineEnd);
  return left_out;
}

std::size_t append_response(std::string& out, const ResponseHead& head) {
  const int status = head.status >= 100 && head.status <= 599 ? head.status : 500;
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(status), 10);
  out.push_back(' ');
  append_only(out, head.reason.empty() ? reason_phrase(status) : std::string_view(head.reason), internal::kValueChar);
  out.append(kLineEnd);
  bool upgrades = false;
  const std::size_t left_out = append_fields(out, head.fields, upgrades);
  // Neither may announce a body (RFC 9112 §6.1, RFC 9110 §8.6), and an interim answer does not speak for the
  // connection.
  const bool interim = status < 200 && status != 101;
  if (!interim && status != 101 && status != 204) append_response_framing(out, head);
  const bool keep_alive = interim || status == 101 || (head.keep_alive && head.body != BodyKind::kUntilClose);
  append_connection(out, keep_alive, upgrades && status == 101, head.version == Version::kHttp10 && !interim);
  out.append(kLineEnd);
  return left_out;
}

void append_chunk_head(std::string& out, std::uint64_t size) {
  append_number(out, size, 16);
  out.append(kLineEnd);
}

void append_last_chunk(std::string& out, const Fields* trailers) {
  if (trailers == nullptr || trailers->empty()) {
    out.append(kLastChunk);
    return;
  }
  out.append("0\r\n");
  bool upgrades = false;
  append_fields(out, *trailers, upgrades);
  out.append(kLineEnd);
}

bool is_token(std::string_view text) {
  return !text.empty() && internal::skip(text.data(), 0, text.size(), internal::kTokenChar) == text.size();
}

bool is_valid_field_value(std::string_view text) {
  return internal::skip_value(text.data(), 0, text.size()) == text.size();
}

}  // namespace portcullis::http
