// The tables of the host file: every key of product.md, "Two files", as rows.
#pragma once

#include "arm/internal/table.h"
#include "model/host_config.h"

namespace portcullis::arm {

const Table<model::HostConfig>& host_table();
// The keys below `revocation`, `egress` and the other parts whose features come later.
const Table<model::Revocation>& revocation_table();

}  // namespace portcullis::arm
