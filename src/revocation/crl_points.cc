#include "revocation/crl_points.h"

#include <openssl/x509v3.h>

#include "revocation/internal/owned.h"
#include "revocation/internal/web_url.h"

namespace portcullis::revocation {
namespace {

constexpr std::size_t kMaxPoints = 64;

using OwnedPoints = internal::Owned<STACK_OF(DIST_POINT), CRL_DIST_POINTS_free>;

std::string der_of(const GENERAL_NAME* name) {
  unsigned char* der = nullptr;
  const int size = i2d_GENERAL_NAME(name, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

CrlPoints crl_points(const x509::Certificate& certificate) {
  CrlPoints out;
  const internal::ErrorQueueGuard quiet;
  const OwnedPoints points(static_cast<STACK_OF(DIST_POINT)*>(
      X509_get_ext_d2i(certificate.native(), NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->distpoint == nullptr || point->distpoint->type != 0) continue;
    if (point->reasons != nullptr || point->CRLissuer != nullptr) continue;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names) && out.names.size() < kMaxPoints; ++j) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, j);
      out.names.push_back(der_of(name));
      if (auto url = internal::web_url(*name)) out.urls.push_back(std::move(*url));
    }
  }
  return out;
}

}  // namespace portcullis::revocation
