// The canonical writer of HTTP/1.1 heads and chunks: one spelling of every message whatever its parts hold. No input
// can make it write a line of its own: a field whose name is not a token or whose value holds a control byte is left
// out and counted. Pure functions that append to the caller's buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/fields.h"
#include "http/message.h"

namespace portcullis::http {

// Request line and fields, blank line included. The version written is always HTTP/1.1, the gateway's own (RFC 9110
// §2.5). Content-Length, Transfer-Encoding and Connection come from the head's members only, never from its fields:
// exactly one of the first two where a body follows (`Content-Length: 0` for a POST, PUT or PATCH without one);
// `Connection: close` unless keep_alive; `Connection: upgrade` where the fields hold Upgrade. Bytes that a target
// cannot hold are percent-encoded. Returns how many fields were left out as unwritable: worth a log line, they came
// from a rewrite.
std::size_t append_request(std::string& out, const RequestHead& head);

// As append_request. BodyKind::kNone means that no body can follow (1xx, 204, 304, an answer to HEAD): no framing field
// but a Content-Length where announces_length is set. An empty answer of another kind is kLength with 0. kUntilClose
// always writes `Connection: close`; to an HTTP/1.0 peer (version) keep_alive writes `Connection: keep-alive`. A 1xx or
// 204 never gets a framing field, a 1xx other than 101 no Connection either. An empty reason is written as
// reason_phrase(status).
std::size_t append_response(std::string& out, const ResponseHead& head);

// Between this and kChunkEnd go `size` bytes of content. `size` must not be 0: that would end the body.
void append_chunk_head(std::string& out, std::uint64_t size);
constexpr std::string_view kChunkEnd = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
// The last chunk with its trailer section; nullptr or empty: kLastChunk.
void append_last_chunk(std::string& out, const Fields* trailers);
// The interim answer to Expect: 100-continue.
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// RFC 9110 §5.6.2: at least one character, tchar only.
bool is_token(std::string_view text);
// No control byte but HTAB (RFC 9110 §5.5); obs-text (0x80 and above) passes. Empty is valid.
bool is_valid_field_value(std::string_view text);

}  // namespace portcullis::http
