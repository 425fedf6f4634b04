// The opening handshake of WebSocket over HTTP/1.1 (RFC 6455 §4), both sides of it, read strictly: where gateway and
// backend could differ about whether a connection has become a tunnel, requests could be smuggled through it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace portcullis::http {

constexpr std::string_view kWebSocketVersion = "13";  // RFC 6455 §4.1; the only one there is
// Appended to the client's key before it is hashed (RFC 6455 §1.3).
constexpr std::string_view kWebSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// kWebSocket when `head`, an HTTP/1.x request whose framing is known, is an opening handshake (§4.2.1) in every point:
// GET, HTTP/1.1, no body, `Connection` with the option upgrade, one `Upgrade: websocket` that names nothing else, one
// key of 16 bytes in base64, one version 13. Anything less is an ordinary request that asks for nothing.
Upgrade asked_upgrade(const RequestHead& head);

// True when `head` is a backend's whole and correct agreement (§4.1): HTTP/1.1, status 101, one `Upgrade: websocket`,
// `Connection` with the option upgrade, one Sec-WebSocket-Accept equal to `accept`, and no body announced.
bool agrees_to_websocket(const ResponseHead& head, std::string_view accept);

}  // namespace portcullis::http
