// Which stable reason and which text belongs to each of OpenSSL's verification errors.
#include <openssl/x509_vfy.h>

#include "x509/trust_anchors.h"

namespace portcullis::x509 {

std::string_view reason_code(int x509_error) {
  switch (x509_error) {
    case X509_V_OK:
      return {};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return kReasonExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return kReasonNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return kReasonUntrustedIssuer;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      return kReasonIncompleteChain;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return kReasonSelfSigned;
    case X509_V_ERR_INVALID_PURPOSE:
      return kReasonWrongPurpose;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_INVALID_NON_CA:
      return kReasonInvalidCa;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return kReasonWeakKey;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
    case X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
      return kReasonBadSignature;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return kReasonPathLength;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
      return kReasonNameConstraints;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return kReasonCriticalExtension;
    default:
      return kReasonOther;
  }
}

std::string_view reason_text(int x509_error) {
  if (x509_error == X509_V_OK) return {};
  // OpenSSL 3 says "unsuitable certificate purpose"; Azure's documents quote the older words.
  if (x509_error == X509_V_ERR_INVALID_PURPOSE) return "unsupported certificate purpose";
  return X509_verify_cert_error_string(x509_error);
}

}  // namespace portcullis::x509
