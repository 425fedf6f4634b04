// What a new configuration lets pass that the one before did not (mtls-invariants I22): a change that weakens client
// authentication must not go by unseen. An outline is drawn from each configuration (it holds no secret, so the old one
// may be kept), and two outlines are compared. Pure; control thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "model/gateway.h"
#include "model/host_config.h"

namespace portcullis::validate {

// One way in which the gate has become weaker.
struct Weakening {
  // Stable names: client_auth.mode, client_auth.issuer_dn, client_auth.revocation, client_auth.trusted_ca (a CA is
  // added, one Weakening each), revocation.crl (lists are no longer looked at, one Weakening for each file or directory
  // and one for fetching) of a listener; client_auth.verify_depth, client_auth.session_lifetime,
  // revocation.unreachable, .unknown, .no_responder, .expired_response, .intermediates, .nonce of the whole process.
  std::string_view what;
  std::string gateway, listener;  // both empty: the whole process
  std::string before, after;      // in the words of the document; nothing secret

  bool operator==(const Weakening&) const = default;
};

struct AuthenticationOutline {
  struct Listener {
    std::string gateway, name;
    // Where it is served, whatever the document calls that: who takes a host there takes its clients.
    std::vector<Endpoint> addresses;  // none: no rule refers to it
    std::vector<std::string> hosts;   // none: any
    std::uint32_t priority = 0;       // of its rule
    model::EffectiveClientAuth mode = model::EffectiveClientAuth::kNone;
    bool issuer_dn = false;
    bool ocsp = false;
    std::map<std::string, std::string> cas;  // SHA-1 of every trusted CA certificate → its subject
    model::CrlSource lists;
  };
  std::vector<Listener> listeners;
  model::ClientAuth client_auth;
  model::Revocation revocation;
};

// `gateways` are validated.
AuthenticationOutline outline(std::span<const model::Gateway> gateways, const model::HostConfig& host);

// In the order of `after`'s listeners, then of the host file; empty: nothing is weaker. A listener is compared with the
// one of the same gateway and name, and with each that served before, at the same address, a host that it serves now,
// in whatever gateway. Where its mode became weaker, that is all that is said of it.
std::vector<Weakening> weakenings(const AuthenticationOutline& before, const AuthenticationOutline& after);

}  // namespace portcullis::validate
