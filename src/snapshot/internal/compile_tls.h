// The TLS side of compiling a listener: server certificate, TLS policy, client policy and the digests over them.
#pragma once

#include "clientauth/crl_keeper.h"
#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"
#include "snapshot/snapshot.h"

namespace portcullis::snapshot::internal {

// What outlives the snapshot and knows of clients; any may be null: the result is only good for checking then, and its
// revocation lists are empty.
struct ClientKnowledge {
  std::shared_ptr<clientauth::ChainCache> chains;  // judged before
  clientauth::CrlKeeper* lists = nullptr;
  std::shared_ptr<const clientauth::OcspAnswers> answers;  // of responders
};

// Fills verifier, trust and tls of `out`. For a plain HTTP listener only the trust digest (of "nobody is asked").
// False when something was wrong; the findings say what.
bool compile_tls(const model::Gateway& gateway, const model::HttpListener& listener, const model::HostConfig& host,
                 const ClientKnowledge& known, Listener& out, model::Findings& findings);

}  // namespace portcullis::snapshot::internal
