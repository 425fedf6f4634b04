#include "revocation/ocsp_request.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "revocation/internal/owned.h"
#include "x509/test_pki.h"

namespace portcullis::revocation {
namespace {

struct OcspRequestTest : testing::Test {
  x509::Issued naming(const std::string& access, x509::CertSpec spec = {.eku = "clientAuth"}) {
    spec.extensions.emplace_back("authorityInfoAccess", access);
    return pki.leaf("client", ca, spec);
  }
  std::optional<std::string> url(const std::string& access) { return responder_url(naming(access).certificate); }
  // The CertID and the nonce of an encoded request.
  static std::pair<std::string, bool> decode(const std::string& der) {
    const unsigned char* cursor = internal::bytes_of(der);
    const internal::Owned<OCSP_REQUEST, OCSP_REQUEST_free> request(
        d2i_OCSP_REQUEST(nullptr, &cursor, static_cast<long>(der.size())));
    if (request == nullptr || OCSP_request_onereq_count(request.get()) != 1) return {};
    unsigned char* id = nullptr;
    const int size = i2d_OCSP_CERTID(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), 0)), &id);
    std::string bytes(reinterpret_cast<char*>(id), static_cast<std::size_t>(size));
    OPENSSL_free(id);
    return {bytes, OCSP_REQUEST_get_ext_by_NID(request.get(), NID_id_pkix_OCSP_Nonce, -1) >= 0};
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("CA", root);
  x509::Issued client = pki.leaf("client", ca);
  CertId id{client.certificate, ca.certificate};
};

TEST_F(OcspRequestTest, GoesToTheFirstUsableResponder) {
  EXPECT_EQ(responder_url(client.certificate), std::nullopt);
  EXPECT_EQ(url("OCSP;URI:http://a.test/x"), "http://a.test/x");
  EXPECT_EQ(url("OCSP;URI:HTTPS://a.test"), "HTTPS://a.test");
  EXPECT_EQ(url("caIssuers;URI:http://ca.test/ca.crt"), std::nullopt);
  EXPECT_EQ(url("caIssuers;URI:http://ca.test/ca.crt,OCSP;URI:http://b.test/,OCSP;URI:http://c.test/"),
            "http://b.test/");
  EXPECT_EQ(url("OCSP;URI:ldap://a.test/,OCSP;URI:ftp://a.test/,OCSP;DNS:a.test,OCSP;URI:http://d.test/"),
            "http://d.test/");
  EXPECT_EQ(url("OCSP;URI:http://a b/,OCSP;URI:http://e.test/"), "http://e.test/");
  EXPECT_EQ(url("OCSP;URI:http://" + std::string(kMaxResponderUrl, 'x')), std::nullopt);
  std::string many;
  for (int i = 0; i < kMaxAccessDescriptions; ++i) many += "caIssuers;URI:http://a.test/,";
  EXPECT_EQ(url(many + "OCSP;URI:http://late.test/"), std::nullopt);
  EXPECT_EQ(responder_url(naming("OCSP;URI:http://a.test/\x01").certificate), std::nullopt);
}

TEST_F(OcspRequestTest, IsAGetWhereItIsShort) {
  for (const char* responder : {"http://a.test/ocsp", "http://a.test/ocsp/"}) {
    const OcspRequest request = make_ocsp_request(id, responder);
    EXPECT_TRUE(request.body.empty());
    const std::string prefix = "http://a.test/ocsp/";
    ASSERT_EQ(request.url.substr(0, prefix.size()), prefix);
    std::string path = request.url.substr(prefix.size());
    EXPECT_LE(path.size(), 255U);
    EXPECT_EQ(path.find_first_of("+/="), std::string::npos);
    for (const auto& [escaped, byte] : {std::pair{"%2B", "+"}, {"%2F", "/"}, {"%3D", "="}}) {
      for (auto at = path.find(escaped); at != std::string::npos; at = path.find(escaped)) path.replace(at, 3, byte);
    }
    const auto der = base64_decode(path);
    ASSERT_TRUE(der);
    EXPECT_EQ(decode(*der).first, id.der());
    EXPECT_FALSE(decode(*der).second);
  }
}

TEST_F(OcspRequestTest, IsAPostWhereAGetWouldNotDo) {
  const OcspRequest with_query = make_ocsp_request(id, "http://a.test/ocsp?ca=1");
  EXPECT_EQ(with_query.url, "http://a.test/ocsp?ca=1");
  EXPECT_EQ(decode(with_query.body).first, id.der());
  const OcspRequest with_nonce = make_ocsp_request(id, "http://a.test/", "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(with_nonce.url, "http://a.test/");
  EXPECT_TRUE(decode(with_nonce.body).second);
  EXPECT_EQ(with_nonce.nonce.size(), 32U);
}

TEST_F(OcspRequestTest, NamesTheCertificateByIssuerAndSerial) {
  EXPECT_EQ(CertId(client.certificate, ca.certificate), id);
  EXPECT_FALSE(CertId(pki.leaf("client", ca).certificate, ca.certificate) == id);
  EXPECT_FALSE(CertId(client.certificate, root.certificate) == id);
  EXPECT_EQ(id.serial().size(), 16U);
}

}  // namespace
}  // namespace portcullis::revocation
