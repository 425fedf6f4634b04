// ClientPolicy: what one listener asks of its clients, compiled from an SSL profile. Immutable, shared by workers.
// Its trust digest decides misdirection (I16); the session digest, which adds listener and TLS policy, binds sessions
// (I1, I2).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "clientauth/crl_slot.h"
#include "revocation/decision.h"
#include "x509/trust_anchors.h"

namespace portcullis::clientauth {

enum class Mode : std::uint8_t {
  kNone,         // no certificate is asked for
  kStrict,       // a certificate that verifies, or 400
  kPassthrough,  // asked for, never judged
};

// How OCSP is asked, and what is allowed without its good answer: ARM verifyClientRevocation: OCSP, with the keys of
// the host file's `revocation`.
struct OcspPolicy {
  revocation::Leniency leniency;
  std::chrono::milliseconds timeout{5'000};
  bool wait_when_cold = true;  // cold_cache: wait; else a first request is refused while the answer is on its way
  bool intermediates = false;  // ask for every CA below the root too
  bool nonce = false;
  std::string responder;  // in place of the ones that certificates name; empty: those
};

// How lists that certificates name are fetched where none at hand covers them: host file `fetch`, with the keys that
// hold for OCSP too.
struct CrlFetchPolicy {
  std::chrono::milliseconds timeout{5'000};
  bool wait_when_cold = true;  // cold_cache: wait
};

// Revocation lists, beyond Azure's model: the host file's `revocation.crl` entry of the profile.
struct CrlPolicy {
  std::shared_ptr<const CrlSlot> slot;  // never null
  revocation::Leniency leniency;
  bool first = false;          // before the responder is asked; host file revocation.order
  bool intermediates = false;  // every CA below the root too
  std::optional<CrlFetchPolicy> fetch;
};

struct ClientPolicy {
  Mode mode = Mode::kNone;
  std::shared_ptr<const x509::TrustAnchors> anchors;  // never null in Strict; may be there in Passthrough (shadow)
  bool verify_issuer_dn = false;                      // ARM verifyClientCertIssuerDN
  int verify_depth = 10;                              // host file client_auth.verify_depth
  std::uint32_t presented_certificates = 10;          // host file limits.presented_certificates
  std::uint32_t rsa_bits = 8192;                      // host file limits.rsa_bits
  std::optional<OcspPolicy> ocsp;                     // Strict only
  std::optional<CrlPolicy> crl;                       // Strict only
};

// Over everything that decides who is trusted: mode, every anchor and intermediate, the issuer-DN rule, depth, how
// revocation is asked for, where lists come from and what is allowed without an answer; not what answers and lists say,
// which every verdict asks anew. The same settings give the same digest after a restart and on another machine.
Digest trust_digest(const ClientPolicy& policy);

// The trust digest of a listener that asks for no certificate; computed once.
const Digest& no_client_trust();

// The trust digest with what else a session must not cross: listener, SSL profile, TLS policy.
Digest session_digest(const Digest& trust, std::string_view listener, std::string_view ssl_profile,
                      std::string_view tls_policy);

}  // namespace portcullis::clientauth
