#include "http/websocket.h"

#include "base/base64.h"
#include "base/strings.h"

namespace portcullis::http {

namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kKeyText = 24;  // in base64

// The value of a field that is there exactly once; empty otherwise.
std::string_view only(const Fields& fields, std::string_view name) {
  if (fields.count(name) != 1) return {};
  return *fields.get(name);
}

bool is_key(std::string_view text) {
  // The decoder forgives white space: the length does not.
  if (text.size() != kKeyText) return false;
  const auto bytes = base64_decode(text);
  return bytes && bytes->size() == kKeyBytes;
}

bool names_websocket(const Fields& fields) {
  return equals_ignore_case(only(fields, "Upgrade"), "websocket") && fields.has_token("Connection", "upgrade");
}

}  // namespace

Upgrade asked_upgrade(const RequestHead& head) {
  const bool may_switch = head.method == "GET" && head.version == Version::kHttp11 && head.body == BodyKind::kNone;
  if (!may_switch || !names_websocket(head.fields)) return Upgrade::kNone;
  const bool correct =
      only(head.fields, "Sec-WebSocket-Version") == kWebSocketVersion && is_key(only(head.fields, "Sec-WebSocket-Key"));
  return correct ? Upgrade::kWebSocket : Upgrade::kNone;
}

bool agrees_to_websocket(const ResponseHead& head, std::string_view accept) {
  if (head.status != 101 || head.version != Version::kHttp11) return false;
  // RFC 9112 §6.1: neither may be sent with a 1xx.
  if (head.fields.has("Transfer-Encoding") || head.fields.has("Content-Length")) return false;
  return names_websocket(head.fields) && only(head.fields, "Sec-WebSocket-Accept") == accept;
}

}  // namespace portcullis::http
