#include "clientauth/ocsp_query.h"

#include <utility>

#include "base/check.h"
#include "revocation/ocsp_request.h"
#include "x509/sha256.h"

namespace portcullis::clientauth {

OcspQuery::OcspQuery(revocation::CertId id_in, x509::Certificate issuer_in, std::string responder_in,
                     const OcspPolicy& policy)
    : id(std::move(id_in)),
      issuer(std::move(issuer_in)),
      responder(std::move(responder_in)),
      timeout(policy.timeout),
      nonce(policy.nonce) {
  x509::Sha256Builder digest;
  digest.add_field("portcullis ocsp 1").add_field(id.der()).add_field(policy.responder).add_u64(policy.nonce ? 1 : 0);
  key = digest.finish();
}

std::size_t OcspQuery::weight() const { return sizeof *this + id.der().size() + responder.size() + 64; }

OcspQueries ocsp_queries(const x509::PathVerdict& path, const OcspPolicy& policy) {
  CHECK(path.ok);
  OcspQueries queries;
  // A root that a client presents as its own certificate is its own issuer.
  const std::size_t below_root = path.path.size() > 1 ? path.path.size() - 1 : 1;
  const std::size_t asked = policy.intermediates ? below_root : 1;
  for (std::size_t i = 0; i < asked; ++i) {
    const x509::Certificate& certificate = path.path[i];
    const x509::Certificate& issuer = i + 1 < path.path.size() ? path.path[i + 1] : certificate;
    std::string responder = policy.responder;
    if (responder.empty()) responder = revocation::responder_url(certificate).value_or("");
    queries.push_back(std::make_shared<const OcspQuery>(revocation::CertId(certificate, issuer), issuer,
                                                        std::move(responder), policy));
  }
  return queries;
}

}  // namespace portcullis::clientauth
