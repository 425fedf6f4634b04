// decide(): what a revocation status means for the client under a profile's policy. The one table (azure-semantics
// §1.6, §1.7; invariant I11): nothing undetermined passes unless the operator chose so for that reason. Pure.
#pragma once

#include <string_view>

#include "revocation/status.h"

namespace portcullis::revocation {

// Host file `revocation`: what is allowed although no good answer is at hand. What is not named here never is.
struct Leniency {
  bool unreachable = false;       // kUnreachable, kTimeout, kHttpStatus, kTryLater, kAddressDenied
  bool unknown = false;           // kUnknown
  bool no_responder = false;      // kNoResponder
  bool expired_response = false;  // kExpired, and a good answer that has expired while no newer can be had
};

struct Decision {
  bool admitted = false;
  bool by_leniency = false;      // admitted only because the operator allows it: worth a log line each time
  std::string_view log_text;     // follows "FAILED:" in sslClientVerify; empty when admitted
  std::string_view reason_code;  // "client_cert.revoked" …; empty when admitted
};

Decision decide(const RevocationStatus& status, const Leniency& leniency);

}  // namespace portcullis::revocation
