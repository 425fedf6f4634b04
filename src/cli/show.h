// `portcullis show`: the resource as the REST API would return it. Pure but for the clock that CA files are read with;
// control thread.
#pragma once

#include <string>
#include <vector>

#include "model/finding.h"
#include "model/gateway.h"

namespace portcullis::cli {

// The read shape of arm-api.md §1.8 as indented JSON. What only certificates tell (validatedCertData,
// clientCertIssuerDN, publicCertData) is computed; where one cannot be opened that member is left out and `findings`
// has a warning. Where a text holds one of `secure_values` it has *** there. etag and resourceGuid are digests of what
// is shown and of the resource's id, so that the same document always shows the same.
std::string show(const model::Gateway& gateway, model::Findings& findings,
                 const std::vector<std::string>& secure_values = {});

}  // namespace portcullis::cli
