// The tables of what faces the backends and of what joins both sides: pools, settings, rules, rewrite sets.
#pragma once

#include "arm/internal/table.h"
#include "model/gateway.h"

namespace portcullis::arm {

const Table<model::BackendAddressPool>& backend_address_pool_table();
const Table<model::BackendHttpSettings>& backend_http_settings_table();
const Table<model::RequestRoutingRule>& request_routing_rule_table();
const Table<model::RewriteRuleSet>& rewrite_rule_set_table();

}  // namespace portcullis::arm
