// ClientStream: a TCP connection that the gateway opened, with TLS on top, as a ByteStream. The server is verified in
// the handshake: chain, dates by the loop's clock, purpose, and name. Worker-local; owns its socket.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "net/tcp.h"
#include "tls/client_context.h"
#include "tls/internal/socket_bio.h"

namespace portcullis::tls {

class ClientStream final : public net::ByteStream {
 public:
  // `host`: whom the certificate must name, canonical (base/host_name.h): a DNS name, sent as SNI and looked for among
  // the certificate's DNS names alone, or an IP address (IPv6 in brackets), looked for among its IP names.
  ClientStream(std::unique_ptr<net::TcpStream> tcp, std::shared_ptr<const ClientContext> context, std::string host);

  // Runs the handshake to its end. Errors (origin upstream): tls.server_certificate (which check failed),
  // tls.handshake_failed with OpenSSL's reason, net.timeout, net.reset, net.cancelled.
  event::Task<Result<void>> handshake(event::Deadline deadline);

  net::IoResult try_read(char* into, std::size_t size) override;
  net::IoResult try_write(std::string_view bytes) override;
  bool has_buffered_input() const override;
  void shutdown_write() override;
  event::Watch& watch() override { return tcp_->watch(); }
  net::TcpStream& tcp() { return *tcp_; }

  std::string_view protocol() const;  // "TLSv1.3"
  std::string_view cipher() const;    // OpenSSL's name
  std::string_view alpn() const;      // empty: none agreed

 private:
  struct SslFree {
    void operator()(SSL* ssl) const;
  };

  bool expect_host();
  net::IoState outcome_of(int result);
  bool flush();  // false: broken
  event::Task<Result<void>> flush_all(event::Deadline deadline);
  tl::unexpected<Error> handshake_error(const std::string& reason) const;

  std::unique_ptr<net::TcpStream> tcp_;
  std::shared_ptr<const ClientContext> context_;
  std::string host_;
  bool read_blocked_ = false;
  bool broken_ = false;
  SocketBio bio_;
  std::unique_ptr<SSL, SslFree> ssl_;
};

}  // namespace portcullis::tls
