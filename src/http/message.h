// The heads of HTTP messages as the rest of the gateway sees them, whatever protocol carried them, and how a message's
// body is delimited.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/fields.h"

namespace portcullis::http {

enum class Version : std::uint8_t { kHttp10, kHttp11, kHttp2 };

// "HTTP/1.0", "HTTP/1.1", "HTTP/2.0": as the http_version variable and the access log spell it.
std::string_view to_string(Version version);

// How a body is delimited on the wire (RFC 9112 §6.3).
enum class BodyKind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

// Another protocol that the client asks to go on with over the same connection or stream.
enum class Upgrade : std::uint8_t { kNone, kWebSocket };

struct RequestHead {
  std::string method;  // case-sensitive token
  std::string target;  // as received, byte for byte
  Version version = Version::kHttp11;
  Fields fields;
  BodyKind body = BodyKind::kNone;
  std::uint64_t content_length = 0;  // meaningful for kLength
  bool keep_alive = true;            // by version and Connection (RFC 9112 §9.3)
  bool expect_continue = false;
  // kWebSocket: a whole and correct opening handshake (RFC 6455 §4.2.1, see http/websocket.h), or over HTTP/2 an
  // extended CONNECT with `:protocol websocket` (RFC 8441), which its driver presents as a GET without a body. Any
  // other wish of the client is kNone: its Upgrade field is hop-by-hop and goes no further.
  Upgrade upgrade = Upgrade::kNone;

  void clear();  // keeps the memory
};

struct ResponseHead {
  int status = 200;  // 100–599
  std::string reason;
  Version version = Version::kHttp11;
  Fields fields;
  BodyKind body = BodyKind::kNone;
  std::uint64_t content_length = 0;  // meaningful for kLength, and for kNone with announces_length
  bool announces_length = false;  // kNone only: an answer to HEAD or a 304 that tells the length of what it leaves out
  bool keep_alive = true;

  void clear();  // keeps the memory
};

// The reason phrase of RFC 9110 §15 and 421 of §15.5.20; "Unknown" for a status that has none.
std::string_view reason_phrase(int status);

}  // namespace portcullis::http
