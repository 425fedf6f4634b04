// Certificate revocation lists (RFC 5280 §5), full and delta: strictly parsed within bounds, straight into a table of
// serial numbers. No OpenSSL object is made of the list: a million entries would take a hundred times their bytes.
// Pure; runs on the control thread (I10).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "revocation/serial_table.h"
#include "x509/certificate.h"

namespace portcullis::revocation {

struct CrlLimits {
  std::size_t bytes = 128U << 20U;  // of one list
  std::size_t entries = 4'000'000;
};

// A non-negative number of a list, 20 bytes at most (RFC 5280 §5.2.3): big endian, no leading zeros, empty for 0.
struct CrlNumber {
  std::string magnitude;
  std::string hex() const;
  friend bool operator==(const CrlNumber&, const CrlNumber&) = default;
  friend bool operator<(const CrlNumber& a, const CrlNumber& b);
};

// What an issuing distribution point says the list is about (RFC 5280 §5.2.5).
struct CrlScope {
  bool users_only = false;
  bool cas_only = false;
  // The DER of each GeneralName of the distribution point: the list is about certificates that name one of them. Empty:
  // about all.
  std::vector<std::string> points;
};

// One list. Immutable once parsed; free to share.
struct Crl {
  std::string issuer;  // DER of the Name
  WallTime this_update{};
  WallTime next_update{};
  CrlNumber number;
  std::optional<CrlNumber> base;  // there in a delta: the number of the list that it adds to
  std::string scope_der;          // the issuing distribution point as it came; equal in a delta and its base
  CrlScope scope;
  SerialTable entries;
};

// With what its signature is checked by: views into the bytes that were parsed.
struct ParsedCrl {
  std::shared_ptr<const Crl> crl;
  std::string_view signed_part;
  std::string_view algorithm;  // DER of the AlgorithmIdentifier
  std::string_view signature;  // content of the BIT STRING, without the count of unused bits
};

// Exactly one DER list, nothing after it. Errors:
//   crl.too_large, crl.too_many_entries     over the limits
//   crl.malformed                           no strict DER, no CertificateList, dates or serial numbers out of form
//   crl.no_number, crl.no_next_update       what every list must have has been left out (RFC 5280 §5.2.3, §5.1.2.5)
//   crl.critical_extension                  a critical extension that is not known, of the list or of an entry
//   crl.indirect                            speaks for other issuers' certificates
//   crl.some_reasons, crl.unsupported_scope its silence says nothing, or is about attribute certificates
//   crl.duplicate_entry                     a serial number stands twice
//   crl.remove_in_full                      removeFromCRL in a list that is no delta
Result<ParsedCrl> parse_crl(std::string_view der, const CrlLimits& limits = {});

// Whether `issuer` signed the list and may: same name, keyUsage with cRLSign where there is a keyUsage, a digest that
// is not broken. Errors: crl.wrong_issuer, crl.issuer_may_not_sign, crl.weak_signature, crl.bad_signature.
Result<void> check_crl_signature(const ParsedCrl& parsed, const x509::Certificate& issuer);

// The lists of a file: one DER list, or PEM with `X509 CRL` blocks (others are skipped), decoded. Errors:
// crl.too_large, crl.malformed, crl.empty_file, pem.*.
Result<std::vector<std::string>> read_crl_file(std::string bytes, const CrlLimits& limits = {});

}  // namespace portcullis::revocation
