// ProvenLinks: which uploaded CA certificates are signed by which others, found out once, so that a signature above the
// leaf need not be checked again for every client. It knows certificates by identity, not by content: a copy that a
// client sends is never covered. Built on the control thread, then immutable.
//
// Nothing is proven where kProvenLinksLever is off.
#pragma once

#include <ctime>
#include <set>
#include <utility>

#include <openssl/x509.h>

#include "x509/certificate.h"

namespace portcullis::x509::internal {

class ProvenLinks {
 public:
  // Both must outlive this object unchanged. Checks the signature, and that the issuer may sign certificates.
  void prove(const Certificate& ca, const Certificate& issuer);
  void add_root(const Certificate& root) { roots_.insert(root.native()); }

  // Whether of a path from a leaf up to a root every signature above the leaf's is proven, the leaf's issuer may sign
  // certificates, and every date is good at `at`. False says nothing.
  bool cover(const STACK_OF(X509) * path, std::time_t at) const;

 private:
  std::set<std::pair<const X509*, const X509*>> links_;  // CA, issuer
  std::set<const X509*> roots_;
};

}  // namespace portcullis::x509::internal
