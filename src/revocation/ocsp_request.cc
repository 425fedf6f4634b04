#include "revocation/ocsp_request.h"

#include <algorithm>

#include <openssl/x509v3.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/strings.h"
#include "revocation/internal/owned.h"
#include "revocation/internal/web_url.h"

namespace portcullis::revocation {

using internal::Owned;

namespace {

constexpr std::size_t kMaxGet = 255;

std::string encode(const CertId& id, std::string_view nonce) {
  internal::ErrorQueueGuard errors;
  const Owned<OCSP_REQUEST, OCSP_REQUEST_free> request(OCSP_REQUEST_new());
  CHECK(request != nullptr);
  const unsigned char* cursor = internal::bytes_of(id.der());
  internal::OwnedCertId parsed(d2i_OCSP_CERTID(nullptr, &cursor, static_cast<long>(id.der().size())));
  CHECK(parsed != nullptr);
  CHECK(OCSP_request_add0_id(request.get(), parsed.release()) != nullptr);
  if (!nonce.empty()) {
    std::string bytes(nonce);
    CHECK(OCSP_request_add1_nonce(request.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size())) == 1);
  }
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &der);
  CHECK(size > 0);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<std::string> responder_url(const x509::Certificate& certificate) {
  internal::ErrorQueueGuard errors;
  const Owned<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate.native(), NID_info_access, nullptr, nullptr)));
  if (access == nullptr) return std::nullopt;
  const int count = std::min(sk_ACCESS_DESCRIPTION_num(access.get()), kMaxAccessDescriptions);
  for (int i = 0; i < count; ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) != NID_ad_OCSP) continue;
    if (auto url = internal::web_url(*one->location)) return url;
  }
  return std::nullopt;
}

OcspRequest make_ocsp_request(const CertId& id, std::string_view responder, std::string_view nonce) {
  OcspRequest request;
  request.url = responder;
  request.nonce = nonce;
  std::string der = encode(id, nonce);
  const std::string path = percent_encode(base64_encode(der));
  if (path.size() > kMaxGet || !nonce.empty() || responder.find('?') != std::string_view::npos) {
    request.body = std::move(der);
    return request;
  }
  if (responder.back() != '/') request.url += '/';
  request.url += path;
  return request;
}

}  // namespace portcullis::revocation
