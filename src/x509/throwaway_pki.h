// A PKI for demonstrations: one EC P-256 root, one issuing CA under it, and leaves for a server and its clients, made
// in memory within milliseconds and good for thirty days. Nobody owns it: the caller writes it where it likes, keys
// with 0600. Never meant to protect anything. Pure but for OpenSSL's random numbers; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace portcullis::x509 {

struct ThrowawayIdentity {
  std::string chain_pem;  // the leaf, then the issuing CA: what its holder presents
  std::string key_pem;    // PKCS#8, not encrypted: a secret
};

struct ThrowawayPki {
  std::string root_pem;          // what a client of the server trusts
  std::string client_ca_pem;     // issuing CA and root: a trusted client CA file
  ThrowawayIdentity server;      // serverAuth for localhost, 127.0.0.1 and ::1
  ThrowawayIdentity client;      // clientAuth, valid as long as the rest
  ThrowawayIdentity old_client;  // clientAuth, expired a day before `now`
};

constexpr std::chrono::days kThrowawayLifetime{30};

// Valid from an hour before `now`, so that a client whose clock is a little late accepts it. Errors:
// `throwaway_pki.failed` when OpenSSL cannot make keys or certificates.
Result<ThrowawayPki> make_throwaway_pki(WallTime now);

// When the first certificate of `pem` ends; WallTime::min() where there is none.
WallTime first_not_after(std::string_view pem);

}  // namespace portcullis::x509
