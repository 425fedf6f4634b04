#include "routing/forwarded.h"

#include <string>

#include "base/strings.h"

namespace portcullis::routing {

void set_forwarded_headers(http::Fields& fields, const ForwardedInfo& info) {
  std::string chain;
  fields.for_each([&chain](const http::Field& field) {
    if (!equals_ignore_case(field.name, "x-forwarded-for")) return;
    const auto value = trim(field.value);
    if (!value.empty()) chain.append(value).append(", ");
  });
  chain += info.client.to_string();
  fields.set("x-forwarded-for", chain);
  fields.set("x-forwarded-proto", info.scheme);
  fields.set("x-forwarded-port", std::to_string(info.port));
  // An HTTP/1.0 request may come without Host; a client's x-original-host must not fill the gap.
  if (info.original_host.empty()) {
    fields.remove("x-original-host");
  } else {
    fields.set("x-original-host", info.original_host);
  }
  fields.set("x-original-url", info.original_url);
  fields.set("x-appgw-trace-id", info.trace_id);
  fields.remove("x-azure-ja4-fingerprint");
}

}  // namespace portcullis::routing
