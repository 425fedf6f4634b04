#include "revocation/internal/ocsp_signer.h"

#include <algorithm>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "revocation/internal/signature_strength.h"

namespace portcullis::revocation::internal {
namespace {

constexpr int kAuthLevel = 2;
// Certificates of one response that are looked at, and the largest RSA key among them: what a stranger can make us
// work.
constexpr int kMaxCertificates = 8;
constexpr std::size_t kMaxRsaKeyBytes = 8192 / 8 + 32;

bool made_by(const OCSP_BASICRESP& basic, X509* candidate) {
  EVP_PKEY* key = X509_get0_pubkey(candidate);
  if (key == nullptr || EVP_PKEY_get_security_bits(key) < kSecurityBits) return false;
  // Over the parsed answer encoded anew: what is verified is what is read afterwards.
  return ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(&basic),
                          OCSP_resp_get0_signature(&basic), OCSP_resp_get0_respdata(&basic), key) == 1;
}

// RFC 6960 §4.2.2.2: issued directly by the CA that issued the certificate in question, and marked for OCSP.
bool may_sign_for(X509* delegate, const x509::Certificate& issuer, WallTime now) {
  if ((X509_get_extension_flags(delegate) & EXFLAG_XKUSAGE) == 0) return false;
  if ((X509_get_extended_key_usage(delegate) & XKU_OCSP_SIGN) == 0) return false;
  // All bits where the extension is absent.
  if ((X509_get_key_usage(delegate) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) return false;
  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  CHECK(store != nullptr && context != nullptr);
  CHECK(X509_STORE_add_cert(store.get(), issuer.native()) == 1);
  CHECK(X509_STORE_CTX_init(context.get(), store.get(), delegate, nullptr) == 1);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  X509_VERIFY_PARAM_set_depth(parameters, 0);
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  if (X509_verify_cert(context.get()) != 1 || X509_STORE_CTX_get_error(context.get()) != X509_V_OK) return false;
  // Not the issuer's own certificate under another guise, nor an intermediate of its making between the two.
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  return sk_X509_num(chain) == 2 && X509_cmp(sk_X509_value(chain, 1), issuer.native()) == 0;
}

bool is_named(const OCSP_BASICRESP& basic, X509* candidate) {
  const ASN1_OCTET_STRING* key_hash = nullptr;
  const X509_NAME* name = nullptr;
  if (OCSP_resp_get0_id(&basic, &key_hash, &name) != 1) return false;
  if (name != nullptr) return X509_NAME_cmp(name, X509_get_subject_name(candidate)) == 0;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (key_hash == nullptr || X509_pubkey_digest(candidate, EVP_sha1(), digest, &size) != 1) return false;
  return static_cast<unsigned int>(ASN1_STRING_length(key_hash)) == size &&
         std::equal(digest, digest + size, ASN1_STRING_get0_data(key_hash));
}

}  // namespace

std::string signature_objection(const OCSP_BASICRESP& basic, const x509::Certificate& issuer, WallTime now) {
  if (!is_strong(OCSP_resp_get0_tbs_sigalg(&basic))) return "its signature algorithm is unknown or weaker than SHA-256";
  bool named = false;
  bool stranger = false;
  if (is_named(basic, issuer.native())) {
    named = true;
    if (made_by(basic, issuer.native())) return {};
  }
  const STACK_OF(X509)* others = OCSP_resp_get0_certs(&basic);
  const int count = sk_X509_num(others);
  if (count > kMaxCertificates) return "it carries more than 8 certificates";
  for (int i = 0; i < count; ++i) {
    X509* candidate = sk_X509_value(others, i);
    if (!is_named(basic, candidate)) continue;
    named = true;
    if (x509::Certificate::from_native(candidate, true).rsa_key_bytes() > kMaxRsaKeyBytes) continue;
    if (!may_sign_for(candidate, issuer, now)) {
      stranger = true;
      continue;
    }
    if (made_by(basic, candidate)) return {};
  }
  if (stranger) {
    return "its signer is neither the certificate's issuer nor marked by it for OCSP (OCSPSigning) and valid now";
  }
  if (named) return "its signature does not fit the key of the responder that it names";
  return "its signer is neither the certificate's issuer nor a certificate that came with the answer";
}

}  // namespace portcullis::revocation::internal
