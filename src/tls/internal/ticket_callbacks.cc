// Stateless session tickets: OpenSSL makes the session's bytes and seals them with a key of ours; beside the session
// travels a TicketState, without which nothing is resumed.
#include <algorithm>
#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "tls/internal/callbacks.h"
#include "tls/ticket_state.h"
#include "tls/tls_stream.h"

namespace portcullis::tls {
namespace {

constexpr int kNoTicket = 0, kUnknownKey = 0, kKeyed = 1, kKeyedAndRenew = 2, kFailed = -1;  // ticket_key's answers

bool key_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  std::string digest = "SHA256";
  auto* secret = const_cast<unsigned char*>(key.mac.data());
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key.mac.size()),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
                               OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

void Callbacks::prepare_ticket(SSL* ssl, TlsStream& stream, std::size_t leaf_bytes) {
  PeerVerifier* verifier = stream.context_->verifier();
  const PeerState& peer = *stream.presented_peer_;
  stream.written_.reset();
  if (leaf_bytes <= kMostLeafBytes && verifier->worth_keeping(&peer, stream.tcp_->loop().wall_now())) {
    stream.written_ = verifier->write_down(peer, kMostPeerBytes);
  }
  stream.no_ticket_ = !stream.written_;
  if (stream.no_ticket_) SSL_set_num_tickets(ssl, 0);  // TLS 1.3 sends none; for TLS 1.2 see ticket_key
}

int Callbacks::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int sealing) {
  TlsStream& stream = *stream_of(ssl);
  TicketKeys& keys = *stream.door_.tickets();
  const MonoTime now = stream.tcp_->loop().now();
  const EVP_CIPHER* algorithm = EVP_aes_256_cbc();
  TicketKeyPtr key = keys.sealing(now);
  if (key == nullptr) return kFailed;
  if (sealing == 1) {
    // In TLS 1.2 a ticket was promised before the client's certificate came: an empty one keeps the promise.
    if (stream.no_ticket_) return kNoTicket;
    std::copy(key->name.begin(), key->name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm)) != 1 ||
        EVP_EncryptInit_ex(cipher, algorithm, nullptr, key->cipher.data(), iv) != 1) {
      return kFailed;
    }
    return key_mac(mac, *key) ? kKeyed : kFailed;
  }
  const TicketKeyPtr newest = std::move(key);
  key = keys.find({reinterpret_cast<const char*>(name), newest->name.size()}, now);
  if (key == nullptr) return kUnknownKey;
  if (!key_mac(mac, *key) || EVP_DecryptInit_ex(cipher, algorithm, nullptr, key->cipher.data(), iv) != 1) {
    return kFailed;
  }
  return key == newest ? kKeyed : kKeyedAndRenew;
}

int Callbacks::write_ticket(SSL* ssl, void*) {
  TlsStream& stream = *stream_of(ssl);
  SSL_SESSION* session = SSL_get_session(ssl);
  const bool resumed = SSL_session_reused(ssl) == 1;
  const PeerState* peer = resumed ? stream.resumed_peer_.get() : stream.presented_peer_.get();
  const WallTime now = stream.tcp_->loop().wall_now();
  TicketState state;
  state.session_digest = stream.context_->session_digest();
  state.original = resumed ? stream.resumed_original_ : now;
  if (peer != nullptr) {
    if (resumed) stream.written_ = stream.context_->verifier()->write_down(*peer, kMostPeerBytes);
    // A ticket without a state is never resumed.
    if (!stream.written_) return SSL_SESSION_set1_ticket_appdata(session, nullptr, 0), 1;
    state.peer = std::move(stream.written_);
  }
  drop_chain(ssl);
  // What is left of the lifetime is all that the client is promised (TLS 1.3 counts from this ticket on).
  const auto left = std::chrono::floor<std::chrono::seconds>(state.original + stream.door_.session_lifetime() - now);
  if (SSL_version(ssl) >= TLS1_3_VERSION) SSL_SESSION_set_timeout(session, std::max<long>(left.count(), 1));
  const std::string bytes = write_ticket_state(state);
  return SSL_SESSION_set1_ticket_appdata(session, bytes.data(), bytes.size());
}

SSL_TICKET_RETURN Callbacks::open_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                         SSL_TICKET_STATUS status, void*) {
  // Whatever is wrong with a ticket, what follows is a full handshake with a ticket of its own.
  constexpr SSL_TICKET_RETURN kRefused = SSL_TICKET_RETURN_IGNORE_RENEW;
  TlsStream& stream = *stream_of(ssl);
  stream.resumed_peer_.reset();
  if (session == nullptr || (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)) return kRefused;
  if (stream.context_ == nullptr) return kRefused;
  void* data = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket_appdata(session, &data, &size);
  const auto state = read_ticket_state({static_cast<const char*>(data), data == nullptr ? 0 : size});
  if (!state || state->session_digest != stream.context_->session_digest()) return kRefused;
  X509* leaf = SSL_SESSION_get0_peer(session);
  if (state->peer.has_value() != (leaf != nullptr)) return kRefused;
  std::shared_ptr<const PeerState> peer;
  if (state->peer) {
    PeerVerifier* verifier = stream.context_->verifier();
    if (verifier == nullptr) return kRefused;
    const WallTime now = stream.tcp_->loop().wall_now();
    peer = verifier->recall(x509::Certificate::from_native(leaf, true), *state->peer, now);
    if (peer == nullptr) return kRefused;
  }
  if (!may_resume(stream, peer.get(), state->original)) return kRefused;
  stream.resumed_peer_ = std::move(peer);
  stream.resumed_original_ = state->original;
  // In TLS 1.3 each ticket is good for one connection (RFC 8446 §C.4); in TLS 1.2 it lives until its key is replaced.
  const bool renew = SSL_version(ssl) >= TLS1_3_VERSION || status == SSL_TICKET_SUCCESS_RENEW;
  return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

void Callbacks::forget_session(SSL* ssl) {
  drop_chain(ssl);
  if (SSL_SESSION* session = SSL_get_session(ssl); session != nullptr) {
    SSL_SESSION_set1_ticket_appdata(session, nullptr, 0);
  }
}

}  // namespace portcullis::tls
