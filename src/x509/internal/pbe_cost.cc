#include "x509/internal/pbe_cost.h"

#include <openssl/asn1t.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "x509/internal/owned.h"

namespace portcullis::x509::internal {
namespace {

template <class T, auto Free>
Owned<T, Free> unpack(const ASN1_ITEM* item, const ASN1_TYPE* parameter) {
  return Owned<T, Free>(parameter == nullptr ? nullptr : static_cast<T*>(ASN1_TYPE_unpack_sequence(item, parameter)));
}

std::optional<std::uint64_t> scrypt_rounds(const ASN1_TYPE* parameter) {
  const auto scrypt = unpack<SCRYPT_PARAMS, SCRYPT_PARAMS_free>(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
  if (scrypt == nullptr) return std::nullopt;
  std::uint64_t work = 1;
  for (const ASN1_INTEGER* factor : {scrypt->costParameter, scrypt->blockSize, scrypt->parallelizationParameter}) {
    const auto number = kdf_rounds(factor);
    if (!number) return std::nullopt;
    // Each factor is at most 4 million, so the product cannot overflow before it is judged.
    work *= *number;
    if (work > kMaxKdfRounds) return std::nullopt;
  }
  return work;
}

std::optional<std::uint64_t> pbes2_rounds(const X509_ALGOR* kdf) {
  const int nid = OBJ_obj2nid(kdf->algorithm);
  if (nid == NID_id_scrypt) return scrypt_rounds(kdf->parameter);
  if (nid != NID_id_pbkdf2) return std::nullopt;
  const auto pbkdf2 = unpack<PBKDF2PARAM, PBKDF2PARAM_free>(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
  return pbkdf2 == nullptr ? std::nullopt : kdf_rounds(pbkdf2->iter);
}

}  // namespace

std::optional<std::uint64_t> kdf_rounds(const ASN1_INTEGER* count) {
  ErrorQueueGuard errors;
  std::uint64_t number = 1;
  if (count != nullptr && ASN1_INTEGER_get_uint64(&number, count) != 1) return std::nullopt;
  if (number > kMaxKdfRounds) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> kdf_rounds(const X509_ALGOR* algorithm) {
  ErrorQueueGuard errors;
  if (algorithm == nullptr) return std::nullopt;
  if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
    const auto scheme = unpack<PBE2PARAM, PBE2PARAM_free>(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
    return scheme == nullptr ? std::nullopt : pbes2_rounds(scheme->keyfunc);
  }
  const auto scheme = unpack<PBEPARAM, PBEPARAM_free>(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
  return scheme == nullptr ? std::nullopt : kdf_rounds(scheme->iter);
}

}  // namespace portcullis::x509::internal
