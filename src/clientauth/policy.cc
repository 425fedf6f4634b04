#include "clientauth/policy.h"

#include "x509/sha256.h"

namespace portcullis::clientauth {
namespace {

void add(x509::Sha256Builder& digest, const OcspPolicy& policy) {
  const revocation::Leniency& allows = policy.leniency;
  digest.add_field("ocsp").add_field(policy.responder);
  digest.add_u64(static_cast<std::uint64_t>(policy.timeout.count()));
  for (const bool flag : {policy.wait_when_cold, policy.intermediates, policy.nonce, allows.unreachable, allows.unknown,
                          allows.no_responder, allows.expired_response}) {
    digest.add_u64(flag ? 1 : 0);
  }
}

void add(x509::Sha256Builder& digest, const CrlPolicy& policy) {
  const revocation::Leniency& allows = policy.leniency;
  digest.add_field("crl").add_field(policy.slot->settings().view());
  for (const bool flag : {policy.first, policy.intermediates, allows.no_responder, allows.expired_response}) {
    digest.add_u64(flag ? 1 : 0);
  }
  if (!policy.fetch) return;
  digest.add_field("fetch").add_u64(static_cast<std::uint64_t>(policy.fetch->timeout.count()));
  for (const bool flag : {policy.fetch->wait_when_cold, allows.unreachable}) digest.add_u64(flag ? 1 : 0);
}

}  // namespace

Digest trust_digest(const ClientPolicy& policy) {
  x509::Sha256Builder digest;
  digest.add_field("portcullis trust 1").add_u64(static_cast<std::uint64_t>(policy.mode));
  // In Passthrough and without a profile nothing else changes what a client may do.
  if (policy.mode != Mode::kStrict) return digest.finish();
  digest.add_field(policy.anchors->digest().view());
  digest.add_u64(policy.verify_issuer_dn ? 1 : 0).add_u64(static_cast<std::uint64_t>(policy.verify_depth));
  if (policy.ocsp) add(digest, *policy.ocsp);
  if (policy.crl) add(digest, *policy.crl);
  return digest.finish();
}

const Digest& no_client_trust() {
  static const Digest digest = trust_digest(ClientPolicy{});
  return digest;
}

Digest session_digest(const Digest& trust, std::string_view listener, std::string_view ssl_profile,
                      std::string_view tls_policy) {
  x509::Sha256Builder digest;
  digest.add_field("portcullis session 1").add_field(trust.view());
  digest.add_field(listener).add_field(ssl_profile).add_field(tls_policy);
  return digest.finish();
}

}  // namespace portcullis::clientauth
