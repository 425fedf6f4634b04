// Which client CAs the whole world trusts: the bundle of public roots that the system keeps. A profile that trusts one
// of those lets in whoever buys a certificate there (azure-semantics §9.3), which is worth a warning. The bundle is
// read when first asked for and never trusted for anything. Control thread.
#pragma once

#include <functional>
#include <string>

#include "x509/certificate.h"

namespace portcullis::validate {

// Debian's, from the package ca-certificates.
inline constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";

// Whether a certificate is in the bundle: for Options::is_public_root. Says no to everything where the file cannot be
// read, is over 8 MiB or is no PEM.
std::function<bool(const x509::Certificate& root)> public_roots(std::string bundle = kSystemBundle);

}  // namespace portcullis::validate
