// What it would cost to derive a key as a password-based encryption algorithm asks, so that a hostile file cannot keep
// the control thread busy for hours.
#pragma once

#include <cstdint>
#include <optional>

#include <openssl/types.h>

namespace portcullis::x509::internal {

// What one file may cost in all. The habits in the field: 2,000 (Windows, OpenSSL), 10,000 (Java), 600,000 (NSS) a bag.
inline constexpr std::uint64_t kMaxKdfRounds = 4'000'000;

// The rounds that a known scheme asks for: PKCS#12 PBE, PBES1, PBES2 with PBKDF2 or scrypt (whose N·r·p is taken as
// rounds). nullopt: unknown, unreadable, or over kMaxKdfRounds.
std::optional<std::uint64_t> kdf_rounds(const X509_ALGOR* algorithm);

// An iteration count as the formats write it; null stands for 1.
std::optional<std::uint64_t> kdf_rounds(const ASN1_INTEGER* count);

}  // namespace portcullis::x509::internal
