// The groups of rules; each appends its findings and knows nothing of the others. Pure.
#pragma once

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"
#include "validate/validate.h"

namespace portcullis::validate {

// What is judged, and how.
struct Subject {
  const model::Gateway& gateway;
  const model::HostConfig& host;
  const Options& options;
};

// Unique, well-formed names; the sizes of collections (azure-semantics §9.4).
void check_names(const Subject& subject, model::Findings& findings);
void check_limits(const Subject& subject, model::Findings& findings);

// TLS policies, server certificates, client CA files, SSL profiles (§1.1, §3, §9.1, §9.3).
void check_ssl_policies(const Subject& subject, model::Findings& findings);
void check_server_certificates(const Subject& subject, model::Findings& findings);
void check_client_ca_files(const Subject& subject, model::Findings& findings);
void check_backend_cas(const Subject& subject, model::Findings& findings);
void check_ssl_profiles(const Subject& subject, model::Findings& findings);

// Listeners (§4.1, §5) and the local addresses they end up on.
void check_listeners(const Subject& subject, model::Findings& findings);
void check_layer4(const Subject& subject, model::Findings& findings);
void check_shared_ports(const Subject& subject, model::Findings& findings);
void check_local_addresses(const Subject& subject, model::Findings& findings);
void check_custom_errors(const Subject& subject, model::Findings& findings);

// Rules, path maps, redirects, pools, settings, probes, rewrite sets (§7).
void check_rules(const Subject& subject, model::Findings& findings);
void check_url_path_maps(const Subject& subject, model::Findings& findings);
void check_redirects(const Subject& subject, model::Findings& findings);
void check_backends(const Subject& subject, model::Findings& findings);
void check_rewrite_rule_sets(const Subject& subject, model::Findings& findings);
// What backends are told of clients that nobody has judged.
void check_forwarded_identity(const Subject& subject, model::Findings& findings);

// The SKU, and protection that is asked for and not enforced: an error until the host file's `unenforced` lists it.
void check_sku(const Subject& subject, model::Findings& findings);
void check_protection(const Subject& subject, model::Findings& findings);

// What is valid and not served yet; what is kept and means nothing here.
void check_served(const Subject& subject, model::Findings& findings);
void say_what_is_kept(const Subject& subject, model::Findings& findings);

// --- words that several groups use ---------------------------------------------------------------------------------

// Whether a Basic rule only redirects: its listener is "inactive" for Azure's limit (§9.4).
bool only_redirects(const model::RequestRoutingRule& rule);
// The listener's host names, hostName first.
std::vector<std::string> host_names(const model::HttpListener& listener);
bool has_wildcard(std::string_view host_name);
// The full id of a sub-resource, as far as the document tells where its gateway is.
std::string resource_id(const model::Gateway& gateway, std::string_view collection, std::string_view name);
// A policy of before 2022: those and the newer ones cannot live in one gateway (§3.2 rule 4).
bool is_old_family(const model::SslPolicy& policy);

}  // namespace portcullis::validate
