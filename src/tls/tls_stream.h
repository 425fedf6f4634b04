// TlsStream: a TCP connection with TLS on top, as a ByteStream. OpenSSL reads and writes through a BIO of ours: one
// recv fills OpenSSL's buffer, and whatever one call produces leaves in one send. Worker-local; owns its socket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "net/tcp.h"
#include "tls/server_context.h"

namespace portcullis::tls {

// What the handshake established; valid after it succeeded.
struct HandshakeInfo {
  std::size_t listener = 0;  // the Door's choice
  std::string sni;           // canonical; empty when none was sent
  bool resumed = false;
  std::shared_ptr<const PeerState> peer;  // null: no certificate
  WallTime original{};                    // of the full handshake behind this one
};

class TlsStream final : public net::ByteStream {
 public:
  // `initial`: bytes already read from the socket. The door must outlive the handshake; the contexts it chooses, the
  // stream: callers pin the snapshot.
  TlsStream(std::unique_ptr<net::TcpStream> tcp, const Door& door, std::string_view initial);
  ~TlsStream() override;

  // Runs the handshake to its end. Errors (origin client): tls.handshake_failed with OpenSSL's reason, net.timeout,
  // net.reset, net.cancelled.
  event::Task<Result<void>> handshake(event::Deadline deadline);
  const HandshakeInfo& info() const { return info_; }
  // Whether the ClientHello was read: `listener` and `sni` of info() hold from then on.
  bool knows_listener() const { return context_ != nullptr; }

  net::IoResult try_read(char* into, std::size_t size) override;
  net::IoResult try_write(std::string_view bytes) override;
  bool has_buffered_input() const override;
  void shutdown_write() override;
  event::Watch& watch() override { return tcp_->watch(); }
  net::TcpStream& tcp() { return *tcp_; }

  std::string_view protocol() const;   // "TLSv1.3"
  std::string_view cipher() const;     // OpenSSL's name
  std::string client_ciphers() const;  // colon list of what the client offered
  std::string_view alpn() const;       // empty: none agreed

 private:
  friend struct Callbacks;
  struct SslFree {
    void operator()(SSL* ssl) const;
  };

  net::IoResult outcome_of(int result);
  bool flush();  // false: broken
  void hold();
  event::Task<Result<void>> flush_all(event::Deadline deadline);
  void finish_info();

  std::unique_ptr<net::TcpStream> tcp_;
  const Door& door_;
  const ServerContext* context_ = nullptr;  // the chosen one
  std::string initial_;                     // read before OpenSSL took over
  std::size_t initial_used_ = 0;
  std::string pending_;  // encrypted bytes that the kernel did not take, or that are held for company
  bool held_ = false;    // they leave with the next write, or before anything is waited for
  bool read_blocked_ = false;
  bool socket_eof_ = false;
  bool broken_ = false;
  bool refused_by_limits_ = false;
  bool no_ticket_ = false;                           // this client's session does not fit a ticket, or is not worth one
  std::optional<std::string> written_;               // PeerVerifier::write_down, for the ticket
  std::shared_ptr<const PeerState> presented_peer_;  // of a full handshake
  std::shared_ptr<const PeerState> resumed_peer_;    // of the session looked up
  WallTime resumed_original_{};
  HandshakeInfo info_;
  std::unique_ptr<SSL, SslFree> ssl_;
};

}  // namespace portcullis::tls
