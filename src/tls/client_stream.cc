#include "tls/client_stream.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/ip_address.h"

namespace portcullis::tls {

using event::Deadline;
using event::Task;
using event::Wake;
using net::IoResult;
using net::IoState;

namespace {

// As TlsStream's: two full records are encrypted before they are sent.
constexpr std::size_t kMostPerWrite = 32 * 1024;
// Taken in without one byte of content: the longest chain that is accepted and all else of a handshake.
constexpr std::size_t kMostWithoutContent = 256 * 1024;

void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

void ClientStream::SslFree::operator()(SSL* ssl) const { SSL_free(ssl); }

ClientStream::ClientStream(std::unique_ptr<net::TcpStream> tcp, std::shared_ptr<const ClientContext> context,
                           std::string host)
    : tcp_(std::move(tcp)),
      context_(std::move(context)),
      host_(std::move(host)),
      bio_(*tcp_),
      ssl_(SSL_new(context_->native())) {
  CHECK(ssl_ != nullptr);
  bio_.allow(kMostWithoutContent);
  BIO* bio = bio_.make();
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_connect_state(ssl_.get());
  broken_ = !expect_host();
}

bool ClientStream::expect_host() {
  X509_VERIFY_PARAM* verification = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_time(
      verification, std::chrono::floor<std::chrono::seconds>(tcp_->loop().wall_now()).time_since_epoch().count());
  std::string_view bare = host_;
  if (bare.size() > 2 && bare.front() == '[') bare = bare.substr(1, bare.size() - 2);
  if (const auto address = IpAddress::parse(bare)) {
    // No SNI: RFC 6066 §3 allows names only.
    const std::string_view bytes = address->bytes();
    return X509_VERIFY_PARAM_set1_ip(verification, reinterpret_cast<const unsigned char*>(bytes.data()),
                                     bytes.size()) == 1;
  }
  // An empty name would switch the check off.
  if (host_.empty() || SSL_set_tlsext_host_name(ssl_.get(), host_.c_str()) != 1) return false;
  X509_VERIFY_PARAM_set_hostflags(verification,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(verification, host_.data(), host_.size()) == 1;
}

bool ClientStream::flush() {
  if (!bio_.flush()) broken_ = true;
  return !broken_;
}

IoState ClientStream::outcome_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return IoState::kWantRead;
    case SSL_ERROR_ZERO_RETURN:
      return IoState::kEof;
    default:
      broken_ = true;
      return IoState::kFailed;
  }
}

tl::unexpected<Error> ClientStream::handshake_error(const std::string& reason) const {
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) {
    return fail("tls.server_certificate",
                "the certificate of " + host_ + " is refused: " + X509_verify_cert_error_string(verified),
                Origin::kUpstream, true);
  }
  if (bio_.at_eof() || bio_.broken())
    return fail("net.reset", host_ + " left during the TLS handshake", Origin::kUpstream, true);
  return fail("tls.handshake_failed", "the TLS handshake with " + host_ + " failed: " + reason, Origin::kUpstream,
              true);
}

Task<Result<void>> ClientStream::handshake(Deadline deadline) {
  for (;;) {
    clear_errors();
    const int result = broken_ ? -1 : SSL_connect(ssl_.get());
    const IoState state = result == 1 ? IoState::kDone : outcome_of(result);
    const std::string reason = state == IoState::kFailed || state == IoState::kEof ? take_openssl_reason() : "";
    const bool sent = bio_.flush();  // an alert leaves even when the handshake has failed
    if (state == IoState::kDone) break;
    if (state != IoState::kWantRead) co_return handshake_error(reason);
    if (!sent) co_return fail("net.reset", host_ + " left during the TLS handshake", Origin::kUpstream, true);
    const Result<void> gone = co_await flush_all(deadline);
    if (!gone) co_return gone;
    const Wake wake = co_await watch().readable(deadline);
    if (wake != Wake::kReady) co_return net::wait_failed(wake);
  }
  // OpenSSL has failed the handshake if any check did; an anonymous suite would have asked for none.
  if (SSL_get_verify_result(ssl_.get()) != X509_V_OK || SSL_get0_peer_certificate(ssl_.get()) == nullptr) {
    broken_ = true;
    co_return handshake_error("the server showed no certificate");
  }
  const Result<void> gone = co_await flush_all(deadline);
  co_return gone;
}

Task<Result<void>> ClientStream::flush_all(Deadline deadline) {
  while (bio_.has_pending()) {
    const Wake wake = co_await watch().writable(deadline);
    if (wake != Wake::kReady) co_return net::wait_failed(wake);
    if (!flush()) co_return fail("net.reset", host_ + " left during the TLS handshake", Origin::kUpstream, true);
  }
  co_return Result<void>();
}

IoResult ClientStream::try_read(char* into, std::size_t size) {
  if (broken_) return {IoState::kFailed};
  std::size_t total = 0;
  IoState state = IoState::kDone;
  while (total < size) {
    clear_errors();
    const int want = static_cast<int>(std::min<std::size_t>(size - total, 1U << 20U));
    const int got = SSL_read(ssl_.get(), into + total, want);
    if (got <= 0) {
      state = outcome_of(got);
      break;
    }
    bio_.allow(kMostWithoutContent);
    total += static_cast<std::size_t>(got);
    if (SSL_has_pending(ssl_.get()) == 0) break;
  }
  read_blocked_ = state == IoState::kWantRead;
  if (!flush()) state = IoState::kFailed;
  if (total > 0) return {IoState::kDone, total};
  return {state};
}

bool ClientStream::has_buffered_input() const { return !read_blocked_ && !broken_ && SSL_has_pending(ssl_.get()) == 1; }

IoResult ClientStream::try_write(std::string_view bytes) {
  if (broken_ || (bio_.has_pending() && !flush())) return {IoState::kFailed};
  std::size_t taken = 0;
  while (!bio_.has_pending() && taken < bytes.size()) {
    clear_errors();
    const std::size_t some = std::min(bytes.size() - taken, kMostPerWrite);
    const int put = SSL_write(ssl_.get(), bytes.data() + taken, static_cast<int>(some));
    if (put <= 0) {
      // Our BIO takes everything, so a write never has to wait: this connection is over.
      broken_ = true;
      bio_.flush();
      return {IoState::kFailed, taken};
    }
    taken += static_cast<std::size_t>(put);
    if (!flush()) return {IoState::kFailed, taken};
  }
  return {bio_.has_pending() ? IoState::kWantWrite : IoState::kDone, taken};
}

void ClientStream::shutdown_write() {
  if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    clear_errors();
    SSL_shutdown(ssl_.get());
    flush();
  }
  if (!bio_.has_pending()) tcp_->shutdown_write();
}

std::string_view ClientStream::protocol() const { return SSL_get_version(ssl_.get()); }
std::string_view ClientStream::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

std::string_view ClientStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace portcullis::tls
