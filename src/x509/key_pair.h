// The certificate and key that a listener serves with, out of a PFX (PKCS#12) or a PEM bundle. Loaded on the control
// thread (PFX key derivation is slow), then immutable and shared by workers. No error text ever holds key material or a
// password; buffers that held either are cleansed.
#pragma once

#include <string>
#include <string_view>

#include <openssl/types.h>

#include "base/result.h"
#include "x509/certificate.h"

namespace portcullis::x509 {

// A private key as a value: a counted reference to OpenSSL's object.
class PrivateKey {
 public:
  // Takes over the caller's reference; not null.
  static PrivateKey adopt(EVP_PKEY* owned) { return PrivateKey(owned); }
  PrivateKey(const PrivateKey& other);
  PrivateKey(PrivateKey&& other) noexcept;
  PrivateKey& operator=(PrivateKey other) noexcept;
  ~PrivateKey();

  EVP_PKEY* native() const { return native_; }

 private:
  explicit PrivateKey(EVP_PKEY* owned) : native_(owned) {}
  EVP_PKEY* native_;
};

struct ServerKeyPair {
  Certificate leaf;
  CertificateList chain;    // the leaf's issuers, nearest first, without the root: what is sent after the leaf
  CertificateList issuers;  // the same with the root, where the file held it
  PrivateKey key;           // belongs to `leaf`: checked

  // Base64 of a PKCS#7 signedData of leaf and issuers (ARM publicCertData).
  std::string public_cert_data() const;
};

// Azure's code for a wrong or missing PFX password.
inline constexpr std::string_view kPasswordIncorrect = "ApplicationGatewaySslCertificatePasswordIncorrect";

// PFX of any age (RC2 and 3DES bags through the legacy provider in a library context of its own). `password` as typed,
// UTF-8. Errors: kPasswordIncorrect; `key_pair.malformed`, `.too_large` (1 MiB), `.too_costly` (over 4 million
// key-derivation rounds), `.unsupported`, `.no_key`, `.several_keys`, `.no_certificate`, `.key_mismatch`.
Result<ServerKeyPair> load_pfx(std::string_view bytes, std::string_view password);

// One private key and its certificate with issuers, in any order. An encrypted key needs the password.
Result<ServerKeyPair> load_pem_bundle(std::string_view bytes, std::string_view password = {});

// PEM when there is a BEGIN line, else PFX; or base64 of one of the two, as a key vault hands it out.
Result<ServerKeyPair> load_key_pair(std::string_view bytes, std::string_view password);

}  // namespace portcullis::x509
