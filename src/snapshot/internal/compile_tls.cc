#include "snapshot/internal/compile_tls.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/lever.h"
#include "snapshot/compile.h"
#include "tls/policy.h"
#include "x509/key_pair.h"
#include "x509/trusted_ca_file.h"

namespace portcullis::snapshot::internal {
namespace {

using model::Findings;

constexpr std::size_t kMaxSecretFile = 1U << 20U;
// Over this many bytes of CA names none are sent: a trimmed list makes clients withhold good certificates.
constexpr std::size_t kMaxCaNames = 16 * 1024;

std::optional<std::string> read_secret(const std::string& path, const model::SslCertificate& certificate,
                                       Findings& findings) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  if (file) {
    bytes.resize(kMaxSecretFile + 1);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
  }
  if (bytes.empty() || bytes.size() > kMaxSecretFile) {
    findings.error("SecretFileUnreadable", certificate.pointer,
                   "the file '" + path + "' for certificate '" + certificate.name +
                       "' cannot be read, is empty or is over 1 MiB; see `secrets` in the host file");
    return std::nullopt;
  }
  return bytes;
}

std::optional<x509::ServerKeyPair> load_pair(const model::SslCertificate& certificate, const model::HostConfig& host,
                                             Findings& findings) {
  std::string bytes;
  if (certificate.data) {
    bytes = certificate.data->bytes;
  } else if (const std::string* path = host.secret_path(certificate.name, certificate.key_vault_secret_id)) {
    auto read = read_secret(*path, certificate, findings);
    if (!read) return std::nullopt;
    bytes = std::move(*read);
  }
  auto pair = x509::load_key_pair(bytes, certificate.password);
  if (pair) return std::move(*pair);
  findings.error(pair.error().code, certificate.pointer,
                 "sslCertificate '" + certificate.name + "': " + pair.error().message);
  return std::nullopt;
}

tls::TlsPolicy policy_for(const model::Gateway& gateway, const model::SslProfile* profile) {
  const model::SslPolicy* source = nullptr;
  if (gateway.ssl_policy) source = &*gateway.ssl_policy;
  if (profile != nullptr && profile->ssl_policy) source = &*profile->ssl_policy;
  if (source == nullptr) return tls::default_policy();
  return tls::predefined_policy(source->policy_name).value_or(tls::default_policy());
}

bool load_anchors(const model::Gateway& gateway, const model::SslProfile& profile, clientauth::ClientPolicy& policy,
                  Findings& findings) {
  std::vector<x509::TrustedCaFile> files;
  for (const model::Ref& ref : profile.trusted_client_certificates) {
    const auto* source = model::find_by_name(gateway.trusted_client_certificates, ref.name);
    auto file = x509::parse_trusted_ca_file(source->data.bytes);
    if (!file) {
      findings.error(file.error().code, source->data_pointer, file.error().message);
      return false;
    }
    files.push_back(std::move(*file));
  }
  auto anchors = x509::TrustAnchors::build(files);
  if (!anchors) {
    findings.error(anchors.error().code, profile.pointer, anchors.error().message);
    return false;
  }
  policy.anchors = std::move(*anchors);
  return true;
}

revocation::Leniency leniency(const model::Revocation& host) {
  const auto allows = [](model::RevocationAction action) { return action == model::RevocationAction::kAllow; };
  return {allows(host.unreachable), allows(host.unknown), allows(host.no_responder), allows(host.expired_response)};
}

clientauth::OcspPolicy ocsp_policy(const model::Revocation& host) {
  clientauth::OcspPolicy policy;
  policy.leniency = leniency(host);
  policy.timeout = host.timeout;
  policy.wait_when_cold = host.cold_cache == model::ColdCache::kWait;
  policy.intermediates = host.intermediates;
  policy.nonce = host.nonce;
  policy.responder = host.responder;
  return policy;
}

// Whatever verifyClientRevocation says: lists are not in Azure's model, and who names the profile wants them.
void add_lists(const model::Gateway& gateway, const model::SslProfile& profile, const model::HostConfig& host,
               clientauth::CrlKeeper* keeper, clientauth::ClientPolicy& policy) {
  const model::CrlSource* source = host.crl_source(gateway.name, profile.name);
  if (source == nullptr) return;
  const std::vector<model::RevocationSource>& order = host.revocation.order;
  clientauth::CrlPolicy lists;
  const clientauth::CrlSettings settings{source->files, source->fetch};
  if (keeper != nullptr) {
    lists.slot = keeper->slot(gateway.name + "/" + profile.name, settings, policy.anchors->authorities());
  } else {
    lists.slot = std::make_shared<clientauth::CrlSlot>(clientauth::settings_digest(settings));
  }
  lists.leniency = leniency(host.revocation);
  lists.first = !order.empty() && order.front() == model::RevocationSource::kCrl;
  lists.intermediates = host.revocation.intermediates;
  if (source->fetch) {
    const bool waits = host.revocation.cold_cache == model::ColdCache::kWait;
    lists.fetch = clientauth::CrlFetchPolicy{host.revocation.timeout, waits};
  }
  policy.crl = std::move(lists);
}

std::shared_ptr<clientauth::Verifier> compile_verifier(const model::Gateway& gateway, const model::SslProfile* profile,
                                                       const model::HostConfig& host, const ClientKnowledge& known,
                                                       bool& ok, Findings& findings) {
  ok = true;
  if (profile == nullptr) return nullptr;
  const model::EffectiveClientAuth mode = model::effective_client_auth(*profile);
  if (mode == model::EffectiveClientAuth::kNone) return nullptr;
  clientauth::ClientPolicy policy;
  const bool strict = mode == model::EffectiveClientAuth::kStrict;
  policy.mode = strict ? clientauth::Mode::kStrict : clientauth::Mode::kPassthrough;
  const auto configured = model::effective_client_auth_configuration(*profile);
  policy.verify_issuer_dn = configured.verify_client_cert_issuer_dn;
  if (strict && configured.verify_client_revocation == model::ClientRevocation::kOcsp) {
    policy.ocsp = ocsp_policy(host.revocation);
  }
  policy.verify_depth = static_cast<int>(host.client_auth.verify_depth);
  policy.presented_certificates = host.limits.presented_certificates;
  policy.rsa_bits = host.limits.rsa_bits;
  if (strict || !profile->trusted_client_certificates.empty()) ok = load_anchors(gateway, *profile, policy, findings);
  if (!ok) return nullptr;
  if (strict) add_lists(gateway, *profile, host, known.lists, policy);
  const bool remembers = !is_switched_off(kChainCacheLever);
  return std::make_shared<clientauth::Verifier>(std::move(policy), remembers ? known.chains : nullptr, known.answers);
}

std::vector<std::string> names_to_send(const clientauth::Verifier& verifier, const model::SslProfile& profile,
                                       model::CaNames wanted, Findings& findings) {
  const clientauth::ClientPolicy& policy = verifier.policy();
  if (policy.mode != clientauth::Mode::kStrict || wanted == model::CaNames::kNone) return {};
  // With the issuer-DN rule on, any other name could only make a client choose a certificate that will be refused.
  const std::vector<std::string>& names =
      policy.verify_issuer_dn ? policy.anchors->issuer_names() : policy.anchors->ca_names();
  std::size_t total = 0;
  for (const std::string& name : names) total += name.size() + 2;
  if (total > kMaxCaNames) {
    findings.warning("CaNamesNotSent", profile.pointer,
                     "The names of the CAs of SSL profile '" + profile.name + "' take " + std::to_string(total) +
                         " bytes: over 16 KB none are sent in the CertificateRequest, so that clients with several "
                         "certificates have to know which one to present.");
    return {};
  }
  return names;
}

}  // namespace

bool compile_tls(const model::Gateway& gateway, const model::HttpListener& listener, const model::HostConfig& host,
                 const ClientKnowledge& known, Listener& out, Findings& findings) {
  out.trust = clientauth::no_client_trust();
  if (listener.protocol != model::Protocol::kHttps) return true;
  const model::SslProfile* profile = model::profile_of(gateway, listener);
  bool ok = false;
  std::shared_ptr<clientauth::Verifier> verifier = compile_verifier(gateway, profile, host, known, ok, findings);
  const auto* certificate = model::find_by_name(gateway.ssl_certificates, listener.ssl_certificate->name);
  std::optional<x509::ServerKeyPair> pair = load_pair(*certificate, host, findings);
  if (!ok || !pair) return false;
  if (verifier != nullptr) out.trust = verifier->trust();
  out.verifier = verifier;
  tls::TlsPolicy policy = policy_for(gateway, profile);
  const Digest session = clientauth::session_digest(out.trust, gateway.name + "/" + listener.name,
                                                    profile == nullptr ? "" : profile->name, tls::describe(policy));
  tls::ServerContextOptions options{std::move(*pair), std::move(policy),          verifier, {},
                                    session,          host.limits.presented_bytes};
  options.http2 = gateway.enable_http2;
  options.session_ids = host.client_auth.sessions == model::SessionMode::kStateful;
  if (verifier != nullptr) options.ca_names = names_to_send(*verifier, *profile, host.client_auth.ca_names, findings);
  auto context = tls::ServerContext::create(std::move(options));
  if (!context) {
    findings.error(context.error().code, listener.pointer,
                   "listener '" + listener.name + "': " + context.error().message);
    return false;
  }
  out.tls = std::move(*context);
  return true;
}

}  // namespace portcullis::snapshot::internal

namespace portcullis::snapshot {

std::shared_ptr<const clientauth::Verifier> compile_client_auth(const model::Gateway& gateway,
                                                                const model::HttpListener& listener,
                                                                const model::HostConfig& host,
                                                                model::Findings& findings,
                                                                clientauth::CrlKeeper* lists) {
  bool ok = false;
  const internal::ClientKnowledge known{nullptr, lists, nullptr};
  return internal::compile_verifier(gateway, model::profile_of(gateway, listener), host, known, ok, findings);
}

}  // namespace portcullis::snapshot
