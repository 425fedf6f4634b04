#include "x509/lean_keys.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/lever.h"
#include "x509/internal/key_schedule.h"
#include "x509/internal/owned.h"
#include "x509/internal/record_cipher.h"

namespace portcullis::x509 {

namespace {

using internal::Owned;
using internal::OwnedX509;

// What a library context can decode.
enum Kind : std::size_t { kNothing, kEc, kRsa, kKinds };
constexpr const char* kDecoderOf[kKinds] = {nullptr, "EC", "RSA"};

// OpenSSL walks through everything that a context has met, ciphers and digests too, for each certificate. So the
// context of TLS shows only what its suites use, and no key types of key derivation and of other MACs than HMAC.
constexpr std::string_view kTlsDigests[] = {"MD5", "SHA1", "MD5-SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512"};
constexpr std::string_view kTlsCiphers[] = {"NULL",
                                            "AES-128-CBC",
                                            "AES-256-CBC",
                                            "AES-128-CBC-HMAC-SHA1",
                                            "AES-256-CBC-HMAC-SHA1",
                                            "AES-128-CBC-HMAC-SHA256",
                                            "AES-256-CBC-HMAC-SHA256",
                                            "AES-128-GCM",
                                            "AES-256-GCM",
                                            "AES-128-CCM",
                                            "AES-256-CCM",
                                            "ChaCha20-Poly1305"};
constexpr std::string_view kTlsMacs[] = {"HMAC"};
constexpr std::string_view kTlsDerivations[] = {"HKDF", "TLS1-PRF", OSSL_KDF_NAME_TLS1_3_KDF};
constexpr std::string_view kTlsKeyTypes[] = {"DH", "DSA", "RSA", "RSA-PSS", "EC", "X25519", "ED25519", "ED448", "HMAC"};
// And in a context that only decodes certificates and checks their signatures: nothing that agrees on keys or makes
// MACs.
constexpr std::string_view kSigningKeyTypes[] = {"DSA", "RSA", "RSA-PSS", "EC", "ED25519", "ED448"};

// OpenSSL's default provider, and what of it each of our contexts shows. Made once, never freed.
struct Libraries {
  OSSL_PROVIDER* whole = nullptr;
  std::vector<OSSL_ALGORITHM> key_types, signing_key_types, digests, ciphers, macs, derivations;
  std::vector<OSSL_ALGORITHM> decoders[kKinds];
  OSSL_LIB_CTX* contexts[kKinds] = {};
  std::string_view state;

  Libraries();
  bool make();
};

Libraries& libraries() {
  static Libraries* const made = new Libraries;
  return *made;
}

// What the provider of our contexts shows. OpenSSL asks for it while Libraries is being made, and whenever it looks for
// something for the first time.
const Libraries* shown_by_provider = nullptr;

template <Kind kind>
const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  const Libraries& shown = *shown_by_provider;
  *no_cache = 0;
  if (operation == OSSL_OP_DECODER) return shown.decoders[kind].data();
  if (operation == OSSL_OP_KEYMGMT) return (kind == kNothing ? shown.key_types : shown.signing_key_types).data();
  // A certificate may be signed with any digest.
  if (kind == kNothing && operation == OSSL_OP_DIGEST) return shown.digests.data();
  if (operation == OSSL_OP_CIPHER) return shown.ciphers.data();
  if (operation == OSSL_OP_MAC) return shown.macs.data();
  if (operation == OSSL_OP_KDF) return shown.derivations.data();
  return OSSL_PROVIDER_query_operation(shown.whole, operation, no_cache);
}

int capabilities(void*, const char* capability, OSSL_CALLBACK* callback, void* argument) {
  return OSSL_PROVIDER_get_capabilities(shown_by_provider->whole, capability, callback, argument);
}

// The algorithms run with the default provider's own context: they are its functions.
template <Kind kind>
int start_provider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH functions[] = {
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(&query<kind>)},
      {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(&capabilities)},
      {0, nullptr}};
  *out = functions;
  *context = OSSL_PROVIDER_get0_provider_ctx(shown_by_provider->whole);
  return 1;
}

OSSL_LIB_CTX* make_context(OSSL_provider_init_fn* start) {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context == nullptr) return nullptr;
  if (OSSL_PROVIDER_add_builtin(context, "portcullis", start) != 1) return nullptr;
  return OSSL_PROVIDER_load(context, "portcullis") == nullptr ? nullptr : context;
}

// Of the default provider alone is it known what is left out.
bool is_configured_otherwise() {
  const auto look = [](OSSL_PROVIDER* provider, void* other) {
    const std::string_view name = OSSL_PROVIDER_get0_name(provider);
    if (name != "default" && name != "base") *static_cast<bool*>(other) = true;
    return 1;
  };
  bool other = false;
  OSSL_PROVIDER_do_all(nullptr, look, &other);
  return other || OSSL_PROVIDER_available(nullptr, "default") != 1 || EVP_default_properties_is_fips_enabled(nullptr);
}

Kind kind_of(const X509* certificate) {
  ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR* identifier = nullptr;
  X509_PUBKEY* spki = X509_get_X509_PUBKEY(certificate);
  if (spki == nullptr || X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, &identifier, spki) != 1) return kNothing;
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, identifier);
  switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption:
      return type == V_ASN1_NULL ? kRsa : kNothing;
    case NID_X9_62_id_ecPublicKey: {
      if (type != V_ASN1_OBJECT) return kNothing;
      const int curve = OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(value));
      return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1 ? kEc : kNothing;
    }
    default:
      return kNothing;
  }
}

OwnedX509 parse(std::string_view der, OSSL_LIB_CTX* context) {
  X509* parsed = X509_new_ex(context, nullptr);
  const unsigned char* cursor = internal::bytes_of(der);
  if (parsed != nullptr && d2i_X509(&parsed, &cursor, static_cast<long>(der.size())) == nullptr) parsed = nullptr;
  return OwnedX509(parsed);
}

std::string der_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

// Certificates of the self-test alone, signed by themselves, made beforehand: a key of RSA made at every start would
// take longer than all else that a start does. One has a key of P-256, the other one of RSA with 1024 bits.
constexpr std::string_view kEcSample =
    "MIIBRTCB7KADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCXNlbGYtdGVzdDAeFw0yNjExMjkwMTU3NDZaFw0yNjExMzAwMTU3NDZa"
    "MBQxEjAQBgNVBAMMCXNlbGYtdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABESFZOkwvOXojCqmydsfW6RuPt65sENQfsQoVhOYH0Hr"
    "i7ozj4Jnw7C7r3IZ7CM4Vzi+maIgoAmcSPiM2+wMchSjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFDUDniq8i1HasGWuyDMevp96GQ4s"
    "MAoGCCqGSM49BAMCA0gAMEUCIAsaub3PNt4VbLYG8jU/aAIvagW1kWIqJ0uGqYiMSPG8AiEA1SjtDcYWPVdfWbk2rsQPeVGZkfMaHCzud0mr"
    "S/lVj4c=";
constexpr std::string_view kRsaSample =
    "MIIBzTCCATagAwIBAgIBATANBgkqhkiG9w0BAQsFADAUMRIwEAYDVQQDDAlzZWxmLXRlc3QwHhcNMjYxMTI5MDE1NzQ2WhcNMjYxMTMwMDE1"
    "NzQ2WjAUMRIwEAYDVQQDDAlzZWxmLXRlc3QwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAPAyV9nOi2B6SGWXK6GIemNQ7haStY1Aiyuo"
    "ohfdZQefpsxcPKjaAyCjdFDl4OCd2qFlKLOD0rN99YxNqFBymMjhIlvVgJx1u5qCCEsYrTBR//xVtjlWf3IOKe6rrJ9nXUxpRZaJq2sCLWhL"
    "nGQooEbUdGERkTUywFXgchAcPHtnAgMBAAGjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFJa9C2PaUZ/pte4ltwg7kMA3RrMRMA0GCSqG"
    "SIb3DQEBCwUAA4GBAIVAm+u1i44flyiohzV8mziAE5QnRt8I29fjoYyUHfkxcf3URi7ahPZIgtMuUVLgGmgTrzdt8BWGbCQuT5n7MjQ0gNIf"
    "Z1PLWaVsoGUgNFrE9gc+4WBT5w45dplbgYv7k9CigfJkgGRVD7sfF3O4ngHNNgFAW1aATKzf2tz/Z4jI";

// Whether a certificate is read as it should: without its key where none is wanted, and with the same key as in the
// default context where one is, fit to check a signature.
bool reads_alike(const Libraries& made, std::string_view sample, Kind kind) {
  const std::string der = base64_decode(sample).value_or("");
  const OwnedX509 usual = parse(der, nullptr);
  const OwnedX509 keyless = parse(der, made.contexts[kNothing]);
  const OwnedX509 lean = parse(der, made.contexts[kind]);
  if (der.empty() || usual == nullptr || keyless == nullptr || lean == nullptr) return false;
  EVP_PKEY* const expected = X509_get0_pubkey(usual.get());
  EVP_PKEY* const found = X509_get0_pubkey(lean.get());
  return expected != nullptr && found != nullptr && X509_get0_pubkey(keyless.get()) == nullptr &&
         kind_of(keyless.get()) == kind && EVP_PKEY_eq(expected, found) == 1 &&
         EVP_PKEY_get_security_bits(expected) == EVP_PKEY_get_security_bits(found) &&
         EVP_PKEY_get_base_id(expected) == EVP_PKEY_get_base_id(found) && der_of(keyless.get()) == der &&
         der_of(lean.get()) == der && X509_verify(lean.get(), expected) == 1 && X509_verify(usual.get(), found) == 1;
}

bool passes_self_test(const Libraries& made) {
  return reads_alike(made, kEcSample, kEc) && reads_alike(made, kRsaSample, kRsa) &&
         internal::derives_alike(made.contexts[kNothing]) && internal::seals_alike(made.contexts[kNothing]);
}

// Of a list that ends with an algorithm without a name, those whose first name is among `wanted`.
std::vector<OSSL_ALGORITHM> among(const OSSL_ALGORITHM* all, std::span<const std::string_view> wanted) {
  std::vector<OSSL_ALGORITHM> kept;
  for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
    const std::string_view names = all->algorithm_names;
    if (std::ranges::find(wanted, names.substr(0, names.find(':'))) != wanted.end()) kept.push_back(*all);
  }
  kept.push_back({});
  return kept;
}

bool Libraries::make() {
  OSSL_LIB_CTX* home = OSSL_LIB_CTX_new();
  if (home == nullptr) return false;
  whole = OSSL_PROVIDER_load(home, "default");
  if (whole == nullptr) return false;
  int no_cache = 0;
  const auto every = [&](int operation) { return OSSL_PROVIDER_query_operation(whole, operation, &no_cache); };
  key_types = among(every(OSSL_OP_KEYMGMT), kTlsKeyTypes);
  signing_key_types = among(every(OSSL_OP_KEYMGMT), kSigningKeyTypes);
  digests = among(every(OSSL_OP_DIGEST), kTlsDigests);
  ciphers = among(every(OSSL_OP_CIPHER), kTlsCiphers);
  internal::show_lean_record_ciphers(ciphers);
  macs = among(every(OSSL_OP_MAC), kTlsMacs);
  derivations = among(every(OSSL_OP_KDF), kTlsDerivations);
  if (const OSSL_ALGORITHM* lean = internal::lean_key_schedule(); lean != nullptr) {
    const auto usual = std::ranges::find_if(derivations, [](const OSSL_ALGORITHM& shown) {
      return shown.algorithm_names != nullptr && std::strcmp(shown.algorithm_names, OSSL_KDF_NAME_TLS1_3_KDF) == 0;
    });
    if (usual == derivations.end()) return false;
    *usual = *lean;
  }
  const OSSL_ALGORITHM* all = every(OSSL_OP_DECODER);
  for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
    const bool reads_spki = std::strstr(all->property_definition, "input=der") != nullptr &&
                            std::strstr(all->property_definition, "structure=SubjectPublicKeyInfo") != nullptr;
    for (const Kind kind : {kEc, kRsa}) {
      if (reads_spki && std::strcmp(all->algorithm_names, kDecoderOf[kind]) == 0) decoders[kind].push_back(*all);
    }
  }
  for (auto& shown : decoders) shown.push_back({});
  shown_by_provider = this;
  contexts[kNothing] = make_context(&start_provider<kNothing>);
  contexts[kEc] = make_context(&start_provider<kEc>);
  contexts[kRsa] = make_context(&start_provider<kRsa>);
  return contexts[kNothing] != nullptr && contexts[kEc] != nullptr && contexts[kRsa] != nullptr;
}

Libraries::Libraries() {
  const internal::ErrorQueueGuard errors;
  if (is_switched_off(kLeanKeysLever)) {
    state = "switched off";
  } else if (OPENSSL_VERSION_MAJOR > 3 || OpenSSL_version_num() >= 0x30200000L) {
    state = "OpenSSL is 3.2 or later";
  } else if (is_configured_otherwise()) {
    state = "OpenSSL is configured for other providers";
  } else if (!make() || !passes_self_test(*this)) {
    state = "the self-test failed";
  } else {
    state = "on";
    return;
  }
  for (OSSL_LIB_CTX*& context : contexts) context = nullptr;
}

}  // namespace

OSSL_LIB_CTX* keyless_library() { return libraries().contexts[kNothing]; }

std::string_view lean_keys_state() { return libraries().state; }

Certificate with_key(const Certificate& certificate) {
  const internal::ErrorQueueGuard errors;
  if (keyless_library() == nullptr || X509_get0_pubkey(certificate.native()) != nullptr) return certificate;
  const Kind kind = kind_of(certificate.native());
  OSSL_LIB_CTX* context = kind == kNothing ? nullptr : libraries().contexts[kind];
  OwnedX509 decoded = parse(certificate.der(), context);
  return decoded == nullptr ? certificate : Certificate::from_native(decoded.release(), false);
}

}  // namespace portcullis::x509
