// Whether a signature over revocation evidence is worth checking: level 2, as for certificates, whatever the TLS policy
// is. Pure; any thread.
#pragma once

#include <openssl/types.h>

namespace portcullis::revocation::internal {

inline constexpr int kSecurityBits = 112;  // of a key, and half a digest's

// A known algorithm with SHA-224 or better, its RSA-PSS parameters read, or one with a digest of its own.
bool is_strong(const X509_ALGOR* algorithm);

}  // namespace portcullis::revocation::internal
