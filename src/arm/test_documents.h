// What the tests of the gateway reader share: small documents and a way to print findings.
#pragma once

#include <string>
#include <string_view>

#include "arm/gateway_reader.h"

namespace portcullis::arm {

inline constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

inline constexpr const char* kFullIdBase =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/gw";

inline GatewayReading read(const std::string& text, Format format = Format::kJson, const ReadOptions& options = {}) {
  return read_gateway(text, format, options);
}

inline std::string all(const model::Findings& findings) {
  std::string text;
  for (const auto& finding : findings) text += to_line(finding) + "\n";
  return text;
}

// A properties object around some members, as a document.
inline std::string properties(const std::string& members) { return R"({"name":"gw","properties":{)" + members + "}}"; }

}  // namespace portcullis::arm
