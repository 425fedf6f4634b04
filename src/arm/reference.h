// The reference of both files, out of the tables that read them: docs/configuration.md and the JSON Schema for editors.
// Pure; any thread. `./dev docs` writes them, a test fails when they are stale.
#pragma once

#include <string>

namespace portcullis::arm {

// Markdown: every property of the gateway resource and every key of the host file.
std::string configuration_markdown();

// JSON Schema (draft-07) of a gateway resource body, with canonical names.
std::string gateway_json_schema();

}  // namespace portcullis::arm
