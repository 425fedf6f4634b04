// `portcullis explain --ocsp live|cache`: asks as the gateway would: with its own Admission and its own check of
// answers, and either its own HTTP client under the host file's egress policy, or what it has saved in state_dir. A
// loop of its own; waits for revocation.timeout and a little at most.
#pragma once

#include "base/result.h"
#include "clientauth/crl_keeper.h"
#include "clientauth/verdict.h"
#include "model/host_config.h"

namespace portcullis::cli {

struct AskedNow {
  clientauth::Verdict verdict;
  WallTime at{};  // when it was given
};

// The verdict on a client that presents this chain and was admitted as far as the chain goes. `verifier` asks for
// revocation, and its lists are `lists`. `live`: responders are asked, and lists fetched; else what a gateway has saved
// is looked at, and what it has not saved is ocsp.unreachable, as if no responder were there, or crl.unreachable: lists
// that were fetched are not saved. Nothing is saved here. Errors: those of Loop::create() and Resolver::create(), and
// fetch.bad_egress.
Result<AskedNow> ask_about_revocation(const clientauth::Verifier& verifier, const x509::CertificateList& presented,
                                      const model::HostConfig& host, clientauth::CrlKeeper& lists, bool live);

}  // namespace portcullis::cli
