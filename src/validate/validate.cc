#include "validate/validate.h"

#include "validate/internal/rules.h"

namespace portcullis::validate {

model::Findings validate(const model::Gateway& gateway, const model::HostConfig& host) {
  model::Findings findings;
  check_limits(gateway, findings);
  // Some rules compare every element with every other: past the limits they would cost more than their findings help.
  if (findings.has_errors()) return findings;
  check_names(gateway, findings);
  check_ssl_policies(gateway, findings);
  check_certificates(gateway, host, findings);
  check_ssl_profiles(gateway, findings);
  check_listeners(gateway, findings);
  check_shared_ports(gateway, findings);
  check_local_addresses(gateway, host, findings);
  check_rules(gateway, findings);
  check_backends(gateway, findings);
  check_rewrite_rule_sets(gateway, findings);
  return findings;
}

}  // namespace portcullis::validate
