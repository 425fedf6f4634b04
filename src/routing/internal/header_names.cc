#include "routing/internal/header_names.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace portcullis::routing::internal {

bool is_plain_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-'; });
}

bool is_framing_header(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "connection", "content-length", "keep-alive",        "proxy-connection",
      "te",         "trailer",        "transfer-encoding", "upgrade"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view framing) { return equals_ignore_case(framing, name); });
}

}  // namespace portcullis::routing::internal
