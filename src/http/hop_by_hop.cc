#include "http/hop_by_hop.h"

#include <array>
#include <string_view>

#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/internal/field_section.h"

namespace portcullis::http {

namespace {

constexpr std::array<std::string_view, 10> kHopByHop = {"Connection",          "Keep-Alive",
                                                        "Proxy-Connection",    "TE",
                                                        "Transfer-Encoding",   "Upgrade",
                                                        "HTTP2-Settings",      "Proxy-Authenticate",
                                                        "Proxy-Authorization", "Proxy-Authentication-Info"};

// End-to-end fields: a client that lists one of them in Connection would have the gateway forge its own request.
constexpr std::array<std::string_view, 8> kKept = {"Host", "Authorization", "Cookie",        "Set-Cookie",
                                                   "Date", "Forwarded",     "Cache-Control", "Trailer"};

bool is_hop_by_hop(std::string_view name) {
  for (const auto known : kHopByHop) {
    if (equals_ignore_case(name, known)) return true;
  }
  return false;
}

bool is_kept(std::string_view name) {
  for (const auto known : kKept) {
    if (equals_ignore_case(name, known)) return true;
  }
  return starts_with_ignore_case(name, "content-") || starts_with_ignore_case(name, "x-forwarded-");
}

struct Named {
  std::array<std::string_view, internal::ConnectionOptions::kMax> names;
  std::size_t count = 0;

  bool holds(std::string_view name) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (equals_ignore_case(name, names[i])) return true;
    }
    return false;
  }
};

}  // namespace

void strip_hop_by_hop(Fields& fields) {
  Named named;
  fields.for_each([&named](const Field& field) {
    if (!equals_ignore_case(field.name, "Connection")) return;
    internal::each_member(field.value, [&named](std::string_view option) {
      const bool matters = !equals_ignore_case(option, "keep-alive") && !equals_ignore_case(option, "close");
      // The parsers refuse a head with more options than fit.
      if (matters && named.count < named.names.size()) named.names[named.count++] = option;
      return true;
    });
  });
  fields.remove_if([&named](const Field& field) {
    return is_hop_by_hop(field.name) || (named.count > 0 && named.holds(field.name) && !is_kept(field.name));
  });
}

}  // namespace portcullis::http
