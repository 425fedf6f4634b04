// The tables of the gateway resource: every property of arm-api.md §5 at the levels that this build reads, as rows.
// Static, immutable after first use.
#pragma once

#include "arm/internal/table.h"
#include "model/gateway.h"

namespace portcullis::arm {

// The resource itself: name, location, tags, …, properties.
const Table<model::Gateway>& gateway_resource_table();
// What stands under the resource's `properties`.
const Table<model::Gateway>& gateway_properties_table();

}  // namespace portcullis::arm
