#include "tls/client_context.h"

#include <algorithm>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace portcullis::tls {
namespace {

constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";
constexpr long kMostPresentedBytes = 64L * 1024;
constexpr int kMostIntermediates = 10;
// An end without close_notify stays an error here: it is all that tells a body that ends with the connection from one
// that somebody cut.
constexpr std::uint64_t kOptions = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;

tl::unexpected<Error> refused(const char* what) {
  return fail("tls.context", std::string(what) + ": " + take_openssl_reason());
}

Result<void> set_system_roots(SSL_CTX* context) {
  // Read now, whole: OpenSSL's default directory is read during handshakes, on a thread that must not wait for a disk.
  const char* named = std::getenv("SSL_CERT_FILE");
  const char* file = named != nullptr && *named != '\0' ? named : kSystemRoots;
  if (SSL_CTX_load_verify_file(context, file) == 1) return {};
  take_openssl_reason();
  return fail("tls.no_system_roots", std::string("no CA certificates in ") + file +
                                         "; install Debian's ca-certificates or name a PEM file in SSL_CERT_FILE");
}

Result<void> set_roots(SSL_CTX* context, const x509::CertificateList& roots) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const x509::Certificate& root : roots) {
    if (X509_STORE_add_cert(store, root.native()) != 1) return refused("OpenSSL refuses a root certificate");
  }
  return {};
}

Result<void> set_alpn(SSL_CTX* context, const std::vector<std::string>& protocols) {
  std::string wire;  // RFC 7301 §3.1: each name behind its length in one byte
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) return fail("tls.context", "an ALPN name has 1 to 255 bytes");
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  if (wire.empty()) return {};
  // This one returns 0 on success.
  const auto* bytes = reinterpret_cast<const unsigned char*>(wire.data());
  if (SSL_CTX_set_alpn_protos(context, bytes, static_cast<unsigned int>(wire.size())) != 0) return refused("ALPN");
  return {};
}

Result<void> set_policy(SSL_CTX* context, const TlsPolicy& policy) {
  if (SSL_CTX_set_min_proto_version(context, std::max(policy.min_version, TLS1_2_VERSION)) != 1 ||
      SSL_CTX_set_max_proto_version(context, policy.max_version) != 1 ||
      SSL_CTX_set_cipher_list(context, policy.cipher_list.c_str()) != 1 ||
      (!policy.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, policy.ciphersuites.c_str()) != 1) ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    return refused("OpenSSL refuses the TLS policy");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::create(const ClientContextOptions& options) {
  ERR_clear_error();
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return refused("OpenSSL makes no context");
  SSL_CTX* raw = context.get();
  SSL_CTX_set_options(raw, kOptions);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_security_level(raw, 2);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(raw, kMostPresentedBytes);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(raw, kMostIntermediates);
  if (auto set = set_policy(raw, options.policy); !set) return forward_error(set);
  if (auto set = set_alpn(raw, options.alpn); !set) return forward_error(set);
  auto trusted = options.roots.empty() ? set_system_roots(raw) : set_roots(raw, options.roots);
  if (!trusted) return forward_error(trusted);
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(context)));
}

}  // namespace portcullis::tls
