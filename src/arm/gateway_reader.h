// Reads a gateway document (ARM resource body, or a template, whose expressions are evaluated, or what `az … show` made
// of a body; JSON or YAML) into the model. Strict: an unknown member, a wrong type or a dangling reference is a
// finding, and every finding is reported at once. Pure but for the files that '@file' and 'file:///' values name.
// Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arm/document.h"
#include "arm/template.h"
#include "model/finding.h"
#include "model/gateway.h"

namespace portcullis::arm {

// Whether '@file' and 'file:///' values may be followed: only in documents that lie on this machine's disk.
enum class FileAccess : std::uint8_t { kForbidden, kAllowed };

struct ReadOptions {
  std::string base_dir;  // where relative '@file' paths start; empty: the working directory
  FileAccess files = FileAccess::kForbidden;
  std::string name_if_absent = "gateway";  // a resource body may leave its name to the URL that it is sent to
  TemplateOptions deployment;              // for a document that is a template
};

// `gateway` is present exactly when `findings` holds no error; warnings may stand beside it.
struct GatewayReading {
  std::optional<model::Gateway> gateway;
  model::Findings findings;
  std::vector<std::string> secure_values;  // what no later message may show either; see model::conceal()
};

GatewayReading read_gateway(std::string_view text, Format format, const ReadOptions& options);

}  // namespace portcullis::arm
