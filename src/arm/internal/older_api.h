// What an older version of Azure's API leaves out and a newer one demands. Pure.
#pragma once

#include <string_view>

#include "model/finding.h"
#include "model/gateway.h"

namespace portcullis::arm {

// Before API version 2021-08-01 rules had no priority (azure-semantics §4.2 step 6): those that have none get one, in
// the order of old: exact host names first, then wildcards, then the listeners for any host, each in document order.
// Says so once, as a warning "RulePriorityAssigned". `api_version`: of a template's resource; empty: the newest.
void assign_priorities(std::string_view api_version, model::Gateway& gateway, model::Findings& findings);

}  // namespace portcullis::arm
