// For tests only: an OpenSSL server whose bytes the test moves by hand over a socket. Of the tests of this room and of
// those above that open TLS connections. One thread: server and client share it.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "net/fd.h"
#include "x509/test_pki.h"

namespace portcullis::tls {

struct TestServerOptions {
  int version = 0;  // the only one; 0: 1.2 or 1.3
  std::string_view alpn;
  bool sends_chain = true;
  std::size_t vanish_after = std::numeric_limits<std::size_t>::max();  // bytes sent
};

class TestServer {
 public:
  TestServer(net::Fd fd, const x509::Issued& identity, const TestServerOptions& options = {})
      : fd_(std::move(fd)), options_(options), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_security_level(context_, 0);
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_, options.version);
      SSL_CTX_set_max_proto_version(context_, options.version);
    }
    EXPECT_EQ(SSL_CTX_use_certificate(context_, identity.certificate.native()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_, identity.key.native()), 1);
    const x509::CertificateList chain = identity.presented();
    for (std::size_t i = 1; i < chain.size() && options.sends_chain; ++i) {
      SSL_CTX_add1_chain_cert(context_, chain[i].native());
    }
    SSL_CTX_set_alpn_select_cb(context_, &TestServer::select_alpn, this);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
    SSL_set_accept_state(ssl_);
  }
  ~TestServer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Goes on with the handshake, takes what has come, decrypts it into received(), sends what there is to send.
  void step() {
    take();
    if (SSL_in_init(ssl_) == 1) SSL_do_handshake(ssl_);
    char chunk[16 * 1024];
    for (int got = 0; SSL_in_init(ssl_) == 0 && (got = SSL_read(ssl_, chunk, sizeof chunk)) > 0;) {
      received_.append(chunk, static_cast<std::size_t>(got));
    }
    flush();
    ERR_clear_error();
  }
  void write(std::string_view bytes) {
    if (!bytes.empty()) SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    flush();
    ERR_clear_error();
  }
  // Around TLS.
  void write_raw(std::string_view bytes) { ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // close_notify; without it, vanish() is a truncation.
  void say_goodbye() {
    SSL_shutdown(ssl_);
    flush();
    ERR_clear_error();
  }
  void vanish() { fd_.reset(); }

  bool finished() const { return SSL_in_init(ssl_) == 0; }
  bool open() const { return static_cast<bool>(fd_); }
  std::size_t sent() const { return sent_; }
  std::string sni() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  SSL* ssl() { return ssl_; }
  std::string& received() { return received_; }

 private:
  static int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned int in_size, void* argument) {
    const std::string_view wanted = static_cast<TestServer*>(argument)->options_.alpn;
    for (unsigned int at = 0; at < in_size; at += in[at] + 1U) {
      if (std::string_view(reinterpret_cast<const char*>(in) + at + 1, in[at]) != wanted) continue;
      *out = in + at + 1;
      *out_size = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  void flush() {
    char chunk[16 * 1024];
    for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_), chunk, sizeof chunk)) > 0;) {
      out_.append(chunk, static_cast<std::size_t>(got));
    }
    while (fd_ && !out_.empty()) {
      const std::size_t most = std::min(out_.size(), options_.vanish_after - sent_);
      const ssize_t put = most == 0 ? 0 : ::send(fd_.get(), out_.data(), most, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) {
        out_.erase(0, static_cast<std::size_t>(put));
        sent_ += static_cast<std::size_t>(put);
      }
      if (sent_ == options_.vanish_after) return vanish();
      if (put <= 0) return;
    }
  }
  void take() {
    char chunk[16 * 1024];
    ssize_t got = 0;
    while (fd_ && (got = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0) {
      BIO_write(SSL_get_rbio(ssl_), chunk, static_cast<int>(got));
    }
  }

  net::Fd fd_;
  const TestServerOptions options_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  std::string out_;
  std::string received_;
  std::size_t sent_ = 0;
};

}  // namespace portcullis::tls
