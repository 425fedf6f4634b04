// Invariant I5: a name that holds a NUL or control byte is refused, so that no comparison, log line or backend can be
// made to read a shorter or a different name than the one that was certified.
#pragma once

#include "x509/certificate.h"

namespace portcullis::x509::internal {

// False when a value of subject or issuer, or a DNS, mail, URI or directory name of the subjectAltName, holds a byte
// under 0x20 or 0x7f, or is not text of its own type, or when the subjectAltName cannot be read or occurs twice.
bool names_are_clean(const Certificate& certificate);

}  // namespace portcullis::x509::internal
