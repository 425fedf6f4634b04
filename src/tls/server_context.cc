#include "tls/server_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "crypto/tls_library.h"
#include "tls/internal/callbacks.h"

namespace portcullis::tls {
namespace {

constexpr std::size_t kSessionTicketsPerHandshake = 1;
// No tickets unless the door asks for them, and never the built-in ones (I1): they carry no policy. No renegotiation,
// no compression; the server's order decides. An end without close_notify is no attack on HTTP, whose framing shows
// what was cut; as an error it would cost the client its session.
constexpr std::uint64_t kOptions = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF;

tl::unexpected<Error> refused(const char* what) {
  return fail("tls.context", std::string(what) + ": " + take_openssl_reason());
}

// What every context of ours has, the front ones and the listeners' alike.
SslCtxPtr new_context() {
  // What a client presents is read without its keys: the verifier's record has the leaf with its key
  // (Callbacks::verify).
  const crypto::AllKeyTypes shown;
  SslCtxPtr context(SSL_CTX_new_ex(crypto::tls_library(), nullptr, TLS_server_method()));
  if (context == nullptr) return nullptr;
  SSL_CTX* raw = context.get();
  SSL_CTX_set_options(raw, kOptions);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_security_level(raw, 2);
  SSL_CTX_set_max_early_data(raw, 0);
  SSL_CTX_set_recv_max_early_data(raw, 0);
  SSL_CTX_set_cert_verify_callback(raw, &Callbacks::verify, nullptr);
  SSL_CTX_set_alpn_select_cb(raw, &Callbacks::select_alpn, nullptr);
  if (SSL_CTX_set1_groups_list(raw, kGroups) != 1) return nullptr;
  return context;
}

}  // namespace

void SslCtxFree::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

std::string take_openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown" : reason;
}

Result<std::shared_ptr<const ServerContext>> ServerContext::create(ServerContextOptions options) {
  ERR_clear_error();
  std::shared_ptr<ServerContext> made(new ServerContext(std::move(options)));
  if (auto built = made->build(); !built) return forward_error(built);
  return std::shared_ptr<const ServerContext>(std::move(made));
}

Result<void> ServerContext::build() {
  context_ = new_context();
  if (context_ == nullptr) return refused("OpenSSL makes no context");
  SSL_CTX* raw = context_.get();
  // In TLS 1.2 the ServerHello names a session id or not by this context's mode, not by the front one's.
  if (!options_.session_ids) SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  const TlsPolicy& policy = options_.policy;
  if (SSL_CTX_set_min_proto_version(raw, policy.min_version) != 1 ||
      SSL_CTX_set_max_proto_version(raw, policy.max_version) != 1 ||
      SSL_CTX_set_cipher_list(raw, policy.cipher_list.c_str()) != 1 ||
      (!policy.ciphersuites.empty() && SSL_CTX_set_ciphersuites(raw, policy.ciphersuites.c_str()) != 1)) {
    return refused("OpenSSL refuses the TLS policy");
  }
  // OpenSSL asks the context that SSL_set_SSL_CTX() has put in force.
  if (SSL_CTX_set_tlsext_status_cb(raw, &Callbacks::staple) != 1) return refused("OpenSSL takes no status callback");
  const x509::ServerKeyPair& pair = options_.key_pair;
  if (SSL_CTX_use_certificate(raw, pair.leaf.native()) != 1) return refused("OpenSSL refuses the server certificate");
  if (SSL_CTX_use_PrivateKey(raw, pair.key.native()) != 1) return refused("OpenSSL refuses the private key");
  for (const x509::Certificate& issuer : pair.chain) {
    if (SSL_CTX_add1_chain_cert(raw, issuer.native()) != 1) return refused("OpenSSL refuses the certificate chain");
  }
  for (const std::string& name : options_.ca_names) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
    X509_NAME* parsed = d2i_X509_NAME(nullptr, &bytes, static_cast<long>(name.size()));
    if (parsed == nullptr) return refused("a CA name cannot be read");
    STACK_OF(X509_NAME)* list = SSL_CTX_get_client_CA_list(raw);
    if (list == nullptr) {
      list = sk_X509_NAME_new_null();
      SSL_CTX_set_client_CA_list(raw, list);
    }
    sk_X509_NAME_push(list, parsed);
  }
  return {};
}

bool ServerContext::apply(SSL* ssl) const {
  const bool asks = options_.verifier != nullptr;
  if (SSL_set_SSL_CTX(ssl, context_.get()) == nullptr) return false;
  SSL_clear_options(ssl, SSL_get_options(ssl));
  SSL_set_options(ssl, SSL_CTX_get_options(context_.get()));
  SSL_set_verify(ssl, asks ? SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE : SSL_VERIFY_NONE, nullptr);
  SSL_set_max_cert_list(ssl, options_.presented_bytes);
  const Digest& digest = options_.session_digest;
  return SSL_set_min_proto_version(ssl, options_.policy.min_version) == 1 &&
         SSL_set_max_proto_version(ssl, options_.policy.max_version) == 1 &&
         SSL_set_session_id_context(ssl, digest.bytes.data(), static_cast<unsigned int>(digest.bytes.size())) == 1;
}

Result<std::shared_ptr<const Door>> Door::create(Select select, Sessions sessions) {
  CHECK(sessions.store == nullptr || sessions.tickets == nullptr);
  std::shared_ptr<Door> made(new Door(std::move(select), std::move(sessions)));
  if (auto built = made->build(); !built) return forward_error(built);
  return std::shared_ptr<const Door>(std::move(made));
}

Result<void> Door::build() {
  front_ = new_context();
  if (front_ == nullptr) return refused("OpenSSL makes no context");
  SSL_CTX* raw = front_.get();
  // The widest range: the listener that the ClientHello means narrows it before a version is chosen.
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION);
  if (SSL_CTX_set_ciphersuites(raw, default_policy().ciphersuites.c_str()) != 1) return refused("TLS 1.3 suites");
  SSL_CTX_set_client_hello_cb(raw, &Callbacks::client_hello, nullptr);
  Callbacks::attach(raw, this);
  const bool keeps = store() != nullptr || tickets() != nullptr;
  SSL_CTX_set_num_tickets(raw, keeps ? kSessionTicketsPerHandshake : 0);
  SSL_CTX_set_timeout(raw, static_cast<long>(session_lifetime().count()));
  if (store() == nullptr) {
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    if (tickets() != nullptr) {
      SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &Callbacks::ticket_key);
      CHECK(SSL_CTX_set_session_ticket_cb(raw, &Callbacks::write_ticket, &Callbacks::open_ticket, nullptr) == 1);
    }
    return {};
  }
  SSL_CTX_set_session_cache_mode(raw,
                                 SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
  SSL_CTX_sess_set_new_cb(raw, &Callbacks::new_session);
  SSL_CTX_sess_set_get_cb(raw, &Callbacks::get_session);
  SSL_CTX_sess_set_remove_cb(raw, &Callbacks::remove_session);
  return {};
}

}  // namespace portcullis::tls
