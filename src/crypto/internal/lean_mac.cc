#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/internal/lean_mac.h"

#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/lever.h"
#include "crypto/internal/hmac.h"
#include "crypto/internal/provider.h"
#include "crypto/owned.h"

namespace portcullis::crypto::internal {
namespace {

using UsualMac = Owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;

UsualMac new_mac(OSSL_LIB_CTX* library) {
  const Owned<EVP_MAC, EVP_MAC_free> algorithm(EVP_MAC_fetch(library, OSSL_MAC_NAME_HMAC, nullptr));
  return UsualMac(algorithm == nullptr ? nullptr : EVP_MAC_CTX_new(algorithm.get()));
}

// What EVP_MAC_CTX_set_params and EVP_MAC_init set.
struct Wanted {
  std::string_view digest;
  std::optional<Bytes> key;
  bool unusual = false;  // there is more, or a digest that is not one of ours
};

Wanted read(const OSSL_PARAM* parameters) {
  Wanted out;
  for (const OSSL_PARAM* at = parameters; at != nullptr && at->key != nullptr; ++at) {
    const std::string_view name = at->key;
    if (name == OSSL_MAC_PARAM_DIGEST && at->data_type == OSSL_PARAM_UTF8_STRING && at->data != nullptr) {
      out.digest = static_cast<const char*>(at->data);
      out.unusual = out.unusual || (!is_sha256(out.digest) && !is_sha384(out.digest));
    } else if (name == OSSL_MAC_PARAM_KEY && at->data_type == OSSL_PARAM_OCTET_STRING && at->data != nullptr) {
      out.key = Bytes(static_cast<const unsigned char*>(at->data), at->data_size);
    } else {
      out.unusual = true;
    }
  }
  return out;
}

class Mac {
 public:
  Mac() = default;
  // Leaves `ok` as it is where that can be done.
  Mac(const Mac& other, bool& ok) : lean_(other.lean_), keyed_(other.keyed_) {
    if (other.usual_ == nullptr) return;
    usual_.reset(EVP_MAC_CTX_dup(other.usual_.get()));
    ok = ok && usual_ != nullptr;
  }
  Mac(const Mac&) = delete;
  Mac& operator=(const Mac&) = delete;

  bool set(const OSSL_PARAM* parameters) {
    if (parameters == nullptr || parameters->key == nullptr) return true;
    const Wanted wanted = read(parameters);
    if (usual_ == nullptr && wanted.unusual && !leave_to_openssl()) return false;
    if (usual_ != nullptr) return EVP_MAC_CTX_set_params(usual_.get(), parameters) == 1;
    if (!wanted.digest.empty()) choose(wanted.digest);
    return !wanted.key || start(*wanted.key);
  }

  bool init(const unsigned char* key, std::size_t size, const OSSL_PARAM* parameters) {
    if (!set(parameters)) return false;
    if (usual_ != nullptr) return EVP_MAC_init(usual_.get(), key, size, nullptr) == 1;
    if (key != nullptr) return start({key, size});
    return keyed_ && with_lean([](auto& mac) { return mac.restart(); });
  }

  bool add(Bytes bytes) {
    if (usual_ != nullptr) return EVP_MAC_update(usual_.get(), bytes.data(), bytes.size()) == 1;
    return keyed_ && with_lean([&](auto& mac) { return mac.add(bytes); });
  }

  bool finish(unsigned char* out, std::size_t* written, std::size_t room) {
    if (usual_ != nullptr) return EVP_MAC_final(usual_.get(), out, written, room) == 1;
    *written = size();
    return keyed_ && room >= size() && with_lean([&](auto& mac) { return mac.finish(out); });
  }

  bool get(OSSL_PARAM* parameters) const {
    if (usual_ != nullptr) return EVP_MAC_CTX_get_params(usual_.get(), parameters) == 1;
    OSSL_PARAM* const wanted_size = OSSL_PARAM_locate(parameters, OSSL_MAC_PARAM_SIZE);
    OSSL_PARAM* const wanted_block = OSSL_PARAM_locate(parameters, OSSL_MAC_PARAM_BLOCK_SIZE);
    return (wanted_size == nullptr || OSSL_PARAM_set_size_t(wanted_size, size()) == 1) &&
           (wanted_block == nullptr || OSSL_PARAM_set_size_t(wanted_block, block_size()) == 1);
  }

 private:
  // As long as no hash function is chosen, `work` is not done.
  template <typename Work>
  bool with_lean(const Work& work) {
    if (auto* sha256 = std::get_if<Hmac<Sha256>>(&lean_)) return work(*sha256);
    if (auto* sha384 = std::get_if<Hmac<Sha384>>(&lean_)) return work(*sha384);
    return false;
  }

  void choose(std::string_view digest) {
    keyed_ = false;
    if (is_sha256(digest)) {
      lean_.emplace<Hmac<Sha256>>();
    } else {
      lean_.emplace<Hmac<Sha384>>();
    }
  }

  bool start(Bytes key) {
    return keyed_ = with_lean([&](auto& mac) { return mac.start(key); });
  }

  // With the hash function that is chosen, if one is. A key that is in use stays where it is.
  bool leave_to_openssl() {
    if (keyed_) return false;
    usual_ = new_mac(nullptr);
    if (usual_ == nullptr || lean_.index() == 0) return usual_ != nullptr;
    std::string digest = std::holds_alternative<Hmac<Sha256>>(lean_) ? "SHA2-256" : "SHA2-384";
    const OSSL_PARAM chosen[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                 OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(usual_.get(), chosen) == 1;
  }

  std::size_t size() const { return lean_.index() == 0 ? 0 : lean_.index() == 1 ? Sha256::kSize : Sha384::kSize; }
  std::size_t block_size() const {
    return lean_.index() == 0 ? 0 : lean_.index() == 1 ? Sha256::kBlock : Sha384::kBlock;
  }

  UsualMac usual_;  // null: `lean_` it is
  std::variant<std::monostate, Hmac<Sha256>, Hmac<Sha384>> lean_;
  bool keyed_ = false;
};

Mac& as_mac(void* context) { return *static_cast<Mac*>(context); }

void* make(void*) { return new (std::nothrow) Mac; }
void unmake(void* context) { delete static_cast<Mac*>(context); }
void* copy(void* context) {
  bool ok = true;
  auto* const made = new (std::nothrow) Mac(as_mac(context), ok);
  if (ok) return made;
  delete made;
  return nullptr;
}
int init(void* context, const unsigned char* key, std::size_t size, const OSSL_PARAM* parameters) {
  return as_mac(context).init(key, size, parameters) ? 1 : 0;
}
int update(void* context, const unsigned char* bytes, std::size_t size) {
  return as_mac(context).add({bytes, size}) ? 1 : 0;
}
int finish(void* context, unsigned char* out, std::size_t* written, std::size_t room) {
  return as_mac(context).finish(out, written, room) ? 1 : 0;
}
int get(void* context, OSSL_PARAM* parameters) { return as_mac(context).get(parameters) ? 1 : 0; }
int set(void* context, const OSSL_PARAM* parameters) { return as_mac(context).set(parameters) ? 1 : 0; }

const OSSL_PARAM* gettable(void*, void*) {
  static const OSSL_PARAM all[] = {OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, nullptr),
                                   OSSL_PARAM_size_t(OSSL_MAC_PARAM_BLOCK_SIZE, nullptr), OSSL_PARAM_END};
  return all;
}

// As OpenSSL's own.
const OSSL_PARAM* settable(void*, void*) {
  static const OSSL_PARAM all[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, nullptr, 0),
                                   OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_PROPERTIES, nullptr, 0),
                                   OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, nullptr, 0),
                                   OSSL_PARAM_int(OSSL_MAC_PARAM_DIGEST_NOINIT, nullptr),
                                   OSSL_PARAM_int(OSSL_MAC_PARAM_DIGEST_ONESHOT, nullptr),
                                   OSSL_PARAM_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, nullptr),
                                   OSSL_PARAM_END};
  return all;
}

// As libssl makes that of a Finished message.
std::string mac_of(OSSL_LIB_CTX* library, const char* digest, std::string_view key, std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t size = 0;
  const auto* made =
      EVP_Q_mac(library, OSSL_MAC_NAME_HMAC, nullptr, digest, nullptr, key.data(), key.size(), bytes_of(message),
                message.size(), reinterpret_cast<unsigned char*>(out.data()), out.size(), &size);
  out.resize(made == nullptr ? 0 : size);
  return out;
}

}  // namespace

const OSSL_ALGORITHM* lean_mac() {
  static const OSSL_DISPATCH functions[] = {entry(OSSL_FUNC_MAC_NEWCTX, &make),
                                            entry(OSSL_FUNC_MAC_DUPCTX, &copy),
                                            entry(OSSL_FUNC_MAC_FREECTX, &unmake),
                                            entry(OSSL_FUNC_MAC_INIT, &init),
                                            entry(OSSL_FUNC_MAC_UPDATE, &update),
                                            entry(OSSL_FUNC_MAC_FINAL, &finish),
                                            entry(OSSL_FUNC_MAC_GETTABLE_CTX_PARAMS, &gettable),
                                            entry(OSSL_FUNC_MAC_GET_CTX_PARAMS, &get),
                                            entry(OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, &settable),
                                            entry(OSSL_FUNC_MAC_SET_CTX_PARAMS, &set),
                                            {0, nullptr}};
  static const OSSL_ALGORITHM shown{OSSL_MAC_NAME_HMAC, "provider=default", functions,
                                    "HMAC, with SHA-256 and SHA-384 without a search"};
  return is_switched_off(kLeanDerivationLever) ? nullptr : &shown;
}

bool authenticates_alike(OSSL_LIB_CTX* tried) {
  const ErrorQueueGuard errors;
  for (const char* digest : {"SHA256", "SHA384", "SHA1"}) {
    for (const std::size_t key_size : {1, 32, 48, 64, 65, 128, 129}) {
      const std::string key(key_size, 'k'), message(key_size * 3, 'm');
      const std::string expected = mac_of(nullptr, digest, key, message);
      if (expected.empty() || mac_of(tried, digest, key, message) != expected) return false;
    }
  }
  return true;
}

}  // namespace portcullis::crypto::internal
