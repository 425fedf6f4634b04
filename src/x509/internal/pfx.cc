#include "x509/internal/pfx.h"

#include <cstring>
#include <optional>

#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "x509/internal/owned.h"
#include "x509/internal/pbe_cost.h"

namespace portcullis::x509::internal {
namespace {

constexpr std::size_t kMaxBags = 256;
constexpr int kMaxNesting = 4;

using OwnedPkcs12 = Owned<PKCS12, PKCS12_free>;
using OwnedPkcs8 = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

void free_bags(STACK_OF(PKCS12_SAFEBAG) * bags) { sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free); }
void free_safes(STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); }
using OwnedBags = Owned<STACK_OF(PKCS12_SAFEBAG), free_bags>;
using OwnedSafes = Owned<STACK_OF(PKCS7), free_safes>;

Error malformed(std::string message) {
  return {"key_pair.malformed", "the PFX file is damaged: " + std::move(message)};
}
Error too_costly() {
  return {"key_pair.too_costly", "the PFX file asks for an unknown or too costly key derivation; export it again"};
}
Error cannot_open() {
  return {"key_pair.unsupported",
          "a bag of the PFX file cannot be decrypted: unknown cipher, or sealed with another password than the file"};
}

// A password as PKCS#12 takes it: an empty one is written in two ways in the field, as "" and as nothing at all.
struct Password {
  const char* text;
  int size;
};

// RC2 and the like, in a library context of their own, so that no TLS connection can ever meet them.
class LegacyLibrary {
 public:
  LegacyLibrary() : library_(OSSL_LIB_CTX_new()) {
    if (library_ == nullptr) return;
    legacy_ = OSSL_PROVIDER_load(library_, "legacy");
    standard_ = OSSL_PROVIDER_load(library_, "default");
  }
  ~LegacyLibrary() {
    if (legacy_ != nullptr) OSSL_PROVIDER_unload(legacy_);
    if (standard_ != nullptr) OSSL_PROVIDER_unload(standard_);
    OSSL_LIB_CTX_free(library_);
  }
  LegacyLibrary(const LegacyLibrary&) = delete;
  LegacyLibrary& operator=(const LegacyLibrary&) = delete;
  OSSL_LIB_CTX* get() const { return legacy_ != nullptr && standard_ != nullptr ? library_ : nullptr; }

 private:
  OSSL_LIB_CTX* library_;
  OSSL_PROVIDER* legacy_ = nullptr;
  OSSL_PROVIDER* standard_ = nullptr;
};

// Walks the bags of one file, decrypting in `library` (null: the default one). What comes out belongs to the default
// library.
class Opener {
 public:
  Opener(Password password, OSSL_LIB_CTX* library, std::uint64_t budget)
      : password_(password), library_(library), budget_(budget) {}

  std::optional<Error> open(const PKCS12* pfx) {
    const OwnedSafes safes(PKCS12_unpack_authsafes(pfx));
    if (safes == nullptr) return malformed("its list of safes cannot be read");
    for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i) {
      if (auto error = open_safe(sk_PKCS7_value(safes.get(), i))) return error;
    }
    return std::nullopt;
  }

  PfxContents take() { return std::move(contents_); }

 private:
  bool afford(const X509_ALGOR* algorithm) {
    const auto rounds = kdf_rounds(algorithm);
    if (!rounds || *rounds > budget_) return false;
    budget_ -= *rounds;
    return true;
  }

  std::optional<Error> open_safe(PKCS7* safe) {
    OwnedBags bags;
    if (PKCS7_type_is_data(safe)) {
      bags.reset(PKCS12_unpack_p7data(safe));
      if (bags == nullptr) return malformed("a plain safe cannot be read");
    } else if (PKCS7_type_is_encrypted(safe)) {
      if (safe->d.encrypted == nullptr || safe->d.encrypted->enc_data == nullptr ||
          safe->d.encrypted->enc_data->enc_data == nullptr) {
        return malformed("an encrypted safe is empty");
      }
      const PKCS7_ENC_CONTENT* sealed = safe->d.encrypted->enc_data;
      if (!afford(sealed->algorithm)) return too_costly();
      bags.reset(static_cast<STACK_OF(PKCS12_SAFEBAG)*>(
          PKCS12_item_decrypt_d2i_ex(sealed->algorithm, ASN1_ITEM_rptr(PKCS12_SAFEBAGS), password_.text, password_.size,
                                     sealed->enc_data, 1, library_, nullptr)));
      if (bags == nullptr) return cannot_open();
    } else {
      return std::nullopt;  // sealed for a recipient's public key: nothing that a password opens
    }
    return open_bags(bags.get(), 0);
  }

  std::optional<Error> open_bags(const STACK_OF(PKCS12_SAFEBAG) * bags, int nesting) {
    if (nesting > kMaxNesting) return malformed("its safes are nested too deeply");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i) {
      if (++bags_seen_ > kMaxBags) return malformed("it holds too many bags");
      if (auto error = open_bag(sk_PKCS12_SAFEBAG_value(bags, i), nesting)) return error;
    }
    return std::nullopt;
  }

  std::optional<Error> open_bag(const PKCS12_SAFEBAG* bag, int nesting) {
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
      case NID_keyBag:
        return add_key(PKCS12_SAFEBAG_get0_p8inf(bag));
      case NID_pkcs8ShroudedKeyBag:
        return open_shrouded_key(PKCS12_SAFEBAG_get0_pkcs8(bag));
      case NID_certBag:
        return add_certificate(bag);
      case NID_safeContentsBag:
        return open_bags(PKCS12_SAFEBAG_get0_safes(bag), nesting + 1);
      default:
        return std::nullopt;
    }
  }

  std::optional<Error> open_shrouded_key(const X509_SIG* sealed) {
    if (sealed == nullptr) return malformed("a key bag is empty");
    const X509_ALGOR* algorithm = nullptr;
    X509_SIG_get0(sealed, &algorithm, nullptr);
    if (!afford(algorithm)) return too_costly();
    const OwnedPkcs8 info(PKCS8_decrypt_ex(sealed, password_.text, password_.size, library_, nullptr));
    if (info == nullptr) return cannot_open();
    return add_key(info.get());
  }

  std::optional<Error> add_key(const PKCS8_PRIV_KEY_INFO* info) {
    EVP_PKEY* key = info == nullptr ? nullptr : EVP_PKCS82PKEY(info);
    if (key == nullptr) return malformed("a private key in it cannot be read");
    contents_.keys.push_back(PrivateKey::adopt(key));
    return std::nullopt;
  }

  std::optional<Error> add_certificate(const PKCS12_SAFEBAG* bag) {
    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) return std::nullopt;
    X509* certificate = PKCS12_SAFEBAG_get1_cert(bag);
    if (certificate == nullptr) return malformed("a certificate in it cannot be read");
    contents_.certificates.push_back(Certificate::from_native(certificate, false));
    return std::nullopt;
  }

  Password password_;
  OSSL_LIB_CTX* library_;
  std::uint64_t budget_;
  std::size_t bags_seen_ = 0;
  PfxContents contents_;
};

// The password in the spelling that the file's MAC confirms.
Result<Password> confirm_password(PKCS12* pfx, const std::string& password) {
  if (PKCS12_mac_present(pfx) != 1) {
    return fail("key_pair.unsupported", "the PFX file has no password integrity (MAC); export it with a password");
  }
  const ASN1_OCTET_STRING* mac = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OCTET_STRING* salt = nullptr;
  const ASN1_INTEGER* count = nullptr;
  PKCS12_get0_mac(&mac, &algorithm, &salt, &count, pfx);
  if (!kdf_rounds(count)) return tl::unexpected(too_costly());
  if (EVP_get_digestbyobj(algorithm->algorithm) == nullptr) {
    return fail("key_pair.unsupported", "the PFX file's integrity check uses an unknown digest; export it again");
  }
  const Password given{password.c_str(), static_cast<int>(password.size())};
  if (PKCS12_verify_mac(pfx, given.text, given.size) == 1) return given;
  const Password none{nullptr, 0};
  if (password.empty() && PKCS12_verify_mac(pfx, none.text, none.size) == 1) return none;
  return fail(kPasswordIncorrect, "the password does not open the PFX file");
}

}  // namespace

bool is_pfx(std::string_view bytes) {
  ErrorQueueGuard errors;
  const unsigned char* cursor = bytes_of(bytes);
  return OwnedPkcs12(d2i_PKCS12(nullptr, &cursor, static_cast<long>(bytes.size()))) != nullptr;
}

Result<PfxContents> open_pfx(std::string_view bytes, std::string_view password) {
  ErrorQueueGuard errors;
  const unsigned char* cursor = bytes_of(bytes);
  const OwnedPkcs12 pfx(d2i_PKCS12(nullptr, &cursor, static_cast<long>(bytes.size())));
  if (pfx == nullptr) return fail("key_pair.malformed", "the file is neither PEM nor PFX (PKCS#12)");
  if (cursor != bytes_of(bytes) + bytes.size()) return tl::unexpected(malformed("there are bytes after its end"));

  const SecretString secret{std::string(password)};
  const auto confirmed = confirm_password(pfx.get(), secret.text());
  if (!confirmed) return tl::unexpected(confirmed.error());

  Opener modern(*confirmed, nullptr, kMaxKdfRounds);
  auto error = modern.open(pfx.get());
  if (!error) return modern.take();
  if (error->code != "key_pair.unsupported") return tl::unexpected(std::move(*error));

  const LegacyLibrary legacy;
  if (legacy.get() == nullptr) {
    error->message += "; OpenSSL's legacy provider, which old files need, is not installed";
    return tl::unexpected(std::move(*error));
  }
  Opener old(*confirmed, legacy.get(), kMaxKdfRounds);
  error = old.open(pfx.get());
  if (error) return tl::unexpected(std::move(*error));
  return old.take();
}

}  // namespace portcullis::x509::internal
