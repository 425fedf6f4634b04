// Base64 (RFC 4648 §4), strict: canonical padding, no stray bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

std::string base64_encode(std::string_view bytes);

// White space (space, tab, CR, LF) is skipped, as in PEM and hand-written documents; anything else that is not of the
// alphabet, wrong padding, or non-zero trailing bits is refused.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace portcullis
