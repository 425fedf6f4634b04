#include "tls/internal/callbacks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

#include "base/check.h"
#include "base/host_name.h"
#include "tls/tls_stream.h"
#include "x509/with_key.h"

namespace portcullis::tls {
namespace {

int stream_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int door_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// What OpenSSL has written since the last flush. One for all streams of a thread: every operation flushes before it
// returns, so that it never holds bytes of two.
thread_local std::string staging;

// More than one write's worth and a few answers of the protocol's own is held for nobody: a client that asks for
// KeyUpdates without end and never reads them is cut off.
constexpr std::size_t kMostPending = 256 * 1024;

// The host name of the server_name extension (RFC 6066 §3), or empty.
std::string_view server_name(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  // struct { list length (2) { type (1) = host_name, length (2), name } }: exactly one entry is defined.
  if (size < 5) return {};
  const std::size_t list = std::size_t{data[0]} << 8 | data[1];
  const std::size_t length = std::size_t{data[3]} << 8 | data[4];
  if (list != size - 2 || data[2] != TLSEXT_NAMETYPE_host_name || length != size - 5) return {};
  return {reinterpret_cast<const char*>(data) + 5, length};
}

std::string_view session_id(const SSL_SESSION* session) {
  unsigned int size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  return {reinterpret_cast<const char*>(id), size};
}

// Over TLS 1.2 clients break off HTTP/2 with a cipher of RFC 9113's appendix A: all that are not AEAD with an ephemeral
// key. With those they get HTTP/1.1.
bool fit_for_http2(const SSL* ssl) {
  if (SSL_version(ssl) >= TLS1_3_VERSION) return true;
  const SSL_CIPHER* cipher = SSL_get_pending_cipher(ssl);
  if (cipher == nullptr || SSL_CIPHER_is_aead(cipher) != 1) return false;
  const int exchange = SSL_CIPHER_get_kx_nid(cipher);
  return exchange == NID_kx_ecdhe || exchange == NID_kx_dhe;
}

}  // namespace

void Callbacks::attach(SSL* ssl, TlsStream* stream) { CHECK(SSL_set_ex_data(ssl, stream_index(), stream) == 1); }
void Callbacks::attach(SSL_CTX* context, const Door* door) {
  CHECK(SSL_CTX_set_ex_data(context, door_index(), const_cast<Door*>(door)) == 1);
}
TlsStream* Callbacks::stream_of(const SSL* ssl) {
  return static_cast<TlsStream*>(SSL_get_ex_data(ssl, stream_index()));
}

int Callbacks::client_hello(SSL* ssl, int* alert, void*) {
  TlsStream& stream = *stream_of(ssl);
  const auto sni = canonical_host(server_name(ssl));
  const auto choice = stream.door_.choose(sni ? std::optional<std::string_view>(*sni) : std::nullopt);
  if (choice.context == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  stream.context_ = choice.context;
  stream.info_.listener = choice.listener;
  stream.info_.sni = sni.value_or("");
  if (choice.context->apply(ssl)) {
    if (stream.door_.tickets() != nullptr) SSL_clear_options(ssl, SSL_OP_NO_TICKET);
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

int Callbacks::staple(SSL* ssl, void*) {
  const TlsStream& stream = *stream_of(ssl);
  if (stream.context_ == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const auto response = stream.context_->staple()->at(stream.tcp_->loop().wall_now());
  if (response == nullptr) return SSL_TLSEXT_ERR_NOACK;
  // OpenSSL takes it over.
  void* copy = OPENSSL_memdup(response->data(), response->size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response->size()));
  return SSL_TLSEXT_ERR_OK;
}

namespace {

// OpenSSL goes on with the verifier's copy of the leaf, the same bytes with the key decoded, shared by all connections
// of the client, and without the chain above it: that is in the peer's record. False: out of memory.
bool keep_leaf_only(X509_STORE_CTX* store_context, STACK_OF(X509) * chain, const x509::Certificate& leaf) {
  X509_STORE_CTX_set_cert(store_context, leaf.native());
  while (sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
  X509_up_ref(leaf.native());
  if (sk_X509_push(chain, leaf.native()) > 0) return true;
  X509_free(leaf.native());
  return false;
}

}  // namespace

int Callbacks::verify(X509_STORE_CTX* store_context, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store_context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  TlsStream& stream = *stream_of(ssl);
  x509::CertificateList presented;
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(store_context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    presented.push_back(x509::Certificate::from_native(sk_X509_value(chain, i), true));
  }
  PeerVerifier* verifier = stream.context_ == nullptr ? nullptr : stream.context_->verifier();
  if (verifier != nullptr && !presented.empty()) {
    stream.presented_peer_ = verifier->judge(presented, stream.tcp_->loop().wall_now());
  }
  if (stream.presented_peer_ == nullptr) {
    stream.refused_by_limits_ = true;
    X509_STORE_CTX_set_error(store_context, X509_V_ERR_CERT_REJECTED);
    return 0;
  }
  if (stream.door_.tickets() != nullptr) prepare_ticket(ssl, stream, presented.front().der_size());
  const x509::Certificate* known = stream.presented_peer_->leaf();
  const x509::Certificate leaf = known == nullptr ? x509::with_key(presented.front()) : *known;
  if (!keep_leaf_only(store_context, chain, leaf)) {
    X509_STORE_CTX_set_error(store_context, X509_V_ERR_OUT_OF_MEM);
    return 0;
  }
  X509_STORE_CTX_set_error(store_context, X509_V_OK);
  return 1;
}

void Callbacks::drop_chain(SSL* ssl) {
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  while (chain != nullptr && sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
}

bool Callbacks::may_resume(const TlsStream& stream, const PeerState* peer, WallTime original) {
  const WallTime now = stream.tcp_->loop().wall_now();
  if (now < original || now >= original + stream.door_.session_lifetime()) return false;
  PeerVerifier* verifier = stream.context_->verifier();
  return verifier == nullptr || verifier->may_resume(peer, original, now);
}

int Callbacks::new_session(SSL* ssl, SSL_SESSION* session) {
  TlsStream& stream = *stream_of(ssl);
  SessionStore* store = stream.door_.store();
  const std::string_view id = session_id(session);
  if (store == nullptr || stream.context_ == nullptr || id.empty()) return 0;
  if (SSL_get_session(ssl) == session) drop_chain(ssl);
  const bool resumed = SSL_session_reused(ssl) == 1;
  const WallTime now = stream.tcp_->loop().wall_now();
  StoredSession stored;
  stored.session_digest = stream.context_->session_digest();
  stored.peer = resumed ? stream.resumed_peer_ : stream.presented_peer_;
  stored.original = resumed ? stream.resumed_original_ : now;
  // A session that could never be resumed, a refused client's for one, is not worth its memory.
  PeerVerifier* verifier = stream.context_->verifier();
  if (verifier != nullptr && !verifier->worth_keeping(stored.peer.get(), now)) return 0;
  stored.session = SessionRef(session);
  store->put(id, std::move(stored));
  return 1;  // the reference that OpenSSL offered is the store's now
}

SSL_SESSION* Callbacks::get_session(SSL* ssl, const unsigned char* id, int id_size, int* copy) {
  *copy = 0;
  TlsStream& stream = *stream_of(ssl);
  SessionStore* store = stream.door_.store();
  if (store == nullptr || stream.context_ == nullptr || id_size <= 0) return nullptr;
  const bool single_use = SSL_version(ssl) >= TLS1_3_VERSION;
  const std::string_view key(reinterpret_cast<const char*>(id), static_cast<std::size_t>(id_size));
  StoredSession found;
  if (!store->find(key, stream.context_->session_digest(), single_use, found)) return nullptr;
  if (!may_resume(stream, found.peer.get(), found.original)) {
    store->remove(key);
    return nullptr;
  }
  stream.resumed_peer_ = std::move(found.peer);
  stream.resumed_original_ = found.original;
  return found.session.release();
}

void Callbacks::remove_session(SSL_CTX* context, SSL_SESSION* session) {
  const auto* door = static_cast<const Door*>(SSL_CTX_get_ex_data(context, door_index()));
  if (door != nullptr && door->store() != nullptr) door->store()->remove(session_id(session));
}

int Callbacks::select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                           unsigned int in_size, void*) {
  static constexpr unsigned char kOffered[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  constexpr unsigned int kHttp11At = 3;
  const TlsStream& stream = *stream_of(ssl);
  const bool http2 = stream.context_ != nullptr && stream.context_->http2() && fit_for_http2(ssl);
  const unsigned char* offered = http2 ? kOffered : kOffered + kHttp11At;
  const unsigned int size = sizeof kOffered - (http2 ? 0 : kHttp11At);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, offered, size, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

BIO_METHOD* Callbacks::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "portcullis socket");
    CHECK(made != nullptr);
    BIO_meth_set_read(made, &Callbacks::bio_read);
    BIO_meth_set_write(made, &Callbacks::bio_write);
    BIO_meth_set_ctrl(made, &Callbacks::bio_ctrl);
    return made;
  }();
  return method;
}

BIO* Callbacks::new_bio(TlsStream* stream) {
  BIO* bio = BIO_new(bio_method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, stream);
  BIO_set_init(bio, 1);
  return bio;
}

int Callbacks::bio_read(BIO* bio, char* into, int size) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t early = stream.initial_.size() - stream.initial_used_;
  if (early > 0) {
    const std::size_t count = std::min(early, static_cast<std::size_t>(size));
    std::memcpy(into, stream.initial_.data() + stream.initial_used_, count);
    stream.initial_used_ += count;
    if (count == early) std::string().swap(stream.initial_), stream.initial_used_ = 0;
    return static_cast<int>(count);
  }
  const net::IoResult result = stream.tcp_->try_read(into, static_cast<std::size_t>(size));
  if (result.bytes > 0) return static_cast<int>(result.bytes);
  if (result.state == net::IoState::kEof) {
    stream.socket_eof_ = true;
    return 0;
  }
  if (result.state == net::IoState::kFailed) {
    stream.broken_ = true;
    return -1;
  }
  BIO_set_retry_read(bio);
  return -1;
}

int Callbacks::bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  staging.append(bytes, static_cast<std::size_t>(size));
  return size;
}

long Callbacks::bio_ctrl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<TlsStream*>(BIO_get_data(bio))->socket_eof_ ? 1 : 0;
  return 0;
}

void Callbacks::stow(TlsStream& stream) {
  stream.pending_ += staging;
  staging.clear();
}

bool Callbacks::flush(TlsStream& stream) {
  stream.held_ = false;
  if (!stream.pending_.empty()) stow(stream);
  if (stream.pending_.size() > kMostPending) {
    stream.broken_ = true;
    std::string().swap(stream.pending_);
    return false;
  }
  std::string& source = stream.pending_.empty() ? staging : stream.pending_;
  if (source.empty()) return !stream.broken_;
  const net::IoResult result = stream.tcp_->try_write(source);
  if (result.state == net::IoState::kFailed) {
    stream.broken_ = true;
    std::string().swap(stream.pending_);
  } else if (&source == &staging) {
    stream.pending_.assign(staging, result.bytes, std::string::npos);
  } else if (result.bytes == source.size()) {
    std::string().swap(stream.pending_);
  } else {
    stream.pending_.erase(0, result.bytes);
  }
  staging.clear();
  return !stream.broken_;
}

}  // namespace portcullis::tls
