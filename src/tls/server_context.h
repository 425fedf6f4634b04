// The TLS side of one listener, and of one bind address. ServerContext is everything that a handshake is done with once
// the listener is known; Door is where a handshake begins: it reads the SNI, asks which listener it means, and applies
// that listener's context whole. Built on the control thread, immutable and shared by workers afterwards.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "base/digest.h"
#include "base/result.h"
#include "tls/peer.h"
#include "tls/policy.h"
#include "tls/session_store.h"
#include "tls/staple.h"
#include "tls/ticket_keys.h"
#include "x509/key_pair.h"

namespace portcullis::tls {

struct SslCtxFree {
  void operator()(SSL_CTX* context) const;
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, SslCtxFree>;

struct ServerContextOptions {
  x509::ServerKeyPair key_pair;
  TlsPolicy policy;
  // Who judges presented certificates; null: none are asked for (no CertificateRequest).
  std::shared_ptr<PeerVerifier> verifier;
  std::vector<std::string> ca_names;          // DER Names for the CertificateRequest; may be empty
  Digest session_digest;                      // binds sessions to this listener, profile and policy (I2)
  std::uint32_t presented_bytes = 32 * 1024;  // more makes the handshake fail
  bool http2 = false;                         // offered by ALPN, before http/1.1 (ARM enableHttp2)
  bool session_ids = true;                    // TLS 1.2 clients are given one: only where a store keeps the session
};

class ServerContext {
 public:
  // Errors: tls.context (OpenSSL refuses the key, a cipher list, …), with OpenSSL's reason.
  static Result<std::shared_ptr<const ServerContext>> create(ServerContextOptions options);

  PeerVerifier* verifier() const { return options_.verifier.get(); }
  const Digest& session_digest() const { return options_.session_digest; }
  const TlsPolicy& policy() const { return options_.policy; }
  bool http2() const { return options_.http2; }
  const x509::ServerKeyPair& key_pair() const { return options_.key_pair; }
  // Sent to clients that ask for it, once somebody has set it.
  const std::shared_ptr<Staple>& staple() const { return staple_; }

  // Makes `ssl` as if it had been created from this context. SSL_set_SSL_CTX alone would leave verify mode, versions,
  // options, ticket count and session-id context behind.
  bool apply(SSL* ssl) const;

 private:
  explicit ServerContext(ServerContextOptions options) : options_(std::move(options)) {}
  Result<void> build();

  ServerContextOptions options_;
  std::shared_ptr<Staple> staple_ = std::make_shared<Staple>();
  SslCtxPtr context_;
};

// How the sessions of one bind address are kept. With neither store nor keys none are, and none is resumed.
struct Sessions {
  std::shared_ptr<SessionStore> store;      // stateful: the client holds an id; TLS 1.2 and 1.3
  std::shared_ptr<TicketKeys> tickets;      // stateless: the client holds the session, sealed; `store` is null then
  std::chrono::seconds lifetime{8 * 3600};  // after the original full handshake; nothing is resumed later
};

class Door {
 public:
  // Which listener a ClientHello means: given the canonical SNI (nullopt when there is none, or none that is a host
  // name), returns the index to report and its context. Called on worker threads.
  struct Choice {
    std::size_t listener = 0;
    const ServerContext* context = nullptr;  // null: nobody serves this name; the handshake is refused
  };
  using Select = std::function<Choice(std::optional<std::string_view> sni)>;

  static Result<std::shared_ptr<const Door>> create(Select select, Sessions sessions);

  SSL_CTX* native() const { return front_.get(); }
  Choice choose(std::optional<std::string_view> sni) const { return select_(sni); }
  SessionStore* store() const { return sessions_.store.get(); }
  TicketKeys* tickets() const { return sessions_.tickets.get(); }
  std::chrono::seconds session_lifetime() const { return sessions_.lifetime; }

 private:
  Door(Select select, Sessions sessions) : select_(std::move(select)), sessions_(std::move(sessions)) {}
  Result<void> build();

  Select select_;
  Sessions sessions_;
  SslCtxPtr front_;
};

// The reason on top of OpenSSL's error queue, which it empties; "unknown" when there is none.
std::string take_openssl_reason();

}  // namespace portcullis::tls
