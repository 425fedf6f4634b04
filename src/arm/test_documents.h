// What the tests of the gateway reader share: small documents and a way to print findings.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

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

// The text of a file of ../shared; nothing where that is absent.
inline std::optional<std::string> shared_text(const std::string& path) {
  const char* given = std::getenv("PORTCULLIS_SHARED");
  const std::filesystem::path beside = std::filesystem::path(__FILE__).parent_path() / "../../../shared";
  std::ifstream file((given != nullptr ? std::filesystem::path(given) : beside) / path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

inline Node tree(const std::string& text) {
  ParsedDocument document = parse_json(text);
  EXPECT_TRUE(document.findings.empty()) << all(document.findings);
  return std::move(document.root);
}

inline model::Gateway gateway_of(const std::string& text, Format format = Format::kJson) {
  GatewayReading reading = read(text, format);
  EXPECT_TRUE(reading.gateway) << all(reading.findings);
  return reading.gateway ? std::move(*reading.gateway) : model::Gateway{};
}

}  // namespace portcullis::arm
