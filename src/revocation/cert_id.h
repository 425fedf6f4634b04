// CertId: the name of a certificate in OCSP (RFC 6960 §4.1.1): SHA-1 of its issuer's name and key, and its serial
// number, as RFC 5019 asks of everyone. Nothing rests on the strength of SHA-1 here: the answer is signed. A value; any
// thread.
#pragma once

#include <string>

#include "x509/certificate.h"

namespace portcullis::revocation {

class CertId {
 public:
  // Of `certificate`, which `issuer` issued: the next one on its verified path.
  CertId(const x509::Certificate& certificate, const x509::Certificate& issuer);

  // DER of the CertID.
  const std::string& der() const { return der_; }
  // Lower-case hex of the serial number, for logs.
  const std::string& serial() const { return serial_; }

  bool operator==(const CertId& other) const { return der_ == other.der_; }

 private:
  std::string der_;
  std::string serial_;
};

}  // namespace portcullis::revocation
