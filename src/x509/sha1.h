// SHA-1, for the one protocol that still asks for it where nothing rests on its strength: WebSocket's handshake (RFC
// 6455 §4.2.2). Trust is never built on it. Pure; any thread. A failure of libcrypto itself aborts.
#pragma once

#include <string>
#include <string_view>

namespace portcullis::x509 {

// The 20 bytes of the digest.
std::string sha1(std::string_view bytes);

}  // namespace portcullis::x509
