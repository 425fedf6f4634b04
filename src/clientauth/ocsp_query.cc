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
  for (const auto& [certificate, issuer] : x509::with_issuers(path.path, policy.intermediates)) {
    std::string responder = policy.responder;
    if (responder.empty()) responder = revocation::responder_url(*certificate).value_or("");
    queries.push_back(std::make_shared<const OcspQuery>(revocation::CertId(*certificate, *issuer), *issuer,
                                                        std::move(responder), policy));
  }
  return queries;
}

}  // namespace portcullis::clientauth
