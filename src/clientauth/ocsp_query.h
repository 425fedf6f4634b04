// OcspQuery: one question to an OCSP responder, made once a client's path is verified, and kept with its PeerRecord:
// all connections of the client share it. Immutable; shared between threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clientauth/policy.h"
#include "revocation/cert_id.h"
#include "x509/trust_anchors.h"

namespace portcullis::clientauth {

struct OcspQuery {
  OcspQuery(revocation::CertId id_in, x509::Certificate issuer_in, std::string responder_in, const OcspPolicy& policy);

  revocation::CertId id;
  x509::Certificate issuer;  // who signs the answer, or says who may
  std::string responder;     // its URL; empty: there is none
  std::chrono::milliseconds timeout;
  bool nonce;
  Digest key;  // of the certificate and of how it is asked about: what answers are kept by

  std::size_t weight() const;  // bytes, about
};

using OcspQueries = std::vector<std::shared_ptr<const OcspQuery>>;

// The questions that `policy` asks about a path that was verified (`path.ok`): the leaf's, and with `intermediates`
// those of the CAs below the root.
OcspQueries ocsp_queries(const x509::PathVerdict& path, const OcspPolicy& policy);

}  // namespace portcullis::clientauth
