#include "routing/forwarded.h"

#include <charconv>
#include <string>

#include "base/strings.h"

namespace portcullis::routing {
namespace {

constexpr std::string_view kReplaced[] = {"x-forwarded-proto", "x-forwarded-port", "x-original-host",
                                          "x-original-url",    "x-appgw-trace-id", "x-azure-ja4-fingerprint"};
constexpr std::size_t kShortest = 14;  // "x-original-url"

}  // namespace

void set_forwarded_headers(http::Fields& fields, const ForwardedInfo& info) {
  std::string chain;
  // One pass takes away whatever a client sent under these names; what is true is added behind.
  fields.remove_if([&chain](const http::Field& field) {
    if (field.name.size() < kShortest || ascii_lower(field.name.front()) != 'x') return false;
    if (equals_ignore_case(field.name, "x-forwarded-for")) {
      const auto value = trim(field.value);
      if (!value.empty()) chain.append(value).append(", ");
      return true;
    }
    for (const std::string_view name : kReplaced) {
      if (equals_ignore_case(field.name, name)) return true;
    }
    return false;
  });
  chain += info.client.to_string();
  fields.add_named("x-forwarded-for", chain);
  fields.add_named("x-forwarded-proto", info.scheme);
  char port[8];
  fields.add_named("x-forwarded-port", {port, std::to_chars(port, port + sizeof port, info.port).ptr});
  // An HTTP/1.0 request may come without Host; a client's x-original-host must not fill the gap.
  if (!info.original_host.empty()) fields.add_named("x-original-host", info.original_host);
  fields.add_named("x-original-url", info.original_url);
  fields.add_named("x-appgw-trace-id", info.trace_id);
}

}  // namespace portcullis::routing
