#include "http/internal/trailer_names.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace portcullis::http::internal {

namespace {

// RFC 9110 §6.5.1 and the fields that decide what a message means before its body is read.
constexpr std::array<std::string_view, 39> kNotInTrailers = {"Host",
                                                             "Connection",
                                                             "Keep-Alive",
                                                             "Proxy-Connection",
                                                             "Transfer-Encoding",
                                                             "TE",
                                                             "Trailer",
                                                             "Upgrade",
                                                             "HTTP2-Settings",
                                                             "Expect",
                                                             "Max-Forwards",
                                                             "Range",
                                                             "Cache-Control",
                                                             "Pragma",
                                                             "Expires",
                                                             "Age",
                                                             "Date",
                                                             "Vary",
                                                             "Location",
                                                             "Retry-After",
                                                             "Warning",
                                                             "Authorization",
                                                             "WWW-Authenticate",
                                                             "Proxy-Authenticate",
                                                             "Proxy-Authorization",
                                                             "Authentication-Info",
                                                             "Proxy-Authentication-Info",
                                                             "Cookie",
                                                             "Set-Cookie",
                                                             "Forwarded",
                                                             "Via",
                                                             "If-Match",
                                                             "If-None-Match",
                                                             "If-Modified-Since",
                                                             "If-Unmodified-Since",
                                                             "If-Range",
                                                             "Allow",
                                                             "Client-Cert",
                                                             "Client-Cert-Chain"};

}  // namespace

bool is_forbidden_trailer(std::string_view name) {
  if (starts_with_ignore_case(name, "content-") || starts_with_ignore_case(name, "x-forwarded-") ||
      starts_with_ignore_case(name, "x-original-") || starts_with_ignore_case(name, "x-appgw-") ||
      starts_with_ignore_case(name, "x-azure-") || starts_with_ignore_case(name, "access-control-")) {
    return true;
  }
  return std::any_of(kNotInTrailers.begin(), kNotInTrailers.end(),
                     [name](std::string_view forbidden) { return equals_ignore_case(name, forbidden); });
}

}  // namespace portcullis::http::internal
