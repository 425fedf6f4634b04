// The groups of rules; each appends its findings and knows nothing of the others. Pure.
#pragma once

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::validate {

// Unique, well-formed names; the sizes of collections (azure-semantics §9.4).
void check_names(const model::Gateway& gateway, model::Findings& findings);
void check_limits(const model::Gateway& gateway, model::Findings& findings);

// TLS policies, server certificates, client CA files, SSL profiles (§1.1, §3, §9.1, §9.3).
void check_ssl_policies(const model::Gateway& gateway, model::Findings& findings);
void check_certificates(const model::Gateway& gateway, const model::HostConfig& host, model::Findings& findings);
void check_ssl_profiles(const model::Gateway& gateway, model::Findings& findings);

// Listeners (§4.1) and the local addresses they end up on.
void check_listeners(const model::Gateway& gateway, model::Findings& findings);
void check_shared_ports(const model::Gateway& gateway, model::Findings& findings);
void check_local_addresses(const model::Gateway& gateway, const model::HostConfig& host, model::Findings& findings);

// Rules, pools, settings, rewrite sets (§7).
void check_rules(const model::Gateway& gateway, model::Findings& findings);
void check_backends(const model::Gateway& gateway, model::Findings& findings);
void check_rewrite_rule_sets(const model::Gateway& gateway, model::Findings& findings);

}  // namespace portcullis::validate
