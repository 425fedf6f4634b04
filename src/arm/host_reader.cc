#include "arm/host_reader.h"

#include "arm/internal/context.h"
#include "arm/internal/host_tables.h"
#include "arm/internal/table.h"

namespace portcullis::arm {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::uint64_t milliseconds;
  };
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::uint64_t kMax = 36'525ULL * 86'400'000ULL;
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto count = parse_uint(text.substr(0, text.size() - unit.suffix.size()), kMax / unit.milliseconds);
    if (count) return std::chrono::milliseconds(*count * unit.milliseconds);
  }
  return std::nullopt;
}

HostReading read_host_config(std::string_view text, const std::string& base_dir) {
  HostReading reading;
  ParsedDocument document = parse_yaml(text);
  if (document.findings.has_errors()) {
    if (document.findings[0].code == kEmptyDocument)
      reading.config.emplace();
    else
      reading.findings = std::move(document.findings);
    return reading;
  }
  ReadOptions options;
  options.base_dir = base_dir;
  Context context(Format::kYaml, options);
  model::HostConfig config;
  if (!document.root.is(Kind::kNull)) read_object(context, document.root, "", host_table(), config);
  reading.findings = context.take_findings();
  if (!reading.findings.has_errors()) reading.config = std::move(config);
  return reading;
}

}  // namespace portcullis::arm
