#include <openssl/asn1t.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "revocation/crl.h"
#include "revocation/internal/owned.h"
#include "revocation/internal/signature_strength.h"

namespace portcullis::revocation {
namespace {

using internal::bytes_of;
using internal::Owned;

bool names_equal(std::string_view der, const X509_NAME* name) {
  const unsigned char* at = bytes_of(der);
  const Owned<X509_NAME, X509_NAME_free> read(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  return read != nullptr && at == bytes_of(der) + der.size() && X509_NAME_cmp(read.get(), name) == 0;
}

}  // namespace

Result<void> check_crl_signature(const ParsedCrl& parsed, const x509::Certificate& issuer) {
  const internal::ErrorQueueGuard quiet;
  if (!names_equal(parsed.crl->issuer, X509_get_subject_name(issuer.native()))) {
    return fail("crl.wrong_issuer", "the CRL's issuer is another CA");
  }
  // 0xffffffff where there is no keyUsage.
  if ((X509_get_key_usage(issuer.native()) & KU_CRL_SIGN) == 0) {
    return fail("crl.issuer_may_not_sign", "the keyUsage of the CRL's issuer lacks cRLSign");
  }
  const unsigned char* at = bytes_of(parsed.algorithm);
  const Owned<X509_ALGOR, X509_ALGOR_free> algorithm(
      d2i_X509_ALGOR(nullptr, &at, static_cast<long>(parsed.algorithm.size())));
  if (algorithm == nullptr || at != bytes_of(parsed.algorithm) + parsed.algorithm.size()) {
    return fail("crl.malformed", "the CRL is malformed: its signature algorithm cannot be read");
  }
  if (!internal::is_strong(algorithm.get()))
    return fail("crl.weak_signature", "the CRL is signed with a weak or unknown digest");
  // A string of type SEQUENCE holds a whole encoding, and is encoded as it is: the bytes that were signed.
  const Owned<ASN1_STRING, ASN1_STRING_free> text(ASN1_STRING_type_new(V_ASN1_SEQUENCE));
  const Owned<ASN1_STRING, ASN1_STRING_free> signature(ASN1_STRING_type_new(V_ASN1_BIT_STRING));
  CHECK(text != nullptr && signature != nullptr);
  CHECK(ASN1_STRING_set(text.get(), parsed.signed_part.data(), static_cast<int>(parsed.signed_part.size())) == 1);
  CHECK(ASN1_STRING_set(signature.get(), parsed.signature.data(), static_cast<int>(parsed.signature.size())) == 1);
  EVP_PKEY* key = X509_get0_pubkey(issuer.native());
  if (key == nullptr || EVP_PKEY_get_security_bits(key) < internal::kSecurityBits ||
      ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm.get(), signature.get(), text.get(), key) != 1) {
    return fail("crl.bad_signature", "the CRL's signature does not verify with its issuer's key");
  }
  return {};
}

}  // namespace portcullis::revocation
