// Request targets (RFC 9112 §3.2) and the one normal form of their path (RFC 3986 §6.2.2). The form that comes out of
// here is what routes are matched against, what is logged and what is forwarded, so that no spelling can mean one thing
// to the gateway and another to the backend. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::http {

enum class TargetForm : std::uint8_t { kOrigin, kAbsolute, kAsterisk, kAuthority };

// error_info of every refusal of a target (azure-semantics §6.3); the status is 400.
constexpr std::string_view kTargetErrorInfo = "ERRORINFO_REQUEST_URI_INVALID";

struct Target {
  TargetForm form = TargetForm::kOrigin;
  std::string_view scheme;  // "http" or "https", static; of the absolute form only
  std::string host;         // canonical; overrides the Host field (RFC 9112 §3.2.2); absolute and authority forms
  std::optional<std::uint16_t> port;  // as named in the target
  std::string path;                   // normal form, begins with '/'; "*" for asterisk; empty for authority
  std::string query;                  // raw, without '?'
  bool has_query = false;             // "/a?" has an empty one

  bool has_host() const { return !host.empty(); }
};

// Forms by method: authority for CONNECT only, asterisk for OPTIONS only (`OPTIONS http://host` without a path is one
// too), origin and absolute (http, https; no userinfo) for every other. Errors have Origin::kClient and codes "uri.…".
Result<Target> parse_target(std::string_view method, std::string_view target);
// The same into `out`, whose memory is kept: what a keep-alive connection uses.
Result<void> parse_target_into(std::string_view method, std::string_view target, Target& out);

// The normal form of a path that begins with '/': percent-encoded unreserved characters decoded, other escapes
// upper-cased, characters that RFC 3986 does not allow in a path percent-encoded, dot segments removed (also when
// written %2e; `..` at the root is dropped, RFC 3986 §5.2.4). `%2F` and empty segments stay. Refused: %00, malformed
// escapes, control bytes, space, backslash, '#', '?', bytes over 0x7e. Idempotent. Appends to `out`; after an error
// what was appended means nothing.
Result<void> append_normal_path(std::string& out, std::string_view path);

// What to write in the request line to the backend: path, and '?' with the query where there is one.
void append_origin_form(std::string& out, const Target& target);

}  // namespace portcullis::http
