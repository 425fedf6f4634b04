#include "crypto/internal/agreement.h"
#include "crypto/internal/key_exchange.h"

namespace portcullis::crypto::internal {

bool agrees_alike(OSSL_LIB_CTX* tried) {
  const ErrorQueueGuard errors;
  const OwnedKey lean = generated(tried), usual = generated(nullptr);
  const KeyBytes from_lean = open_part(lean.get());
  KeyBytes from_usual = open_part(usual.get());
  const KeyBytes secret = agreed(tried, lean.get(), from_usual);
  if (secret.size() != 32 || agreed(nullptr, usual.get(), from_lean) != secret) return false;
  from_usual.back() ^= 0x80;  // not part of the number (RFC 7748 §5)
  return agreed(tried, lean.get(), from_usual) == secret && agreed(tried, lean.get(), KeyBytes(32, '\0')).empty() &&
         agreed(tried, lean.get(), KeyBytes(31, '\1')).empty();
}

}  // namespace portcullis::crypto::internal
