// For tests only: revocation lists made byte by byte, right or wrong, and signed by a TestPki's CAs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/chrono.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "x509/test_pki.h"

namespace portcullis::revocation {

inline constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

namespace der {

inline std::string tlv(int tag, std::string_view body) {
  std::string out(1, static_cast<char>(tag));
  if (body.size() < 0x80) {
    out += static_cast<char>(body.size());
  } else {
    std::string length;
    for (std::size_t left = body.size(); left != 0; left >>= 8U) length.insert(0, 1, static_cast<char>(left & 0xff));
    out += static_cast<char>(0x80 | length.size());
    out += length;
  }
  return out.append(body);
}
inline std::string sequence(std::string_view body) { return tlv(0x30, body); }
// `content` as it stands in the INTEGER.
inline std::string integer(std::string_view content) { return tlv(0x02, content); }
inline std::string utc(WallTime at) {
  return tlv(0x17, fmt::format("{:%y%m%d%H%M%S}Z", std::chrono::floor<std::chrono::seconds>(at)));
}
inline std::string generalized(WallTime at) {
  return tlv(0x18, fmt::format("{:%Y%m%d%H%M%S}Z", std::chrono::floor<std::chrono::seconds>(at)));
}
// id-ce `number`, 2.5.29.n.
inline std::string extension(int number, std::string_view value, bool critical = false) {
  const std::string oid = {'\x55', '\x1d', static_cast<char>(number)};
  return sequence(tlv(0x06, oid) + (critical ? std::string("\x01\x01\xff", 3) : "") + tlv(0x04, value));
}

}  // namespace der

inline constexpr std::string_view kEcdsaSha256{"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12};
inline constexpr std::string_view kEcdsaSha1{"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01", 11};

struct TestEntry {
  std::string serial;  // content of the INTEGER
  std::optional<int> reason;
  std::string extensions;  // DER, after the reason
};

struct TestCrl {
  std::vector<TestEntry> entries;
  std::optional<std::string> number = "\x01";  // content of the INTEGER
  std::optional<std::string> base;
  WallTime this_update = kNow - std::chrono::hours(1);
  std::optional<WallTime> next_update = kNow + std::chrono::hours(24);
  std::string idp;         // value of the extension; "" = none
  std::string extensions;  // further ones, DER
  std::string version = der::integer("\x01");
  bool spoil = false;
  std::string_view algorithm = kEcdsaSha256;
  const char* digest = "SHA256";
};

inline std::string encode(const TestEntry& entry) {
  std::string extensions;
  if (entry.reason) extensions += der::extension(21, der::tlv(0x0a, std::string(1, static_cast<char>(*entry.reason))));
  extensions += entry.extensions;
  return der::sequence(der::integer(entry.serial) + der::utc(kNow - std::chrono::hours(2)) +
                       (extensions.empty() ? "" : der::sequence(extensions)));
}

inline std::string sign(const std::string& bytes, EVP_PKEY* key, const char* digest) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  CHECK(EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key, nullptr) == 1);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = 0;
  CHECK(EVP_DigestSign(context, nullptr, &size, data, bytes.size()) == 1);
  std::string signature(size, '\0');
  CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data, bytes.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

// The list in the name of `issuer`, signed by `signer` where one is given.
inline std::string make_crl(const x509::Issued& issuer, const TestCrl& crl = {}, const x509::Issued* signer = nullptr) {
  std::string body = crl.version + std::string(crl.algorithm) + issuer.certificate.subject_der();
  body += der::utc(crl.this_update);
  if (crl.next_update) body += der::utc(*crl.next_update);
  std::string entries;
  for (const TestEntry& entry : crl.entries) entries += encode(entry);
  if (!entries.empty()) body += der::sequence(entries);
  std::string extensions = crl.extensions;
  if (crl.number) extensions += der::extension(20, der::integer(*crl.number));
  if (crl.base) extensions += der::extension(27, der::integer(*crl.base), true);
  if (!crl.idp.empty()) extensions += der::extension(28, crl.idp, true);
  if (!extensions.empty()) body += der::tlv(0xa0, der::sequence(extensions));
  const std::string signed_part = der::sequence(body);
  std::string signature = sign(crl.spoil ? signed_part + "!" : signed_part,
                               (signer == nullptr ? issuer : *signer).key.native(), crl.digest);
  return der::sequence(signed_part + std::string(crl.algorithm) + der::tlv(0x03, std::string(1, '\0') + signature));
}

// The content of the INTEGER of a certificate's serial number.
inline std::string serial_of(const x509::Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate.native()), &der);
  CHECK(size > 2);
  std::string content(reinterpret_cast<char*>(der) + 2, static_cast<std::size_t>(size) - 2);
  OPENSSL_free(der);
  return content;
}

}  // namespace portcullis::revocation
