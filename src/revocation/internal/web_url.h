// The URLs that certificates name for whoever asks about revocation. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include <openssl/x509v3.h>

namespace portcullis::revocation::internal {

// The http or https URL that `name` is, of visible ASCII alone and at most kMaxResponderUrl long. May not be fetched
// before the certificate's chain is verified (I20).
std::optional<std::string> web_url(const GENERAL_NAME& name);

}  // namespace portcullis::revocation::internal
