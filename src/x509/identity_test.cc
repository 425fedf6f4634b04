#include "x509/identity.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <openssl/asn1.h>

#include "base/strings.h"
#include "x509/internal/owned.h"
#include "x509/test_pki.h"

namespace portcullis::x509 {
namespace {

using std::chrono::sys_days;
using std::chrono::year;
using OwnedName = internal::Owned<X509_NAME, X509_NAME_free>;

void add(X509_NAME* name, const char* type, int asn1_type, std::string_view value) {
  ASSERT_EQ(X509_NAME_add_entry_by_txt(name, type, asn1_type, internal::bytes_of(value), static_cast<int>(value.size()),
                                       -1, 0),
            1);
}

Issued with_subject(TestPki& pki, X509_NAME* name) {
  const Issued root = pki.root("Root");
  return pki.leaf("", root, {.subject = name});
}

TEST(Identity, NamesAsNginxShowsThem) {
  const OwnedName name(X509_NAME_new());
  add(name.get(), "C", MBSTRING_UTF8, "US");
  add(name.get(), "ST", MBSTRING_UTF8, "WA");
  add(name.get(), "L", MBSTRING_UTF8, "Redmond");
  add(name.get(), "O", MBSTRING_UTF8, "Contoso, Ltd");
  add(name.get(), "OU", MBSTRING_UTF8, "IoT");
  add(name.get(), "CN", MBSTRING_UTF8, "d\xC3\xA9v 01");
  add(name.get(), "emailAddress", MBSTRING_UTF8, "a@b.c");
  TestPki pki;
  const Identity identity = describe(with_subject(pki, name.get()).certificate);
  EXPECT_EQ(identity.subject, "emailAddress=a@b.c,CN=d\\C3\\A9v 01,OU=IoT,O=Contoso\\, Ltd,L=Redmond,ST=WA,C=US");
  EXPECT_EQ(identity.issuer, "CN=Root");
}

TEST(Identity, DatesHaveAPaddedDay) {
  TestPki pki;
  const Issued root = pki.root("Root");
  const Issued leaf = pki.leaf("leaf", root,
                               {.not_before = WallTime{sys_days{year{2026} / 11 / 3} + std::chrono::seconds(65'966)},
                                .not_after = WallTime{sys_days{year{2056} / 12 / 23}}});
  const Identity identity = describe(leaf.certificate);
  EXPECT_EQ(identity.start_date, "Nov  3 18:19:26 2026 GMT");
  EXPECT_EQ(identity.end_date, "Dec 23 00:00:00 2056 GMT");
}

TEST(Identity, EscapedPemHasNginxShape) {
  TestPki pki;
  const Issued leaf = pki.leaf("leaf", pki.root("Root"));
  const std::string escaped = describe(leaf.certificate).escaped_pem;
  EXPECT_TRUE(escaped.starts_with("-----BEGIN%20CERTIFICATE-----%0AMII")) << escaped.substr(0, 60);
  EXPECT_TRUE(escaped.ends_with("%0A-----END%20CERTIFICATE-----%0A"));
  EXPECT_EQ(escaped.find_first_of("\r\n+/= "), std::string::npos);
  std::string plain;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '%') {
      plain += escaped[i];
      continue;
    }
    plain += static_cast<char>(hex_value(escaped[i + 1]) * 16 + hex_value(escaped[i + 2]));
    i += 2;
  }
  BIO* bio = BIO_new(BIO_s_mem());
  ASSERT_EQ(PEM_write_bio_X509(bio, leaf.certificate.native()), 1);
  EXPECT_EQ(plain, internal::contents(bio));
  BIO_free(bio);
}

TEST(Identity, FingerprintIsLowerHexSha1) {
  TestPki pki;
  const Identity identity = describe(pki.root("Root").certificate);
  EXPECT_EQ(identity.fingerprint.size(), 40U);
  EXPECT_EQ(identity.fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
}

// The certificate with another serial number in its DER; the signature no longer fits, which describe() does not mind.
Certificate with_serial(const std::string& bytes, bool negative) {
  TestPki pki;
  const Issued root = pki.root("Root");
  X509* copy = X509_dup(root.certificate.native());
  ASN1_INTEGER* serial = X509_get_serialNumber(copy);
  ASN1_STRING_set(serial, bytes.data(), static_cast<int>(bytes.size()));
  serial->type = negative ? V_ASN1_NEG_INTEGER : V_ASN1_INTEGER;
  X509_sign(copy, root.key.native(), EVP_sha256());
  return Certificate::from_native(copy, false);
}

TEST(Identity, SerialsKeepWholeBytesAndOneLine) {
  EXPECT_EQ(describe(with_serial(std::string("\x0e\x3e\x00", 3), false)).serial, "0E3E00");
  EXPECT_EQ(describe(with_serial(std::string(1, '\0'), false)).serial, "00");
  EXPECT_EQ(describe(with_serial("\x05", true)).serial, "-05");
  // OpenSSL's own printer would break the line after 35 bytes.
  EXPECT_EQ(describe(with_serial(std::string(60, '\x7f'), false)).serial.size(), 120U);
}

TEST(Identity, HostileNamesStayOnOneLineOfPrintableAscii) {
  struct Case {
    int type;
    std::string value;
    std::string shown;
  };
  const std::string odd_bmp("\x00\x41\x00", 3);
  for (const Case& c : {
           Case{V_ASN1_UTF8STRING, "a\r\nX-Admin: yes", "CN=a\\0D\\0AX-Admin: yes"},
           Case{V_ASN1_IA5STRING, std::string("good\0.evil", 10), "CN=good\\00.evil"},
           Case{V_ASN1_PRINTABLESTRING, "tab\tdel\x7f", "CN=tab\\09del\\7F"},
           Case{V_ASN1_T61STRING, "\xff\xfe\n", "CN=\\C3\\BF\\C3\\BE\\0A"},
           Case{V_ASN1_BMPSTRING, std::string("\x00\x41\x00\x0a", 4), "CN=A\\0A"},
           Case{V_ASN1_UTF8STRING, "a\",+<>;\\", "CN=a\\\"\\,\\+\\<\\>\\;\\\\"},
           Case{V_ASN1_UTF8STRING, "\xff\xff", ""},
           Case{V_ASN1_BMPSTRING, odd_bmp, ""},
       }) {
    const OwnedName name(X509_NAME_new());
    // Added as its bytes are. OpenSSL refuses here, and again when it parses, what has no canonical form.
    if (X509_NAME_add_entry_by_NID(name.get(), NID_commonName, c.type, internal::bytes_of(c.value),
                                   static_cast<int>(c.value.size()), -1, 0) != 1) {
      EXPECT_EQ(c.shown, "") << "not added";
      continue;
    }
    TestPki pki;
    X509* raw = X509_dup(pki.root("Root").certificate.native());
    // A name that has no canonical form cannot be set; such a certificate cannot be parsed either.
    if (X509_set_subject_name(raw, name.get()) != 1) {
      X509_free(raw);
      EXPECT_EQ(c.shown, "");
      continue;
    }
    const Identity identity = describe(Certificate::from_native(raw, false));
    if (!c.shown.empty()) {
      EXPECT_EQ(identity.subject, c.shown);
    }
    EXPECT_TRUE(std::all_of(identity.subject.begin(), identity.subject.end(), [](char byte) {
      return byte >= 0x20 && byte < 0x7f;
    })) << identity.subject;
  }
}

}  // namespace
}  // namespace portcullis::x509
