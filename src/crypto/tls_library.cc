#include "crypto/tls_library.h"

#include <algorithm>
#include <cstring>
#include <map>
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
#include "crypto/internal/key_exchange.h"
#include "crypto/internal/key_schedule.h"
#include "crypto/internal/lean_mac.h"
#include "crypto/internal/provider.h"
#include "crypto/internal/record_cipher.h"

namespace portcullis::crypto {

namespace {

// A key that can be decoded without a search.
enum Kind : std::size_t { kNothing, kEc, kRsa, kKinds };
constexpr const char* kDecoderOf[kKinds] = {nullptr, "EC", "RSA"};

// OpenSSL walks through everything that a context has met, ciphers and digests too, for each certificate. So the
// context of TLS shows only what its suites and the signatures of certificates use.
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
constexpr std::string_view kTlsKeyTypes[] = {"RSA", "EC", "X25519", "HMAC"};
constexpr std::string_view kTlsSignatures[] = {"RSA", "ECDSA", "HMAC"};
constexpr std::string_view kTlsExchanges[] = {"ECDH", "X25519"};
constexpr std::string_view kTlsEncryptions[] = {"RSA"};
constexpr std::string_view kTlsRandoms[] = {"CTR-DRBG", "SEED-SRC"};
// Keys of these types come from OpenSSL's own context, which has what checks their signatures, too. Here both are
// looked for only when an SSL_CTX is made, which offers the signatures that it finds then.
constexpr std::string_view kUncommonKeyTypes[] = {"DSA", "RSA-PSS", "ED25519", "ED448"};
constexpr std::string_view kUncommonSignatures[] = {"DSA", "ED25519", "ED448"};

// OpenSSL's default provider, and what of it the context of TLS shows. Made once, never freed.
struct Libraries {
  OSSL_PROVIDER* whole = nullptr;
  std::map<int, std::vector<OSSL_ALGORITHM>> shown;            // by operation; of the others everything
  std::map<int, std::vector<OSSL_ALGORITHM>> shown_to_makers;  // of an SSL_CTX, where that is more
  std::vector<OSSL_ALGORITHM> decoders[kKinds];
  OSSL_LIB_CTX* tls = nullptr;
  std::string_view state;

  Libraries();
  bool make();
};

Libraries& libraries() {
  static Libraries* const made = new Libraries;
  return *made;
}

// What the provider of that context shows. OpenSSL asks for it while Libraries is being made, and whenever it looks for
// something for the first time.
const Libraries* shown_by_provider = nullptr;

// The decoder that it shows this thread, and whether that is making an SSL_CTX.
thread_local Kind decoding = kNothing;
thread_local bool making_context = false;

// What is shown to one thread only is not. And what is looked up once by each SSL_CTX or thread, or by few handshakes,
// would only make the list longer that OpenSSL walks through for each certificate.
bool is_remembered(int operation) {
  return operation != OSSL_OP_DECODER && operation != OSSL_OP_CIPHER && operation != OSSL_OP_RAND &&
         operation != OSSL_OP_ASYM_CIPHER;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  const Libraries& libraries = *shown_by_provider;
  *no_cache = is_remembered(operation) ? 0 : 1;
  if (operation == OSSL_OP_DECODER) return libraries.decoders[decoding].data();
  if (making_context) {
    const auto more = libraries.shown_to_makers.find(operation);
    if (more != libraries.shown_to_makers.end()) {
      *no_cache = 1;
      return more->second.data();
    }
  }
  const auto some = libraries.shown.find(operation);
  if (some != libraries.shown.end()) return some->second.data();
  return OSSL_PROVIDER_query_operation(libraries.whole, operation, no_cache);
}

int capabilities(void*, const char* capability, OSSL_CALLBACK* callback, void* argument) {
  return OSSL_PROVIDER_get_capabilities(shown_by_provider->whole, capability, callback, argument);
}

// The algorithms run with the default provider's own context: they are its functions.
int start_provider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH functions[] = {internal::entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, &query),
                                            internal::entry(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, &capabilities),
                                            {0, nullptr}};
  *out = functions;
  *context = OSSL_PROVIDER_get0_provider_ctx(shown_by_provider->whole);
  return 1;
}

OSSL_LIB_CTX* make_context() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context == nullptr) return nullptr;
  if (OSSL_PROVIDER_add_builtin(context, "portcullis", &start_provider) != 1) return nullptr;
  return OSSL_PROVIDER_load(context, "portcullis") == nullptr ? nullptr : context;
}

// OpenSSL's tables of ciphers and digests by name, from before it had providers, empty for as long as this lives. A
// library context takes in all names of those tables when it meets its first, and walks through them for every key.
// Nobody else may look a cipher or a digest up by its name meanwhile: that is so when the program starts.
class OldNamesPutAside {
 public:
  OldNamesPutAside() {
    OPENSSL_init_crypto(OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, nullptr);
    const auto keep = [](const OBJ_NAME* name, void* kept) {
      static_cast<std::vector<OBJ_NAME>*>(kept)->push_back(*name);
    };
    for (const int type : {OBJ_NAME_TYPE_CIPHER_METH, OBJ_NAME_TYPE_MD_METH}) {
      OBJ_NAME_do_all(type, keep, &kept_);
      OBJ_NAME_cleanup(type);
    }
  }
  OldNamesPutAside(const OldNamesPutAside&) = delete;
  OldNamesPutAside& operator=(const OldNamesPutAside&) = delete;
  ~OldNamesPutAside() {
    for (const OBJ_NAME& name : kept_) {
      OBJ_NAME_add(name.name, name.type | (name.alias != 0 ? OBJ_NAME_ALIAS : 0), name.data);
    }
  }

 private:
  std::vector<OBJ_NAME> kept_;  // their texts are OpenSSL's, and stay
};

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

// Whether the context of TLS has what it takes to check this certificate's signature. What RSA-PSS signs with stands in
// its parameters, which nobody has read yet.
bool has_usual_signature(const X509* certificate) {
  int digest = NID_undef, key = NID_undef;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, &key) != 1) return false;
  switch (digest) {
    case NID_undef:
      return key == NID_ED25519 || key == NID_ED448;
    case NID_md5:
    case NID_sha1:
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
      return true;
    default:
      return false;
  }
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
  const unsigned char* cursor = bytes_of(der);
  if (parsed != nullptr && d2i_X509(&parsed, &cursor, static_cast<long>(der.size())) == nullptr) parsed = nullptr;
  return OwnedX509(parsed);
}

// In the context of TLS, with its key decoded.
OwnedX509 parse_here(std::string_view der, OSSL_LIB_CTX* tls, Kind kind) {
  decoding = kind;
  OwnedX509 parsed = parse(der, tls);
  decoding = kNothing;
  return parsed;
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
  const OwnedX509 keyless = parse(der, made.tls);
  const OwnedX509 lean = parse_here(der, made.tls, kind);
  if (der.empty() || usual == nullptr || keyless == nullptr || lean == nullptr) return false;
  EVP_PKEY* const expected = X509_get0_pubkey(usual.get());
  EVP_PKEY* const found = X509_get0_pubkey(lean.get());
  return expected != nullptr && found != nullptr && X509_get0_pubkey(keyless.get()) == nullptr &&
         kind_of(keyless.get()) == kind && has_usual_signature(keyless.get()) && EVP_PKEY_eq(expected, found) == 1 &&
         EVP_PKEY_get_security_bits(expected) == EVP_PKEY_get_security_bits(found) &&
         EVP_PKEY_get_base_id(expected) == EVP_PKEY_get_base_id(found) && der_of(keyless.get()) == der &&
         der_of(lean.get()) == der && X509_verify(lean.get(), expected) == 1 && X509_verify(usual.get(), found) == 1;
}

bool passes_self_test(const Libraries& made) {
  return reads_alike(made, kEcSample, kEc) && reads_alike(made, kRsaSample, kRsa) && internal::agrees_alike(made.tls) &&
         internal::derives_alike(made.tls) && internal::authenticates_alike(made.tls) &&
         internal::seals_alike(made.tls);
}

// Of a list that ends with an algorithm without a name, those whose first name is among `wanted`.
std::vector<OSSL_ALGORITHM> among(const OSSL_ALGORITHM* all, std::span<const std::string_view> wanted) {
  std::vector<OSSL_ALGORITHM> kept;
  for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
    if (std::ranges::find(wanted, internal::first_name(*all)) != wanted.end()) kept.push_back(*all);
  }
  kept.push_back({});
  return kept;
}

// Puts `lean`, unless null, in the place of what is shown under the same first name.
bool replace(std::vector<OSSL_ALGORITHM>& shown, const OSSL_ALGORITHM* lean) {
  if (lean == nullptr) return true;
  const auto usual = std::ranges::find(shown, internal::first_name(*lean), internal::first_name);
  if (usual == shown.end()) return false;
  *usual = *lean;
  return true;
}

bool Libraries::make() {
  OSSL_LIB_CTX* home = OSSL_LIB_CTX_new();
  if (home == nullptr) return false;
  whole = OSSL_PROVIDER_load(home, "default");
  if (whole == nullptr) return false;
  int no_cache = 0;
  const auto every = [&](int operation) { return OSSL_PROVIDER_query_operation(whole, operation, &no_cache); };
  const auto show = [&](int operation, std::span<const std::string_view> names) {
    shown[operation] = among(every(operation), names);
  };
  show(OSSL_OP_KEYMGMT, kTlsKeyTypes);
  show(OSSL_OP_SIGNATURE, kTlsSignatures);
  show(OSSL_OP_KEYEXCH, kTlsExchanges);
  show(OSSL_OP_ASYM_CIPHER, kTlsEncryptions);
  show(OSSL_OP_RAND, kTlsRandoms);
  show(OSSL_OP_DIGEST, kTlsDigests);
  show(OSSL_OP_CIPHER, kTlsCiphers);
  show(OSSL_OP_MAC, kTlsMacs);
  show(OSSL_OP_KDF, kTlsDerivations);
  internal::show_lean_record_ciphers(shown[OSSL_OP_CIPHER]);
  const bool replaced = replace(shown[OSSL_OP_KDF], internal::lean_key_schedule()) &&
                        replace(shown[OSSL_OP_MAC], internal::lean_mac()) &&
                        replace(shown[OSSL_OP_KEYMGMT], internal::lean_key_type()) &&
                        replace(shown[OSSL_OP_KEYEXCH], internal::lean_key_exchange());
  if (!replaced) return false;
  const auto show_makers = [&](int operation, std::span<const std::string_view> more) {
    std::vector<OSSL_ALGORITHM>& all = shown_to_makers[operation] = among(every(operation), more);
    all.insert(all.begin(), shown[operation].begin(), shown[operation].end() - 1);
  };
  show_makers(OSSL_OP_KEYMGMT, kUncommonKeyTypes);
  show_makers(OSSL_OP_SIGNATURE, kUncommonSignatures);
  const OSSL_ALGORITHM* all = every(OSSL_OP_DECODER);
  for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
    const bool reads_spki = std::strstr(all->property_definition, "input=der") != nullptr &&
                            std::strstr(all->property_definition, "structure=SubjectPublicKeyInfo") != nullptr;
    for (const Kind kind : {kEc, kRsa}) {
      if (reads_spki && std::strcmp(all->algorithm_names, kDecoderOf[kind]) == 0) decoders[kind].push_back(*all);
    }
  }
  for (auto& some : decoders) some.push_back({});
  shown_by_provider = this;
  const OldNamesPutAside without_old_names;
  tls = make_context();
  // It meets its first name.
  const Owned<EVP_MD, EVP_MD_free> first(tls == nullptr ? nullptr : EVP_MD_fetch(tls, "SHA2-256", nullptr));
  return first != nullptr;
}

Libraries::Libraries() {
  const ErrorQueueGuard errors;
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
  tls = nullptr;
}

}  // namespace

OSSL_LIB_CTX* tls_library() { return libraries().tls; }

AllKeyTypes::AllKeyTypes() { making_context = true; }
AllKeyTypes::~AllKeyTypes() { making_context = false; }

std::string_view tls_library_state() { return libraries().state; }

OwnedX509 parse_with_key(const X509* certificate, std::string_view der) {
  const ErrorQueueGuard errors;
  const Kind kind = tls_library() != nullptr && has_usual_signature(certificate) ? kind_of(certificate) : kNothing;
  return kind == kNothing ? parse(der, nullptr) : parse_here(der, tls_library(), kind);
}

}  // namespace portcullis::crypto
