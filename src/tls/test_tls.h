// For tests only, of this room and of those above that shake hands: an OpenSSL client whose bytes the test moves by
// hand over a socketpair, a verifier that writes down what it is asked, and a fixture with a door. One thread: client
// and server share it.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "event/test_loop.h"
#include "net/tcp.h"
#include "tls/tls_stream.h"
#include "x509/test_pki.h"

namespace portcullis::tls {

struct FakePeer final : PeerState {
  x509::CertificateList presented;
  std::string note;  // of one that came back in a ticket
};

struct FakeVerifier final : PeerVerifier {
  std::shared_ptr<const PeerState> judge(const x509::CertificateList& presented, WallTime) override {
    ++judged;
    if (refuses) return nullptr;
    auto peer = std::make_shared<FakePeer>();
    peer->presented = presented;
    return peer;
  }
  bool may_resume(const PeerState* peer, WallTime original, WallTime) override {
    asked.emplace_back(peer, original);
    return resumable;
  }
  // The leaf alone comes back, and what was written must be what was presented above it.
  std::optional<std::string> write_down(const PeerState& peer, std::size_t most) override {
    std::string written;
    const auto& presented = static_cast<const FakePeer&>(peer).presented;
    for (std::size_t i = 1; i < presented.size(); ++i) written += presented[i].der();
    if (padding + written.size() > most) return std::nullopt;
    return written;
  }
  std::shared_ptr<const PeerState> recall(const x509::Certificate& leaf, std::string_view written, WallTime) override {
    ++recalled;
    if (forgets) return nullptr;
    auto peer = std::make_shared<FakePeer>();
    peer->presented = {leaf};
    peer->note = std::string(written);
    return peer;
  }
  bool refuses = false;
  bool forgets = false;
  std::size_t padding = 0;  // what write_down believes to have written besides
  int recalled = 0;
  bool resumable = true;
  int judged = 0;
  std::vector<std::pair<const PeerState*, WallTime>> asked;
};

struct ClientOptions {
  int version = 0;  // 0: 1.2 or 1.3
  const char* sni = nullptr;
  const x509::Issued* certificate = nullptr;
  SSL_SESSION* session = nullptr;                                      // to resume
  std::size_t piece = std::numeric_limits<std::size_t>::max();         // sent at most at a time
  std::size_t vanish_after = std::numeric_limits<std::size_t>::max();  // bytes sent
  std::string_view alpn;                                               // as on the wire: lengths and names
  const char* ciphers = nullptr;                                       // of TLS 1.2
};

class TestClient {
 public:
  TestClient(net::Fd fd, const ClientOptions& options)
      : fd_(std::move(fd)), options_(options), context_(SSL_CTX_new(TLS_client_method())) {
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_, options.version);
      SSL_CTX_set_max_proto_version(context_, options.version);
    }
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
      auto* self = static_cast<TestClient*>(SSL_get_app_data(ssl));
      SSL_SESSION_free(std::exchange(self->session_, session));
      return 1;
    });
    SSL_CTX_set_cert_cb(context_, &TestClient::on_certificate_request, this);
    SSL_CTX_set_info_callback(context_, [](const SSL* ssl, int where, int value) {
      auto* self = static_cast<TestClient*>(SSL_get_app_data(ssl));
      if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) self->alert_ = value & 0xff;
    });
    if (options.ciphers != nullptr) SSL_CTX_set_cipher_list(context_, options.ciphers);
    ssl_ = SSL_new(context_);
    SSL_set_app_data(ssl_, this);
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned int>(options.alpn.size()));
    }
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
    if (options.sni != nullptr) SSL_set_tlsext_host_name(ssl_, options.sni);
    if (options.session != nullptr) SSL_set_session(ssl_, options.session);
    SSL_set_connect_state(ssl_);
  }
  ~TestClient() {
    // Without this the session would count as bad and could not be resumed.
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_SESSION_free(session_);
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Goes on with the handshake, sends what there is to send, takes what has come, decrypts it into received().
  void step() {
    if (SSL_in_init(ssl_) == 1) SSL_do_handshake(ssl_);
    flush();
    if (!stops_reading) take();
    if (SSL_in_init(ssl_) == 1) SSL_do_handshake(ssl_);
    char chunk[16 * 1024];
    for (int got = 0; SSL_in_init(ssl_) == 0 && (got = SSL_read(ssl_, chunk, sizeof chunk)) > 0;) {
      received_.append(chunk, static_cast<std::size_t>(got));
    }
    flush();
    ERR_clear_error();
  }
  void write(std::string_view bytes) {
    EXPECT_EQ(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())), static_cast<int>(bytes.size()));
    ERR_clear_error();
  }
  void vanish() { fd_.reset(); }

  bool finished() const { return SSL_in_init(ssl_) == 0; }
  bool at_eof() const { return eof_; }
  SSL* ssl() { return ssl_; }
  SSL_SESSION* session() { return session_; }
  int certificate_requests() const { return certificate_requests_; }
  int alert() const { return alert_; }  // the last one received; -1: none
  std::size_t sent() const { return sent_; }
  std::size_t unsent() const { return out_.size(); }
  std::string& received() { return received_; }
  int fd() const { return fd_.get(); }

  bool stops_reading = false;

 private:
  static int on_certificate_request(SSL* ssl, void* argument) {
    auto* self = static_cast<TestClient*>(argument);
    ++self->certificate_requests_;
    const x509::Issued* own = self->options_.certificate;
    if (own == nullptr) return 1;
    SSL_use_certificate(ssl, own->certificate.native());
    SSL_use_PrivateKey(ssl, own->key.native());
    const x509::CertificateList chain = own->presented();
    SSL_clear_chain_certs(ssl);
    for (std::size_t i = 1; i < chain.size(); ++i) SSL_add1_chain_cert(ssl, chain[i].native());
    return 1;
  }

  void flush() {
    char chunk[16 * 1024];
    for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_), chunk, sizeof chunk)) > 0;) {
      out_.append(chunk, static_cast<std::size_t>(got));
    }
    while (fd_ && !out_.empty()) {
      const std::size_t most = std::min({out_.size(), options_.piece, options_.vanish_after - sent_});
      const ssize_t put = most == 0 ? 0 : ::send(fd_.get(), out_.data(), most, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) {
        out_.erase(0, static_cast<std::size_t>(put));
        sent_ += static_cast<std::size_t>(put);
      }
      if (sent_ == options_.vanish_after) return vanish();
      if (put <= 0 || options_.piece == most) return;
    }
  }
  void take() {
    char chunk[16 * 1024];
    while (fd_) {
      const ssize_t got = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (got == 0) eof_ = true;
      if (got <= 0) return;
      BIO_write(SSL_get_rbio(ssl_), chunk, static_cast<int>(got));
    }
  }

  net::Fd fd_;
  ClientOptions options_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  SSL_SESSION* session_ = nullptr;
  int certificate_requests_ = 0;
  int alert_ = -1;
  bool eof_ = false;
  std::string out_, received_;
  std::size_t sent_ = 0;
};

struct ListenerSpec {
  TlsPolicy policy = default_policy();
  std::shared_ptr<PeerVerifier> verifier;
  std::vector<std::string> ca_names;
  std::uint8_t digest = 1;  // sessions are good among listeners of one digest
  std::uint32_t presented_bytes = 32 * 1024;
  bool http2 = false;
  const x509::Issued* identity = nullptr;  // null: the fixture's
};

inline TlsPolicy policy_of(int min_version, int max_version, const char* suites = "TLS_AES_128_GCM_SHA256") {
  TlsPolicy policy = default_policy();
  policy.min_version = min_version;
  policy.max_version = max_version;
  policy.ciphersuites = suites;
  return policy;
}

// A server's end and a client's.
struct Link {
  std::unique_ptr<TlsStream> stream;
  std::unique_ptr<TestClient> client;
  std::optional<Result<void>> outcome;  // of the server's handshake

  bool good() const { return outcome && *outcome && client->finished(); }
  std::string_view error() const { return outcome && !*outcome ? outcome->error().code : std::string_view(); }
};

inline event::Task<void> shake(TlsStream* stream, event::Deadline deadline, std::optional<Result<void>>* out) {
  auto outcome = co_await stream->handshake(deadline);
  *out = std::move(outcome);
}

struct TlsTest : event::ManualLoopTest {
  // Listener i is meant by the SNI "l<i>.test"; without SNI, the first; any other SNI: nobody.
  std::shared_ptr<const Door> make_door(std::vector<ListenerSpec> specs,
                                        std::chrono::seconds lifetime = std::chrono::hours(8)) {
    std::vector<std::shared_ptr<const ServerContext>> contexts;
    for (ListenerSpec& spec : specs) {
      Digest digest;
      digest.bytes[0] = spec.digest;
      const x509::Issued& own = spec.identity == nullptr ? server : *spec.identity;
      const x509::CertificateList chain = own.presented();
      x509::ServerKeyPair pair{own.certificate, {chain.begin() + 1, chain.end()}, own.issuers, own.key};
      ServerContextOptions options{std::move(pair), spec.policy,          spec.verifier, spec.ca_names,
                                   digest,          spec.presented_bytes, spec.http2,    keeps_ids()};
      auto made = ServerContext::create(std::move(options));
      EXPECT_TRUE(made) << made.error().message;
      contexts.push_back(*made);
    }
    auto select = [contexts](std::optional<std::string_view> sni) {
      Door::Choice choice;
      for (std::size_t i = 0; i < contexts.size(); ++i) {
        if (sni ? *sni != "l" + std::to_string(i) + ".test" : i != 0) continue;
        choice.listener = i;
        choice.context = contexts[i].get();
      }
      return choice;
    };
    auto door_made = Door::create(std::move(select), {tickets == nullptr ? store : nullptr, tickets, lifetime});
    EXPECT_TRUE(door_made);
    return *door_made;
  }
  bool keeps_ids() const { return tickets == nullptr && store != nullptr; }
  void open(std::vector<ListenerSpec> specs, std::chrono::seconds lifetime = std::chrono::hours(8)) {
    door = make_door(std::move(specs), lifetime);
  }

  std::pair<net::Fd, net::Fd> sockets() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    return {net::Fd(fds[0]), net::Fd(fds[1])};
  }
  // Begins a handshake, no byte moved yet.
  std::unique_ptr<Link> begin(const ClientOptions& options = {}) {
    auto [near, far] = sockets();
    auto link = std::make_unique<Link>();
    link->stream = std::make_unique<TlsStream>(std::make_unique<net::TcpStream>(*loop, std::move(near)), *door, "");
    link->client = std::make_unique<TestClient>(std::move(far), options);
    event::spawn(shake(link->stream.get(), loop->in(std::chrono::seconds(30)), &link->outcome));
    return link;
  }
  // Until the server's handshake has ended and the client has seen all of it.
  [[nodiscard]] bool finish(Link& link) {
    const bool ended = turn_until([&] {
      link.client->step();
      return link.outcome.has_value();
    });
    if (ended && !*link.outcome) link.stream->shutdown_write();
    for (int i = 0; i < 3; ++i) {
      turn();
      link.client->step();
    }
    return ended;
  }
  std::unique_ptr<Link> connect(const ClientOptions& options = {}) {
    auto link = begin(options);
    EXPECT_TRUE(finish(*link));
    return link;
  }

  x509::TestPki pki;
  x509::Issued root = pki.root("Root");
  x509::Issued ca = pki.intermediate("Issuing CA", root);
  x509::Issued server = pki.server(ca);
  x509::Issued client = pki.leaf("client", ca);
  std::shared_ptr<SessionStore> store = std::make_shared<SessionStore>();
  std::shared_ptr<TicketKeys> tickets;  // where they are there, `store` is not used
  std::shared_ptr<FakeVerifier> verifier = std::make_shared<FakeVerifier>();
  std::shared_ptr<const Door> door;
};

inline constexpr int kBothVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

}  // namespace portcullis::tls
