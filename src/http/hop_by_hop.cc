#include "http/hop_by_hop.h"

#include <array>
#include <string_view>

#include "base/strings.h"
#include "http/internal/chars.h"
#include "http/internal/field_section.h"

namespace portcullis::http {

namespace {

// End-to-end fields: a client that lists one of them in Connection would have the gateway forge its own request.
constexpr std::array<std::string_view, 8> kKept = {"Host", "Authorization", "Cookie",        "Set-Cookie",
                                                   "Date", "Forwarded",     "Cache-Control", "Trailer"};

bool is_hop_by_hop(std::string_view name) {
  using internal::name_is;
  switch (name.size()) {
    case 2:
      return name_is(name, "te");
    case 7:
      return name_is(name, "upgrade");
    case 10:
      return name_is(name, "connection") || name_is(name, "keep-alive");
    case 14:
      return name_is(name, "http2-settings");
    case 16:
      return name_is(name, "proxy-connection");
    case 17:
      return name_is(name, "transfer-encoding");
    case 18:
      return name_is(name, "proxy-authenticate");
    case 19:
      return name_is(name, "proxy-authorization");
    case 25:
      return name_is(name, "proxy-authentication-info");
    default:
      return false;
  }
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
    if (!internal::name_is(field.name, "connection")) return;
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
