// Any bytes as a gateway document (JSON and YAML) and as a host file: no crash, no hang, and no success with errors.
#include <cstdint>
#include <string_view>

#include "arm/error_body.h"
#include "arm/gateway_reader.h"
#include "arm/host_reader.h"
#include "arm/writer.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace portcullis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const arm::Format format : {arm::Format::kJson, arm::Format::kYaml}) {
    const arm::GatewayReading reading = arm::read_gateway(text, format, {});
    CHECK(reading.gateway.has_value() != reading.findings.has_errors());
    if (reading.gateway) {
      // What is written reads again, as the same document; escapes may have grown it over the size limit.
      arm::WriteOptions options;
      options.with_secrets = true;
      const std::string once = arm::to_json(arm::write_gateway(*reading.gateway, options));
      arm::ReadOptions nameless;
      nameless.name_if_absent = reading.gateway->name;
      const arm::GatewayReading again = arm::read_gateway(once, arm::Format::kJson, nameless);
      if (again.gateway) CHECK(arm::to_json(arm::write_gateway(*again.gateway, options)) == once);
    } else {
      CHECK(arm::error_body(reading.findings).find("error") != nullptr);
    }
    const arm::ParsedDocument document = arm::parse_document(text, format);
    if (!document.findings.has_errors()) {
      const std::string written = arm::to_json(document.root);
      const arm::ParsedDocument again = arm::parse_json(written);
      // What was read and written is the same document; escapes may have grown it over the size limit.
      if (!again.findings.has_errors()) CHECK(arm::to_json(again.root) == written);
    }
  }
  const arm::HostReading host = arm::read_host_config(text, "/");
  CHECK(host.config.has_value() != host.findings.has_errors());
  return 0;
}
