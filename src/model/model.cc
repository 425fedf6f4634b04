#include "base/strings.h"
#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::model {

std::string to_line(const Finding& finding) {
  constexpr std::string_view kWords[] = {"error ", "warning ", "info "};
  std::string line(kWords[static_cast<std::size_t>(finding.severity)]);
  line += finding.code;
  line += ' ';
  line += finding.pointer.empty() ? "/" : finding.pointer;
  line += ": ";
  line += finding.message;
  return line;
}

EffectiveClientAuth effective_client_auth(const SslProfile& profile) {
  if (!profile.client_auth)
    return profile.trusted_client_certificates.empty() ? EffectiveClientAuth::kNone : EffectiveClientAuth::kStrict;
  return profile.client_auth->verify_client_auth_mode == ClientAuthMode::kPassthrough
             ? EffectiveClientAuth::kPassthrough
             : EffectiveClientAuth::kStrict;
}

ClientAuthConfiguration effective_client_auth_configuration(const SslProfile& profile) {
  return profile.client_auth.value_or(ClientAuthConfiguration{});
}

std::vector<IpAddress> HostConfig::bind_addresses(std::string_view frontend_ip_configuration) const {
  const auto found = bind.find(frontend_ip_configuration);
  if (found == bind.end() || found->second.empty()) return {IpAddress{}};
  return found->second;
}

std::uint16_t HostConfig::local_port(std::uint16_t frontend_port) const {
  const auto found = ports.find(frontend_port);
  return found == ports.end() ? frontend_port : found->second;
}

const std::string* HostConfig::secret_path(std::string_view certificate_name,
                                           std::string_view key_vault_secret_id) const {
  auto found = secrets.find(certificate_name);
  if (found == secrets.end() && !key_vault_secret_id.empty()) found = secrets.find(key_vault_secret_id);
  return found == secrets.end() ? nullptr : &found->second;
}

}  // namespace portcullis::model
