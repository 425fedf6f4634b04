#include <algorithm>

#include "base/strings.h"
#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::model {

namespace {

constexpr std::size_t kShortestCutSecret = 4;
constexpr std::size_t kShortestSecretLine = 8;
constexpr std::string_view kCut = "...";  // printable()'s mark

// How many bytes at the front of `text` show `secret`.
std::size_t shown(std::string_view text, std::string_view secret) {
  std::size_t same = 0;
  while (same < secret.size() && same < text.size() && ascii_lower(text[same]) == ascii_lower(secret[same])) ++same;
  if (same == secret.size()) return same;
  return same >= kShortestCutSecret && text.substr(same).starts_with(kCut) ? same : 0;
}

void conceal_one(std::string& text, std::string_view secret) {
  constexpr std::string_view kMask = "***";
  for (std::size_t at = 0; at < text.size() && !secret.empty();) {
    const std::size_t count = shown(std::string_view(text).substr(at), secret);
    if (count > 0) text.replace(at, count, kMask);
    at += count > 0 ? kMask.size() : 1;
  }
}

// The lines of a text of several, but for those that say what is between them in PEM.
void add_lines(std::string_view text, std::vector<std::string>& lines) {
  if (text.find_first_of("\r\n") == std::string_view::npos) return;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() >= kShortestSecretLine && !line.starts_with("-----")) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// RFC 6901.
std::string as_pointer_token(std::string_view text) {
  std::string token;
  for (const char c : text) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token += c;
  }
  return token;
}

}  // namespace

void conceal(std::string& text, const std::vector<std::string>& secrets) {
  // The longest first: one may be a part of another.
  std::vector<std::string> spellings = secrets;
  for (const std::string& secret : secrets) {
    add_lines(secret, spellings);
    std::string spelled = printable(secret, secret.size());
    if (spelled != secret) spellings.push_back(std::move(spelled));
  }
  std::sort(spellings.begin(), spellings.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::string& spelling : spellings) conceal_one(text, spelling);
}

const SslProfile* profile_of(const Gateway& gateway, const HttpListener& listener) {
  if (listener.protocol != Protocol::kHttps || !listener.ssl_profile) return nullptr;
  return find_by_name(gateway.ssl_profiles, listener.ssl_profile->name);
}

std::string pointer_to(std::string_view parent, std::string_view key) {
  return std::string(parent) + '/' + as_pointer_token(key);
}

void conceal(Findings& findings, const std::vector<std::string>& secrets) {
  std::vector<std::string> tokens;
  tokens.reserve(secrets.size());
  for (const std::string& secret : secrets) tokens.push_back(as_pointer_token(secret));
  for (Finding& finding : findings) {
    conceal(finding.message, secrets);
    conceal(finding.pointer, tokens);
  }
}

std::string to_line(const Finding& finding) {
  constexpr std::string_view kWords[] = {"error ", "warning ", "info "};
  std::string line(kWords[static_cast<std::size_t>(finding.severity)]);
  line += finding.code;
  line += ' ';
  // Of the document's own spelling: it may hold anything.
  line += finding.pointer.empty() ? "/" : printable(finding.pointer, finding.pointer.size());
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

bool HostConfig::speaks_http2(const std::string& backend_settings) const {
  const auto found = backend_protocol.find(backend_settings);
  return found != backend_protocol.end() && found->second == BackendProtocol::kH2;
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

const CrlSource* HostConfig::crl_source(const std::string& gateway, const std::string& profile) const {
  auto found = revocation.crl.find(gateway + "/" + profile);
  if (found == revocation.crl.end()) found = revocation.crl.find(profile);
  return found == revocation.crl.end() ? nullptr : &found->second;
}

const std::string* HostConfig::secret_path(std::string_view certificate_name,
                                           std::string_view key_vault_secret_id) const {
  auto found = secrets.find(certificate_name);
  if (found == secrets.end() && !key_vault_secret_id.empty()) found = secrets.find(key_vault_secret_id);
  return found == secrets.end() ? nullptr : &found->second;
}

}  // namespace portcullis::model
