// HTTP/2 field sections and what they mean (RFC 9113 §8): a request's section becomes a RequestHead like any other, a
// ResponseHead becomes a section. Everything that makes a message malformed is decided here and nowhere else: nghttp2's
// own opinion is switched off, so that there is one. Pure; one reader a stream, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "http/refusal.h"

namespace portcullis::http {

constexpr std::size_t kMaxH2FieldBytes = 8 * 1024;     // name and value of one field; azure-semantics §9.4
constexpr std::size_t kMaxH2SectionBytes = 16 * 1024;  // of one section, counted as RFC 9113 §6.5.2 does
constexpr std::size_t kH2FieldOverhead = 32;           // added for each field by that count
constexpr std::size_t kMaxH2Fields = 200;

// Reads a request's header section field by field, then perhaps its trailer section. The first fault is kept, the rest
// of the section is passed over.
class H2RequestReader {
 public:
  // `extended_connect`: SETTINGS_ENABLE_CONNECT_PROTOCOL was sent, so `:protocol` is known (RFC 8441).
  void begin(RequestHead& out, bool extended_connect);
  void field(std::string_view name, std::string_view value, RequestHead& out);
  // `end_stream`: no content follows.
  void finish(bool end_stream, RequestHead& out);

  void begin_trailers() { section_ = count_ = 0; }
  // As field(); what must not stand in a trailer (RFC 9110 §6.5.1) is dropped.
  void trailer(std::string_view name, std::string_view value, Fields& out);

  // Content arrived; false: it is more than Content-Length says.
  bool content(std::uint64_t bytes, const RequestHead& head);
  // The stream ended; false: content is missing.
  bool complete(const RequestHead& head);

  // Refuses for a reason that lies outside the fields. A refusal that stands already is kept.
  void malform(std::string_view code, std::string message);
  bool refused() const { return refused_; }
  Refusal& refusal() { return refusal_; }
  // The refusal is one for which the stream must be reset with PROTOCOL_ERROR (RFC 9113 §8.1.1).
  bool malformed() const { return malformed_; }
  std::size_t section_bytes() const { return section_; }

 private:
  bool take(std::string_view name, std::string_view value);
  void pseudo(std::string_view name, std::string_view value, RequestHead& out);
  void path(std::string_view value, RequestHead& out);
  bool regular(std::string_view name, std::string_view value, RequestHead& out);
  bool host(std::string_view value);
  void content_length(std::string_view value, RequestHead& out);
  void connect(RequestHead& out);
  void refuse(int status, std::string_view code, std::string_view error_info, std::string message);

  std::size_t section_ = 0, count_ = 0;
  std::uint64_t received_ = 0;
  bool extended_connect_ = false;
  bool has_method_ = false, has_scheme_ = false, has_authority_ = false, has_path_ = false, has_protocol_ = false;
  bool has_regular_ = false, has_host_ = false, has_length_ = false, has_authorization_ = false, expects_ = false;
  bool is_websocket_ = false;
  bool refused_ = false, malformed_ = false;
  std::string authority_, cookie_;
  std::string accepted_authority_;  // the last one found valid: streams of one connection name the same
  Refusal refusal_;
};

// A field as it goes into a section. Names are in any case: whoever encodes them writes lower case.
struct H2Field {
  std::string_view name, value;
};

// A section under construction, of views into the head or fields it was made of, which must outlive it. What HTTP/2
// does not carry (Connection and its kind) and what no field line can hold is left out.
class H2Section {
 public:
  void clear() { fields_.clear(); }
  // `:status` and the fields; content-length where the head's framing tells one.
  void response(const ResponseHead& head);
  void trailers(const Fields& fields);
  // A request to a backend: pseudo-header fields of RFC 9113 §8.3.1 (`:scheme` is "http"), the fields, content-length
  // where the head's framing tells one. `te: trailers` says that trailers are passed on, which gRPC servers ask for.
  void request(const RequestHead& head);
  const std::vector<H2Field>& fields() const { return fields_; }

 private:
  void add(const Field& field, std::string_view line);
  void add_length(std::uint64_t length);

  std::vector<H2Field> fields_;
  std::array<char, 4> status_;
  std::array<char, 24> length_;
};

}  // namespace portcullis::http
