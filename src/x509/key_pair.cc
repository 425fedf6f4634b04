#include "x509/key_pair.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/strings.h"
#include "x509/internal/owned.h"
#include "x509/internal/pbe_cost.h"
#include "x509/internal/pfx.h"
#include "x509/pem.h"

namespace portcullis::x509 {
namespace {

using internal::Owned;
using internal::SecretString;

constexpr std::size_t kMaxFileBytes = 1U << 20;
// Base64 of that, with room for line breaks.
constexpr std::size_t kMaxEncodedBytes = kMaxFileBytes / 2 * 3;

// What the file holds, in file order, before it is sorted into leaf and issuers.
Result<ServerKeyPair> assemble(std::vector<PrivateKey> keys, const CertificateList& certificates) {
  internal::ErrorQueueGuard errors;
  if (keys.empty()) return fail("key_pair.no_key", "the file holds no private key");
  if (keys.size() > 1) return fail("key_pair.several_keys", "the file holds several private keys: leave one");
  if (certificates.empty()) return fail("key_pair.no_certificate", "the file holds no certificate for its key");
  const PrivateKey& key = keys.front();
  const auto leaf = std::find_if(certificates.begin(), certificates.end(), [&](const Certificate& candidate) {
    return X509_check_private_key(candidate.native(), key.native()) == 1;
  });
  if (leaf == certificates.end()) {
    return fail("key_pair.key_mismatch", "the private key belongs to none of the file's certificates");
  }
  ServerKeyPair pair{*leaf, {}, {}, key};
  Certificate lowest = *leaf;
  while (!lowest.is_self_signed()) {
    const auto issuer = std::find_if(certificates.begin(), certificates.end(), [&](const Certificate& candidate) {
      EVP_PKEY* issuer_key = X509_get0_pubkey(candidate.native());
      return issuer_key != nullptr && candidate != *leaf &&
             std::find(pair.issuers.begin(), pair.issuers.end(), candidate) == pair.issuers.end() &&
             X509_check_issued(candidate.native(), lowest.native()) == X509_V_OK &&
             X509_verify(lowest.native(), issuer_key) == 1;
    });
    if (issuer == certificates.end()) break;
    lowest = *issuer;
    pair.issuers.push_back(lowest);
    if (!lowest.is_self_signed()) pair.chain.push_back(lowest);
  }
  return pair;
}

// Always answers, so that OpenSSL never asks on the terminal.
int give_password(char* buffer, int size, int /*for_writing*/, void* password) {
  const std::string& text = static_cast<const SecretString*>(password)->text();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

Result<PrivateKey> wrong_password() {
  return fail(kPasswordIncorrect, "the password does not open the encrypted private key");
}

Result<PrivateKey> read_encrypted_pkcs8(const SecretString& der, const SecretString& password) {
  const unsigned char* cursor = internal::bytes_of(der.text());
  const Owned<X509_SIG, X509_SIG_free> sealed(d2i_X509_SIG(nullptr, &cursor, static_cast<long>(der.text().size())));
  if (sealed == nullptr) return fail("key_pair.malformed", "the ENCRYPTED PRIVATE KEY block cannot be read");
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(sealed.get(), &algorithm, nullptr);
  if (!internal::kdf_rounds(algorithm)) {
    return fail("key_pair.too_costly", "the private key asks for an unknown or too costly key derivation");
  }
  const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(
      PKCS8_decrypt(sealed.get(), password.text().c_str(), static_cast<int>(password.text().size())));
  if (info == nullptr) return wrong_password();
  EVP_PKEY* key = EVP_PKCS82PKEY(info.get());
  if (key == nullptr) return fail("key_pair.malformed", "the ENCRYPTED PRIVATE KEY block holds no usable key");
  return PrivateKey::adopt(key);
}

// RFC 1421 headers: the old OpenSSL encryption, one MD5 round, which only its PEM reader knows.
Result<PrivateKey> read_old_encrypted(const PemBlock& block, SecretString& password) {
  const internal::OwnedBio bio(BIO_new_mem_buf(block.whole.data(), static_cast<int>(block.whole.size())));
  CHECK(bio != nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password);
  if (key == nullptr) return wrong_password();
  return PrivateKey::adopt(key);
}

Result<PrivateKey> read_private_key(const PemBlock& block, std::string_view password_text) {
  internal::ErrorQueueGuard errors;
  SecretString password{std::string(password_text)};
  if (block.body.find("Proc-Type:") != std::string_view::npos) return read_old_encrypted(block, password);
  if (block.label == "OPENSSH PRIVATE KEY") {
    return fail("key_pair.unsupported", "the key is in OpenSSH's format: convert it with `ssh-keygen -p -m PKCS8`");
  }
  auto decoded = base64_decode(block.body);
  if (!decoded) return fail("key_pair.malformed", "the private key's body is not canonical base64");
  const SecretString der(std::move(*decoded));
  if (block.label == "ENCRYPTED PRIVATE KEY") return read_encrypted_pkcs8(der, password);
  const unsigned char* cursor = internal::bytes_of(der.text());
  EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &cursor, static_cast<long>(der.text().size()));
  if (key == nullptr) return fail("key_pair.malformed", "the private key cannot be read");
  return PrivateKey::adopt(key);
}

tl::unexpected<Error> too_large() {
  return fail("key_pair.too_large", fmt::format("the certificate file is larger than {} bytes", kMaxFileBytes));
}

}  // namespace

PrivateKey::PrivateKey(const PrivateKey& other) : native_(other.native_) {
  if (native_ != nullptr) EVP_PKEY_up_ref(native_);
}
PrivateKey::PrivateKey(PrivateKey&& other) noexcept : native_(std::exchange(other.native_, nullptr)) {}
PrivateKey& PrivateKey::operator=(PrivateKey other) noexcept {
  std::swap(native_, other.native_);
  return *this;
}
PrivateKey::~PrivateKey() { EVP_PKEY_free(native_); }

std::string ServerKeyPair::public_cert_data() const {
  const Owned<PKCS7, PKCS7_free> bundle(PKCS7_new());
  CHECK(bundle != nullptr);
  CHECK(PKCS7_set_type(bundle.get(), NID_pkcs7_signed) == 1);
  CHECK(PKCS7_content_new(bundle.get(), NID_pkcs7_data) == 1);
  CHECK(PKCS7_set_detached(bundle.get(), 1) == 1);
  CHECK(PKCS7_add_certificate(bundle.get(), leaf.native()) == 1);
  for (const Certificate& issuer : issuers) CHECK(PKCS7_add_certificate(bundle.get(), issuer.native()) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS7(bundle.get(), &der);
  CHECK(size > 0);
  std::string text = base64_encode({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return text;
}

Result<ServerKeyPair> load_pfx(std::string_view bytes, std::string_view password) {
  if (bytes.size() > kMaxFileBytes) return too_large();
  auto contents = internal::open_pfx(bytes, password);
  if (!contents) return forward_error(contents);
  return assemble(std::move(contents->keys), contents->certificates);
}

Result<ServerKeyPair> load_pem_bundle(std::string_view bytes, std::string_view password) {
  if (bytes.size() > kMaxFileBytes) return too_large();
  auto bundle = read_pem(bytes);
  if (!bundle) return fail("key_pair.malformed", bundle.error().message);
  auto blocks = scan_pem(bytes);
  if (!blocks) return fail("key_pair.malformed", blocks.error().message);
  std::vector<PrivateKey> keys;
  for (const PemBlock& block : *blocks) {
    if (!block.label.ends_with("PRIVATE KEY")) continue;
    if (!keys.empty()) return fail("key_pair.several_keys", "the file holds several private keys: leave one");
    auto key = read_private_key(block, password);
    if (!key) return forward_error(key);
    keys.push_back(std::move(*key));
  }
  return assemble(std::move(keys), bundle->certificates);
}

Result<ServerKeyPair> load_key_pair(std::string_view bytes, std::string_view password) {
  if (looks_like_pem(bytes)) return load_pem_bundle(bytes, password);
  // DER begins with bytes that no base64 has.
  std::optional<std::string> decoded = bytes.size() <= kMaxEncodedBytes ? base64_decode(bytes) : std::nullopt;
  if (!decoded) return load_pfx(bytes, password);
  Result<ServerKeyPair> pair =
      looks_like_pem(*decoded) ? load_pem_bundle(*decoded, password) : load_pfx(*decoded, password);
  OPENSSL_cleanse(decoded->data(), decoded->size());
  return pair;
}

}  // namespace portcullis::x509
