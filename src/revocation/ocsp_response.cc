#include "revocation/ocsp_response.h"

#include <algorithm>
#include <ctime>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "revocation/internal/ocsp_signer.h"
#include "revocation/internal/owned.h"

namespace portcullis::revocation {

using internal::bytes_of;

namespace {

std::optional<WallTime> to_wall_time(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return WallTime{std::chrono::seconds(timegm(&parts))};
}

RevocationStatus malformed(const char* what) { return failed(Outcome::kMalformed, what); }

// RFC 6960 §2.3: a response that holds no answer.
RevocationStatus exception_of(int status) {
  switch (status) {
    case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST:
      return malformed("the responder calls the request malformed");
    case OCSP_RESPONSE_STATUS_INTERNALERROR:
      return failed(Outcome::kTryLater, "the responder reports an internal error");
    case OCSP_RESPONSE_STATUS_TRYLATER:
      return failed(Outcome::kTryLater, "the responder asks to try later");
    case OCSP_RESPONSE_STATUS_SIGREQUIRED:
      return failed(Outcome::kUnauthorized, "the responder wants signed requests");
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
      return failed(Outcome::kUnauthorized, "the responder is not authorized to answer for this certificate");
    default:
      return malformed("the response has an unknown status");
  }
}

// Extensions that one must understand or refuse; the only one known here is the nonce.
template <class Object, class Find, class Get>
bool has_unknown_critical(Object* object, Find find, Get get) {
  for (int at = find(object, 1, -1); at >= 0; at = find(object, 1, at)) {
    X509_EXTENSION* extension = get(object, at);
    if (extension == nullptr || OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_id_pkix_OCSP_Nonce)
      return true;
  }
  return false;
}

bool repeats(OCSP_BASICRESP* basic, std::string_view nonce) {
  const int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
  if (at < 0) return false;
  X509_EXTENSION* extension = OCSP_BASICRESP_get_ext(basic, at);
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const unsigned char* cursor = ASN1_STRING_get0_data(value);
  const internal::Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> inner(
      d2i_ASN1_OCTET_STRING(nullptr, &cursor, ASN1_STRING_length(value)));
  if (inner == nullptr || static_cast<std::size_t>(ASN1_STRING_length(inner.get())) != nonce.size()) return false;
  return CRYPTO_memcmp(ASN1_STRING_get0_data(inner.get()), nonce.data(), nonce.size()) == 0;
}

std::optional<SignedAnswer> read_single(OCSP_SINGLERESP* single) {
  SignedAnswer answer;
  int reason = -1;
  ASN1_GENERALIZEDTIME* revoked_at = nullptr;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  switch (OCSP_single_get0_status(single, &reason, &revoked_at, &this_update, &next_update)) {
    case V_OCSP_CERTSTATUS_GOOD:
      answer.status = CertStatus::kGood;
      break;
    case V_OCSP_CERTSTATUS_REVOKED:
      answer.status = CertStatus::kRevoked;
      answer.revocation_reason = reason;
      answer.revoked_at = to_wall_time(revoked_at).value_or(WallTime{});
      break;
    case V_OCSP_CERTSTATUS_UNKNOWN:
      answer.status = CertStatus::kUnknown;
      break;
    default:
      return std::nullopt;
  }
  const auto begins = to_wall_time(this_update);
  if (!begins) return std::nullopt;
  answer.this_update = *begins;
  if (next_update == nullptr) return answer;
  answer.next_update = to_wall_time(next_update);
  if (!answer.next_update || *answer.next_update < answer.this_update) return std::nullopt;
  return answer;
}

RevocationStatus judge_dates(const SignedAnswer& answer, WallTime now) {
  if (answer.this_update > now + kClockSkew) {
    return failed(Outcome::kNotYetValid, "the answer's thisUpdate lies more than 5 minutes ahead");
  }
  RevocationStatus status;
  status.answer = answer;
  if (answer.status == CertStatus::kRevoked) {
    status.outcome = Outcome::kRevoked;
    return status;
  }
  if (now > answer.next_update.value_or(answer.this_update) + kClockSkew) {
    status.outcome = Outcome::kExpired;
    status.detail = answer.next_update ? "the answer's nextUpdate passed more than 5 minutes ago"
                                       : "the answer has no nextUpdate and is more than 5 minutes old";
    return status;
  }
  status.outcome = answer.status == CertStatus::kGood ? Outcome::kGood : Outcome::kUnknown;
  return status;
}

// The answer about `id` among those of a response whose signature holds.
RevocationStatus answer_of(OCSP_BASICRESP* basic, const CertId& id, WallTime now) {
  const unsigned char* cursor = bytes_of(id.der());
  const internal::OwnedCertId wanted(d2i_OCSP_CERTID(nullptr, &cursor, static_cast<long>(id.der().size())));
  CHECK(wanted != nullptr);
  std::optional<SignedAnswer> found;
  for (int at = OCSP_resp_find(basic, wanted.get(), -1); at >= 0; at = OCSP_resp_find(basic, wanted.get(), at)) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, at);
    if (has_unknown_critical(single, OCSP_SINGLERESP_get_ext_by_critical, OCSP_SINGLERESP_get_ext)) {
      return malformed("the answer has a critical extension that is not known here");
    }
    const auto answer = read_single(single);
    if (!answer) return malformed("the answer has unreadable dates, or ends before it begins");
    const bool counts_more = !found || answer->status == CertStatus::kRevoked ||
                             (found->status != CertStatus::kRevoked && answer->this_update > found->this_update);
    if (counts_more) found = answer;
  }
  if (!found) return failed(Outcome::kWrongCertificate, "the response does not speak of this certificate");
  return judge_dates(*found, now);
}

}  // namespace

RevocationStatus check_ocsp_response(std::string_view der, const CertId& id, const x509::Certificate& issuer,
                                     WallTime now, std::string_view nonce) {
  internal::ErrorQueueGuard errors;
  if (der.size() > kMaxOcspResponse) return malformed("the response is over 64 KB");
  const unsigned char* cursor = bytes_of(der);
  const internal::OwnedResponse response(d2i_OCSP_RESPONSE(nullptr, &cursor, static_cast<long>(der.size())));
  if (response == nullptr) return malformed("the content is no OCSP response");
  if (cursor != bytes_of(der) + der.size()) return malformed("there are bytes after the end of the OCSP response");
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) return exception_of(status);
  const internal::OwnedBasic basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return malformed("the response holds no basic OCSP answer");
  if (has_unknown_critical(basic.get(), OCSP_BASICRESP_get_ext_by_critical, OCSP_BASICRESP_get_ext)) {
    return malformed("the response has a critical extension that is not known here");
  }
  if (const std::string wrong = internal::signature_objection(*basic, issuer, now); !wrong.empty()) {
    return failed(Outcome::kBadSignature, wrong);
  }
  if (!nonce.empty() && !repeats(basic.get(), nonce)) {
    return failed(Outcome::kWrongCertificate, "the response does not repeat the nonce of the request");
  }
  return answer_of(basic.get(), id, now);
}

}  // namespace portcullis::revocation
