// The type of a plain YAML scalar by the YAML 1.2 core schema (§10.3.2). Pure.
#pragma once

#include <string_view>

#include "arm/document.h"

namespace portcullis::arm {

// kBoolean for true|True|TRUE|false|False|FALSE, kNumber for the core integers and floats, else kString. (Null is
// recognised by the parser.)
Kind yaml_core_kind(std::string_view plain);

}  // namespace portcullis::arm
