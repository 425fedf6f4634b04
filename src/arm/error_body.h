// What Azure Resource Manager would have answered to a document with these findings: the error body of arm-api.md §4.3.
// Pure; any thread.
#pragma once

#include <string>

#include "arm/document.h"
#include "model/finding.h"

namespace portcullis::arm {

// {"error": {"code", "message", "details": [{"code", "message"}]}}, to be sent with status 400. Documents that could
// not be read (InvalidJson, MissingJsonReferenceId, InvalidJsonReferenceFormat) are InvalidRequestFormat with one
// detail for each finding, which ends in the place as Azure spells it: "Path 'properties.x[0]', line 1, position 9.";
// any other error is the first one, with the rest as details. Warnings are left out. `findings` holds an error.
Node error_body(const model::Findings& findings);

// "/properties/httpListeners/0/name" as "properties.httpListeners[0].name".
std::string dotted_path(std::string_view pointer);

}  // namespace portcullis::arm
