// The output of `az … show`, as an operator saves it: `az resource show` adds `resourceGroup` and null members to the
// resource, `az network application-gateway show` also leaves the `properties` levels out and puts `resourceGroup`
// beside every id. Pure.
#pragma once

#include "arm/document.h"

namespace portcullis::arm {

// Whether this is such output: a resource with `resourceGroup`, which no body of the REST API has.
bool is_az_output(const Node& resource);

// Makes it the body that the REST API returned. The places of what was wrapped are the REST body's.
void restore_rest_body(Node& resource);

}  // namespace portcullis::arm
