// RequestParser: the strict incremental parser of HTTP/1.1 request heads (RFC 9112). Whoever reads a client's bytes
// owns one per connection, calls it from that connection's thread only, and closes the connection after a refusal:
// bytes that follow a refused head have no meaning. It refuses as soon as the bytes seen can no longer become an
// acceptable head, and never more leniently at once than byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/internal/field_section.h"
#include "http/message.h"
#include "http/refusal.h"

namespace portcullis::http {

constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxTargetBytes = 32768;  // Azure: URL ≤ 32 KB; over it 414
constexpr std::size_t kMaxRequestFieldBytes =
    32768;  // Azure: headers ≤ 32 KB, names, colons and line ends included; over it 400
constexpr std::size_t kMaxRequestFields = 200;
// No acceptable head is longer: a buffer of this size always suffices (leading CRLF, two spaces, version and line end).
constexpr std::size_t kMaxRequestHeadBytes = 2 + kMaxMethodBytes + 1 + kMaxTargetBytes + 1 + 10 + kMaxRequestFieldBytes;

class RequestParser {
 public:
  using Parse = http::Parse;

  // `buffer` holds every unconsumed byte from the start of the message; each further call for the same message passes
  // the same bytes and perhaps more (at any address). Work is proportional to the new bytes. `out` must be the same
  // object in every call of one message; it is cleared by the first and complete only with kDone. The answer of a
  // finished or refused message stays the same until reset().
  Parse parse(std::string_view buffer, RequestHead& out);

  // After kDone: the size of the head in bytes, leading empty line included; the body starts there.
  std::size_t consumed() const { return position_; }
  // After kRefused.
  const Refusal& refusal() const { return refusal_; }
  // True while not one byte of a message was accepted: the peer may close here without harm.
  bool idle() const { return position_ == 0; }
  // Ready for the next message.
  void reset();

 private:
  enum class State : std::uint8_t { kStart, kStartLf, kMethod, kTarget, kVersion, kFields, kDone, kRefused };
  enum class Step : std::uint8_t { kGoOn, kNeedMore, kRefused };

  Step start(std::string_view buffer);
  Step method(std::string_view buffer, RequestHead& out);
  Step target(std::string_view buffer, RequestHead& out);
  Step version(std::string_view buffer, RequestHead& out);
  Step fields(std::string_view buffer, RequestHead& out);
  Step field(std::string_view name, std::string_view value, RequestHead& out);
  Step content_length(std::string_view value, RequestHead& out);
  Step host(std::string_view value);
  Step finish(RequestHead& out);
  Step refuse(int status, std::string_view code, std::string_view error_info, std::string message);
  Step refuse_request(std::string_view code, std::string message);

  State state_ = State::kStart;
  std::size_t position_ = 0;  // every byte before it has been looked at
  std::size_t token_ = 0;     // where the method, target or version began
  internal::FieldSection section_{{kMaxRequestFieldBytes, kMaxRequestFields}};
  internal::ConnectionOptions connection_;
  bool has_host_ = false, has_length_ = false, has_coding_ = false, has_authorization_ = false, expects_ = false;
  bool has_upgrade_ = false;
  std::string accepted_host_;  // the last Host value found valid: a keep-alive connection checks it once
  Refusal refusal_;
};

}  // namespace portcullis::http
