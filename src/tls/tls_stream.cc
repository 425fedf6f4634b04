#include "tls/tls_stream.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "tls/internal/callbacks.h"

namespace portcullis::tls {

using net::IoResult;
using net::IoState;

namespace {

// The queue is nearly always empty, and looking is cheaper than clearing.
void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

// What is encrypted before it is sent: two full records. More leaves the nearest cache between the cipher and the
// kernel's copy, less costs system calls (measured: docs/performance.md). It also bounds what is held for a peer that
// stops reading.
constexpr std::size_t kMostPerWrite = 32 * 1024;

// Tickets, and nothing that a client could make longer at will.
constexpr std::size_t kMostHeld = 8 * 1024;

}  // namespace

void TlsStream::SslFree::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(std::unique_ptr<net::TcpStream> tcp, const Door& door, std::string_view initial)
    : tcp_(std::move(tcp)), door_(door), initial_(initial), ssl_(SSL_new(door.native())) {
  CHECK(ssl_ != nullptr);
  Callbacks::attach(ssl_.get(), this);
  BIO* bio = Callbacks::new_bio(this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() {
  // A client that vanishes without close_notify keeps its session: truncation is HTTP's to notice, by its framing.
  if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
}

bool TlsStream::flush() { return Callbacks::flush(*this); }

IoResult TlsStream::outcome_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {IoState::kWantRead};
    case SSL_ERROR_ZERO_RETURN:
      return {IoState::kEof};
    default:
      broken_ = true;
      return {IoState::kFailed};
  }
}

event::Task<Result<void>> TlsStream::handshake(event::Deadline deadline) {
  for (;;) {
    clear_errors();
    const int result = SSL_accept(ssl_.get());
    const IoState state = result == 1 ? IoState::kDone : outcome_of(result).state;
    const std::string reason = state == IoState::kFailed || state == IoState::kEof ? take_openssl_reason() : "";
    if (state == IoState::kDone && SSL_has_pending(ssl_.get()) == 1 && SSL_version(ssl_.get()) == TLS1_3_VERSION) {
      hold();
      break;
    }
    const bool sent = flush();
    if (state == IoState::kDone) break;
    if (state != IoState::kWantRead) {
      if (socket_eof_) co_return fail("net.reset", "the client left during the handshake", Origin::kClient);
      if (refused_by_limits_) {
        co_return fail("tls.presented_over_limits",
                       "the client's certificate chain is over limits.presented_certificates or limits.rsa_bits",
                       Origin::kClient);
      }
      co_return fail("tls.handshake_failed", reason, Origin::kClient);
    }
    if (!sent) co_return fail("net.reset", "the client left during the handshake", Origin::kClient);
    // The client says nothing before it has all of our flight.
    const Result<void> gone = co_await flush_all(deadline);
    if (!gone) co_return gone;
    const event::Wake wake = co_await watch().readable(deadline);
    if (wake != event::Wake::kReady) co_return net::wait_failed(wake);
  }
  if (!held_) {
    const Result<void> gone = co_await flush_all(deadline);
    if (!gone) co_return gone;
  }
  finish_info();
  co_return Result<void>();
}

// The request has come with the end of the handshake, so that an answer follows: the session ticket rides with it.
void TlsStream::hold() {
  Callbacks::stow(*this);
  held_ = !pending_.empty();
}

event::Task<Result<void>> TlsStream::flush_all(event::Deadline deadline) {
  while (!pending_.empty()) {
    const event::Wake wake = co_await watch().writable(deadline);
    if (wake != event::Wake::kReady) co_return net::wait_failed(wake);
    if (!flush()) co_return fail("net.reset", "the client left during the handshake", Origin::kClient);
  }
  co_return Result<void>();
}

void TlsStream::finish_info() {
  // A session that was looked up but then not used must lend nothing to the full handshake that followed.
  info_.resumed = SSL_session_reused(ssl_.get()) == 1;
  info_.peer = info_.resumed ? resumed_peer_ : presented_peer_;
  // A staple has been sent: it is not held for the life of the connection.
  SSL_set_tlsext_status_ocsp_resp(ssl_.get(), nullptr, 0);
  info_.original = info_.resumed ? resumed_original_ : tcp_->loop().wall_now();
  resumed_peer_.reset();
  presented_peer_.reset();
  if (door_.store() == nullptr) Callbacks::forget_session(ssl_.get());
  written_.reset();
  std::string().swap(initial_);
}

IoResult TlsStream::try_read(char* into, std::size_t size) {
  if (broken_) return {IoState::kFailed};
  std::size_t total = 0;
  IoState state = IoState::kDone;
  while (total < size) {
    clear_errors();
    const int want = static_cast<int>(std::min<std::size_t>(size - total, 1U << 20U));
    const int got = SSL_read(ssl_.get(), into + total, want);
    if (got <= 0) {
      state = outcome_of(got).state;
      break;
    }
    total += static_cast<std::size_t>(got);
    if (SSL_has_pending(ssl_.get()) == 0) break;
  }
  read_blocked_ = state == IoState::kWantRead;
  if (held_ && total > 0 && pending_.size() < kMostHeld) {
    Callbacks::stow(*this);
  } else if (!flush()) {
    state = IoState::kFailed;
  }
  if (total > 0) return {IoState::kDone, total};
  return {state};
}

bool TlsStream::has_buffered_input() const { return !read_blocked_ && !broken_ && SSL_has_pending(ssl_.get()) == 1; }

IoResult TlsStream::try_write(std::string_view bytes) {
  if (broken_ || (!held_ && !pending_.empty() && !flush())) return {IoState::kFailed};
  std::size_t taken = 0;
  while ((held_ || pending_.empty()) && taken < bytes.size()) {
    clear_errors();
    const std::size_t some = std::min(bytes.size() - taken, kMostPerWrite);
    const int put = SSL_write(ssl_.get(), bytes.data() + taken, static_cast<int>(some));
    if (put <= 0) {
      // Our BIO takes everything, so a write never has to wait: this connection is over.
      broken_ = true;
      flush();
      return {IoState::kFailed, taken};
    }
    taken += static_cast<std::size_t>(put);
    if (!flush()) return {IoState::kFailed, taken};
  }
  return {pending_.empty() ? IoState::kDone : IoState::kWantWrite, taken};
}

void TlsStream::shutdown_write() {
  if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    clear_errors();
    SSL_shutdown(ssl_.get());
    flush();
  }
  if (pending_.empty()) tcp_->shutdown_write();
}

std::string_view TlsStream::protocol() const { return SSL_get_version(ssl_.get()); }
std::string_view TlsStream::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

std::string TlsStream::client_ciphers() const {
  std::string out;
  STACK_OF(SSL_CIPHER)* offered = SSL_get_client_ciphers(ssl_.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(offered); ++i) {
    if (!out.empty()) out += ':';
    out += SSL_CIPHER_get_name(sk_SSL_CIPHER_value(offered, i));
  }
  return out;
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace portcullis::tls
