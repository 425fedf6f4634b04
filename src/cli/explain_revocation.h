// `portcullis explain --ocsp live`: asks now, as the gateway would: with its own Admission, its own check of answers,
// its own HTTP client, and under the host file's egress policy. A loop of its own; waits for revocation.timeout and a
// little at most.
#pragma once

#include "base/result.h"
#include "clientauth/verdict.h"
#include "model/host_config.h"

namespace portcullis::cli {

struct AskedNow {
  clientauth::Verdict verdict;
  WallTime at{};  // when it was given
};

// The verdict on a client that presents this chain and was admitted as far as the chain goes. `verifier` asks for
// revocation. Nothing is remembered and nothing saved. Errors: those of Loop::create(), Resolver::create() and
// fetch.bad_egress.
Result<AskedNow> ask_about_revocation(const clientauth::Verifier& verifier, const x509::CertificateList& presented,
                                      const model::HostConfig& host);

}  // namespace portcullis::cli
