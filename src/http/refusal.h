// Refusal: why a message was not accepted, in the three words the gateway needs: what the client sees (status), what
// the operator greps for (code), what Azure's access log would say (error_info). A value, made by the parsers of this
// room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis::http {

// What every incremental parser of this room answers.
enum class Parse : std::uint8_t { kNeedMore, kDone, kRefused };

struct Refusal {
  int status = 400;             // 400, 414 or 417 for a client's message, 502 for a backend's
  std::string_view code;        // stable, static storage: "http.two_content_lengths"
  std::string_view error_info;  // an ERRORINFO_… value of Azure's access log, static storage
  std::string message;          // one sentence; quotes at most a few bytes of input, made printable
};

}  // namespace portcullis::http
