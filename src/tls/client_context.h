// The TLS side of a connection that the gateway itself opens: what it trusts and offers, whoever the server is. Built
// on the control thread, immutable and shared by threads afterwards. A context without anchors is never made: it would
// mean "anyone". Server certificates are not asked for revocation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

#include "base/result.h"
#include "tls/policy.h"
#include "tls/server_context.h"
#include "x509/certificate.h"

namespace portcullis::tls {

struct ClientContextOptions {
  // The only anchors, where there are any; the machine's (SSL_CERT_FILE, else Debian's ca-certificates bundle) where
  // there are none.
  x509::CertificateList roots;
  TlsPolicy policy = default_policy();  // TLS 1.2 at least, whatever it says
  std::vector<std::string> alpn;        // protocols offered, best first, 1–255 bytes each; empty: no ALPN
};

class ClientContext {
 public:
  // Errors: tls.context (OpenSSL refuses something, with its reason), tls.no_system_roots (the machine's file is
  // missing or holds none).
  static Result<std::shared_ptr<const ClientContext>> create(const ClientContextOptions& options);

  SSL_CTX* native() const { return context_.get(); }

 private:
  explicit ClientContext(SslCtxPtr context) : context_(std::move(context)) {}

  SslCtxPtr context_;
};

}  // namespace portcullis::tls
