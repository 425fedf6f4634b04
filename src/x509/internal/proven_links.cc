#include "x509/internal/proven_links.h"

#include "base/lever.h"
#include "x509/internal/owned.h"

namespace portcullis::x509::internal {

namespace {

// Inside of both dates. X509_cmp_time says 0 for a date that cannot be read.
bool in_date(const X509* certificate, std::time_t at) {
  return X509_cmp_time(X509_get0_notBefore(certificate), &at) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &at) > 0;
}

}  // namespace

void ProvenLinks::prove(const Certificate& ca, const Certificate& issuer) {
  const ErrorQueueGuard errors;
  if (is_switched_off(kProvenLinksLever) || X509_check_issued(issuer.native(), ca.native()) != X509_V_OK) return;
  EVP_PKEY* key = X509_get0_pubkey(issuer.native());
  if (key != nullptr && X509_verify(ca.native(), key) == 1) links_.emplace(ca.native(), issuer.native());
}

bool ProvenLinks::cover(const STACK_OF(X509) * path, std::time_t at) const {
  const int size = sk_X509_num(path);
  if (size < 3 || !roots_.contains(sk_X509_value(path, size - 1))) return false;
  for (int i = 1; i + 1 < size; ++i) {
    if (!links_.contains({sk_X509_value(path, i), sk_X509_value(path, i + 1)})) return false;
  }
  for (int i = 0; i < size; ++i) {
    if (!in_date(sk_X509_value(path, i), at)) return false;
  }
  return X509_check_issued(sk_X509_value(path, 1), sk_X509_value(path, 0)) == X509_V_OK;
}

}  // namespace portcullis::x509::internal
