#include "validate/validate.h"

#include "validate/internal/rules.h"

namespace portcullis::validate {

model::Findings validate(const model::Gateway& gateway, const model::HostConfig& host, const Options& options) {
  const Subject subject{gateway, host, options};
  model::Findings findings;
  check_limits(subject, findings);
  // Some rules compare every element with every other: past the limits they would cost more than their findings help.
  if (findings.has_errors()) return findings;
  check_names(subject, findings);
  check_sku(subject, findings);
  check_ssl_policies(subject, findings);
  check_server_certificates(subject, findings);
  check_client_ca_files(subject, findings);
  check_backend_cas(subject, findings);
  check_ssl_profiles(subject, findings);
  check_listeners(subject, findings);
  check_layer4(subject, findings);
  check_shared_ports(subject, findings);
  check_local_addresses(subject, findings);
  check_custom_errors(subject, findings);
  check_rules(subject, findings);
  check_url_path_maps(subject, findings);
  check_redirects(subject, findings);
  check_backends(subject, findings);
  check_rewrite_rule_sets(subject, findings);
  check_forwarded_identity(subject, findings);
  check_protection(subject, findings);
  check_served(subject, findings);
  if (!options.serving) say_what_is_kept(subject, findings);
  return findings;
}

}  // namespace portcullis::validate
