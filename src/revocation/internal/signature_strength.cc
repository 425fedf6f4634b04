#include "revocation/internal/signature_strength.h"

#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "revocation/internal/owned.h"

namespace portcullis::revocation::internal {
namespace {

bool is_strong_digest(const ASN1_OBJECT* name) {
  const EVP_MD* digest = name == nullptr ? EVP_sha1() : EVP_get_digestbyobj(name);
  // Half its bits against collisions; SHA-1 and MD5 have far fewer left.
  return digest != nullptr && EVP_MD_get_size(digest) * 4 >= kSecurityBits;
}

}  // namespace

bool is_strong(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* name = nullptr;
  X509_ALGOR_get0(&name, nullptr, nullptr, algorithm);
  const int nid = OBJ_obj2nid(name);
  if (nid == NID_ED25519 || nid == NID_ED448) return true;
  if (nid == NID_rsassaPss) {
    const Owned<RSA_PSS_PARAMS, RSA_PSS_PARAMS_free> parameters(
        static_cast<RSA_PSS_PARAMS*>(ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter)));
    if (parameters == nullptr) return false;
    const X509_ALGOR* hash = parameters->hashAlgorithm;
    return is_strong_digest(hash == nullptr ? nullptr : hash->algorithm);
  }
  int digest = NID_undef;
  int key = NID_undef;
  if (OBJ_find_sigid_algs(nid, &digest, &key) != 1 || digest == NID_undef) return false;
  return is_strong_digest(OBJ_nid2obj(digest));
}

}  // namespace portcullis::revocation::internal
