// Reads the host file (portcullis.yaml) into model::HostConfig: strict and table-driven, every mistake at once, each
// with its pointer and line. Keys that are known but not acted on by this build are listed in
// HostConfig::unsupported_yet. Pure: files are named, made absolute against `base_dir`, never opened. Control thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "model/finding.h"
#include "model/host_config.h"

namespace portcullis::arm {

// `config` is present exactly when `findings` holds no error.
struct HostReading {
  std::optional<model::HostConfig> config;
  model::Findings findings;
};

// An empty document is a HostConfig of defaults.
HostReading read_host_config(std::string_view text, const std::string& base_dir);

// A time span of the host file: digits and a unit (ms, s, m, h, d): "8h", "90m", "500ms". Nothing on any other text or
// on overflow of 100 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace portcullis::arm
