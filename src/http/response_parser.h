// ResponseParser: the strict incremental parser of a backend's HTTP/1.1 response heads (RFC 9112). As strict as the
// request's parser, since a body that gateway and backend delimit differently gives one client another client's answer.
// Owned by whoever reads the backend connection, one thread; a refusal is a 502 and ends that connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/internal/field_section.h"
#include "http/message.h"
#include "http/refusal.h"

namespace portcullis::http {

constexpr std::size_t kMaxResponseLineBytes = 8192;
constexpr std::size_t kMaxResponseHeadBytes = 65536;  // status line and fields together
constexpr std::size_t kMaxResponseFields = 300;

class ResponseParser {
 public:
  using Parse = http::Parse;

  // `request_method` decides whether a body follows (RFC 9112 §6.3): none to HEAD, none to a 2xx of CONNECT.
  explicit ResponseParser(std::string_view request_method = "GET") { reset(request_method); }

  // As RequestParser::parse. A 1xx is an ordinary done head with no body: the final head follows; drop the consumed
  // bytes, reset() and go on. Sets body, content_length, announces_length and keep_alive of `out`; keep_alive is false
  // too where the end of the body is the end of the connection or where a bodiless status announced a body.
  Parse parse(std::string_view buffer, ResponseHead& out);

  // After kDone: the size of the head in bytes.
  std::size_t consumed() const { return position_; }
  // After kRefused; status 502.
  const Refusal& refusal() const { return refusal_; }
  // True while not one byte of a message was accepted.
  bool idle() const { return position_ == 0; }
  void reset(std::string_view request_method);

 private:
  enum class State : std::uint8_t { kStatus, kReason, kReasonLf, kFields, kDone, kRefused };
  enum class Step : std::uint8_t { kGoOn, kNeedMore, kRefused };

  Step status_line(std::string_view buffer, ResponseHead& out);
  Step reason(std::string_view buffer, ResponseHead& out);
  Step fields(std::string_view buffer, ResponseHead& out);
  Step field(std::string_view name, std::string_view value, ResponseHead& out);
  Step finish(ResponseHead& out);
  Step refuse(std::string_view code, std::string message);

  State state_ = State::kStatus;
  bool to_head_ = false, to_connect_ = false;
  bool has_length_ = false, has_coding_ = false;
  std::size_t position_ = 0;
  std::size_t reason_ = 0;
  internal::FieldSection section_{{kMaxResponseHeadBytes, kMaxResponseFields}};
  internal::ConnectionOptions connection_;
  Refusal refusal_;
};

}  // namespace portcullis::http
