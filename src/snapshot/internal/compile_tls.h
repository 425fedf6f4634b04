// The TLS side of compiling a listener: server certificate, TLS policy, client policy and the digests over them.
#pragma once

#include "model/finding.h"
#include "model/gateway.h"
#include "model/host_config.h"
#include "snapshot/snapshot.h"

namespace portcullis::snapshot::internal {

// Fills verifier, trust and tls of `out`. For a plain HTTP listener only the trust digest (of "nobody is asked").
// `known`: chains judged before, may be null. False when something was wrong; the findings say what.
bool compile_tls(const model::Gateway& gateway, const model::HttpListener& listener, const model::HostConfig& host,
                 const std::shared_ptr<clientauth::ChainCache>& known, Listener& out, model::Findings& findings);

}  // namespace portcullis::snapshot::internal
