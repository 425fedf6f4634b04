// For the tests and the fuzz target of every room that meets OCSP: responses made in memory, right or wrong in chosen
// ways. Never used by the program. One thread; a mistake in a test's own request aborts with its place.
//
//   const std::string der = ocsp_response(ca, client, {.status = V_OCSP_CERTSTATUS_REVOKED, .next_update = kNow + 1h});
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/ocsp.h>

#include "base/check.h"
#include "base/clock.h"
#include "x509/test_pki.h"

namespace portcullis::revocation {

struct TestSingle {
  const x509::Issued* about = nullptr;
  const x509::Issued* issuer = nullptr;  // null: whoever is first among `about`'s issuers
  int status = V_OCSP_CERTSTATUS_GOOD;
  WallTime this_update = x509::kTestNotBefore;
  std::optional<WallTime> next_update = x509::kTestNotAfter;
  WallTime revoked_at = x509::kTestNotBefore;
  int reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;  // -1: none given
  bool critical_extension = false;
  const EVP_MD* id_digest = EVP_sha1();
};

struct TestResponse {
  std::vector<TestSingle> singles;
  const x509::Issued* signer = nullptr;
  std::vector<const x509::Issued*> certificates;  // that travel with the answer
  bool by_key = false;                            // how the responder is named
  const char* digest = "SHA256";
  std::string nonce;
  bool critical_extension = false;
  bool broken_signature = false;
  int response_status = OCSP_RESPONSE_STATUS_SUCCESSFUL;
};

namespace testing_internal {

inline ASN1_GENERALIZEDTIME* to_asn1(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  ASN1_GENERALIZEDTIME* made = ASN1_GENERALIZEDTIME_adj(nullptr, static_cast<time_t>(seconds), 0, 0);
  CHECK(made != nullptr);
  return made;
}

// An extension that nobody knows (1.2.3.4).
inline X509_EXTENSION* strange_extension() {
  ASN1_OBJECT* name = OBJ_txt2obj("1.2.3.4", 1);
  ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
  CHECK(ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>("\x05\x00"), 2) == 1);
  X509_EXTENSION* made = X509_EXTENSION_create_by_OBJ(nullptr, name, 1, value);
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(name);
  CHECK(made != nullptr);
  return made;
}

inline void add_single(OCSP_BASICRESP* basic, const TestSingle& single) {
  const x509::Certificate& issuer =
      single.issuer != nullptr ? single.issuer->certificate : single.about->issuers.front();
  OCSP_CERTID* id = OCSP_cert_to_id(single.id_digest, single.about->certificate.native(), issuer.native());
  CHECK(id != nullptr);
  ASN1_GENERALIZEDTIME* begins = to_asn1(single.this_update);
  ASN1_GENERALIZEDTIME* ends = single.next_update ? to_asn1(*single.next_update) : nullptr;
  ASN1_GENERALIZEDTIME* revoked = single.status == V_OCSP_CERTSTATUS_REVOKED ? to_asn1(single.revoked_at) : nullptr;
  OCSP_SINGLERESP* added = OCSP_basic_add1_status(basic, id, single.status, single.reason, revoked, begins, ends);
  CHECK(added != nullptr);
  if (single.critical_extension) {
    X509_EXTENSION* extension = strange_extension();
    CHECK(OCSP_SINGLERESP_add_ext(added, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  for (ASN1_GENERALIZEDTIME* time : {begins, ends, revoked}) ASN1_GENERALIZEDTIME_free(time);
  OCSP_CERTID_free(id);
}

inline std::string to_der(int status, OCSP_BASICRESP* basic) {
  OCSP_RESPONSE* response = OCSP_response_create(status, basic);
  CHECK(response != nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  CHECK(size > 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  return bytes;
}

}  // namespace testing_internal

inline std::string ocsp_response(const TestResponse& spec) {
  if (spec.response_status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return testing_internal::to_der(spec.response_status, nullptr);
  }
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  for (const TestSingle& single : spec.singles) testing_internal::add_single(basic, single);
  if (!spec.nonce.empty()) {
    std::string nonce = spec.nonce;
    CHECK(OCSP_basic_add1_nonce(basic, reinterpret_cast<unsigned char*>(nonce.data()),
                                static_cast<int>(nonce.size())) == 1);
  }
  if (spec.critical_extension) {
    X509_EXTENSION* extension = testing_internal::strange_extension();
    CHECK(OCSP_BASICRESP_add_ext(basic, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  const EVP_MD* digest =
      EVP_PKEY_get_id(spec.signer->key.native()) == EVP_PKEY_ED25519 ? nullptr : EVP_get_digestbyname(spec.digest);
  unsigned long flags = OCSP_NOCERTS;  // NOLINT(google-runtime-int): OpenSSL's own type
  if (spec.by_key) flags |= OCSP_RESPID_KEY;
  for (const x509::Issued* one : spec.certificates) {
    CHECK(OCSP_basic_add1_cert(basic, one->certificate.native()) == 1);
  }
  CHECK(OCSP_basic_sign(basic, spec.signer->certificate.native(), spec.signer->key.native(), digest, nullptr, flags) ==
        1);
  if (spec.broken_signature) {
    // One bit of it.
    auto* bytes = const_cast<unsigned char*>(ASN1_STRING_get0_data(OCSP_resp_get0_signature(basic)));
    bytes[ASN1_STRING_length(OCSP_resp_get0_signature(basic)) - 1] ^= 1;
  }
  std::string der = testing_internal::to_der(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  OCSP_BASICRESP_free(basic);
  return der;
}

// One answer about `about`, signed by `signer`.
inline std::string ocsp_response(const x509::Issued& signer, const x509::Issued& about, TestSingle single = {}) {
  single.about = &about;
  TestResponse spec;
  spec.singles.push_back(single);
  spec.signer = &signer;
  return ocsp_response(spec);
}

}  // namespace portcullis::revocation
