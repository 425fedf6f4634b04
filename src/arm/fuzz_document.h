// For fuzz targets: any bytes as a gateway document in one format. No crash, no hang, no success with errors, and what
// was read and written is the same document.
#pragma once

#include <string>
#include <string_view>

#include "arm/error_body.h"
#include "arm/gateway_reader.h"
#include "arm/writer.h"
#include "base/check.h"

namespace portcullis::arm {

inline void expect_same_when_read_again(const model::Gateway& gateway) {
  WriteOptions options;
  options.with_secrets = true;
  const std::string once = to_json(write_gateway(gateway, options));
  ReadOptions nameless;
  nameless.name_if_absent = gateway.name;
  const GatewayReading again = read_gateway(once, Format::kJson, nameless);
  // Escapes and ids may have grown it over the size limit.
  if (again.gateway) CHECK(to_json(write_gateway(*again.gateway, options)) == once);
}

inline void fuzz_document(std::string_view text, Format format) {
  const GatewayReading reading = read_gateway(text, format, {});
  CHECK(reading.gateway.has_value() != reading.findings.has_errors());
  if (reading.gateway)
    expect_same_when_read_again(*reading.gateway);
  else
    CHECK(error_body(reading.findings).find("error") != nullptr);
  const ParsedDocument document = parse_document(text, format);
  if (document.findings.has_errors()) return;
  const std::string written = to_json(document.root);
  const ParsedDocument again = parse_json(written);
  if (!again.findings.has_errors()) CHECK(to_json(again.root) == written);
}

}  // namespace portcullis::arm
