// What a client can make the TLS layer hold: sessions that are worth nothing, sessions that are heavy, and answers to
// handshake messages that it never reads.
#include <array>
#include <cstdint>

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "tls/test_tls.h"

namespace portcullis::tls {
namespace {

struct HeavyPeer final : PeerState {
  explicit HeavyPeer(std::size_t bytes) : bytes_(bytes) {}
  std::size_t weight() const override { return bytes_; }
  std::size_t bytes_;
};

struct WeighingVerifier final : PeerVerifier {
  std::shared_ptr<const PeerState> judge(const x509::CertificateList&, WallTime) override {
    return std::make_shared<HeavyPeer>(bytes);
  }
  bool may_resume(const PeerState*, WallTime, WallTime) override { return true; }
  bool worth_keeping(const PeerState*, WallTime) override {
    ++asked;
    return keeps;
  }
  std::size_t bytes = 0;
  bool keeps = true;
  int asked = 0;
};

struct SessionWeightTest : TlsTest, testing::WithParamInterface<int> {
  void one_client() { EXPECT_TRUE(connect({.version = GetParam(), .certificate = &client})->good()); }
  std::shared_ptr<WeighingVerifier> weighing = std::make_shared<WeighingVerifier>();
};

INSTANTIATE_TEST_SUITE_P(Versions, SessionWeightTest, testing::ValuesIn(kBothVersions),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(SessionWeightTest, ASessionThatIsNotWorthKeepingIsNotKept) {
  open({{.verifier = weighing}});
  weighing->keeps = false;
  for (int i = 0; i < 5; ++i) one_client();
  EXPECT_GE(weighing->asked, 5);
  EXPECT_EQ(store->size(), 0U);
  weighing->keeps = true;
  one_client();
  EXPECT_GT(store->size(), 0U);
}

TEST_P(SessionWeightTest, ASessionThatWasNotKeptIsNotResumed) {
  open({{.verifier = weighing}});
  weighing->keeps = false;
  const auto first = connect({.version = GetParam(), .certificate = &client});
  ASSERT_TRUE(first->good());
  weighing->keeps = true;
  const auto second = connect({.version = GetParam(), .session = first->client->session()});
  ASSERT_TRUE(second->good()) << second->error();
  EXPECT_FALSE(second->stream->info().resumed);
  EXPECT_EQ(second->stream->info().peer, nullptr);
}

TEST_P(SessionWeightTest, HeavyPeersTakeFewPlaces) {
  constexpr std::size_t kPeer = 200'000, kBytes = 16 * 2 * kPeer;
  store = std::make_shared<SessionStore>(1'000'000, kBytes);
  open({{.verifier = weighing}});
  for (int i = 0; i < 60; ++i) {
    weighing->bytes = i % 4 == 0 ? 0 : kPeer;
    one_client();
  }
  EXPECT_GT(store->size(), 0U);
  weighing->bytes = kPeer;
  for (int i = 0; i < 60; ++i) one_client();
  // Sixteen shards: each may hold a single session that is over its share.
  EXPECT_LE(store->size(), kBytes / kPeer);
}

StoredSession heavy(std::size_t bytes) {
  StoredSession made;
  made.session = SessionRef(SSL_SESSION_new());
  made.peer = std::make_shared<HeavyPeer>(bytes);
  return made;
}

TEST(SessionWeight, AReplacedSessionWeighsOnce) {
  SessionStore store(1'000'000, std::size_t{16} << 20U);  // 1 MiB a shard
  store.put("other", heavy(0));
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 16; ++j) store.put("id" + std::to_string(j), heavy(20'000));
  }
  StoredSession out;
  EXPECT_EQ(store.size(), 17U);
  EXPECT_TRUE(store.find("other", Digest(), false, out));
}

TEST(SessionWeight, OneThatIsHeavierThanAllStaysAlone) {
  SessionStore store(1'000'000, 16 * 1000);
  for (int i = 0; i < 1000; ++i) store.put("id" + std::to_string(i), heavy(std::size_t{1} << 30U));
  StoredSession out;
  EXPECT_LE(store.size(), 16U);
  EXPECT_TRUE(store.find("id999", Digest(), false, out));
}

// The client's sending half of a TLS 1.2 connection with AES-128-GCM, made from its session: OpenSSL's own client sends
// one ClientHello and then waits, an attacker does not.
class Tls12Sealer {
 public:
  explicit Tls12Sealer(SSL* ssl) {
    std::array<unsigned char, 48> master{};
    std::array<unsigned char, 32> server{}, client{};
    const std::size_t size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master.data(), master.size());
    SSL_get_server_random(ssl, server.data(), server.size());
    SSL_get_client_random(ssl, client.data(), client.size());
    // RFC 5246 §6.3: the client's key, the server's key, the client's salt, the server's salt.
    std::array<unsigned char, 40> block{};
    std::size_t length = block.size();
    EVP_PKEY_CTX* prf = EVP_PKEY_CTX_new_id(EVP_PKEY_TLS1_PRF, nullptr);
    CHECK(EVP_PKEY_derive_init(prf) == 1 && EVP_PKEY_CTX_set_tls1_prf_md(prf, EVP_sha256()) == 1 &&
          EVP_PKEY_CTX_set1_tls1_prf_secret(prf, master.data(), static_cast<int>(size)) == 1 &&
          EVP_PKEY_CTX_add1_tls1_prf_seed(prf, reinterpret_cast<const unsigned char*>("key expansion"), 13) == 1 &&
          EVP_PKEY_CTX_add1_tls1_prf_seed(prf, server.data(), server.size()) == 1 &&
          EVP_PKEY_CTX_add1_tls1_prf_seed(prf, client.data(), client.size()) == 1 &&
          EVP_PKEY_derive(prf, block.data(), &length) == 1);
    EVP_PKEY_CTX_free(prf);
    std::copy_n(block.begin(), 16, key_.begin());
    std::copy_n(block.begin() + 32, 4, salt_.begin());
  }

  // RFC 5246 §6.2.3.3, RFC 5288. Sequence number 0 was the Finished message's.
  std::string seal(unsigned char type, std::string_view content) {
    const std::uint64_t sequence = ++sequence_;
    std::array<unsigned char, 12> nonce{};
    std::array<unsigned char, 13> bound{};
    std::copy(salt_.begin(), salt_.end(), nonce.begin());
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = bound[i] = static_cast<unsigned char>(sequence >> (56 - 8 * i));
    const std::size_t size = content.size();
    const std::array<unsigned char, 5> plain{type, 3, 3, static_cast<unsigned char>(size >> 8U),
                                             static_cast<unsigned char>(size)};
    std::copy(plain.begin(), plain.end(), bound.begin() + 8);
    std::string sealed(size, '\0');
    std::array<unsigned char, 16> tag{};
    int done = 0;
    auto* out = reinterpret_cast<unsigned char*>(sealed.data());
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    CHECK(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, key_.data(), nonce.data()) == 1 &&
          EVP_EncryptUpdate(cipher, nullptr, &done, bound.data(), bound.size()) == 1 &&
          EVP_EncryptUpdate(cipher, out, &done, reinterpret_cast<const unsigned char*>(content.data()),
                            static_cast<int>(size)) == 1 &&
          EVP_EncryptFinal_ex(cipher, out + size, &done) == 1 &&
          EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, tag.size(), tag.data()) == 1);
    EVP_CIPHER_CTX_free(cipher);
    const std::size_t whole = 8 + size + tag.size();
    std::string record{static_cast<char>(type), 3, 3, static_cast<char>(whole >> 8U), static_cast<char>(whole)};
    record.append(nonce.begin() + 4, nonce.end()).append(sealed).append(tag.begin(), tag.end());
    return record;
  }

 private:
  std::array<unsigned char, 16> key_{};
  std::array<unsigned char, 4> salt_{};
  std::uint64_t sequence_ = 0;
};

constexpr unsigned char kHandshake = 22, kApplicationData = 23;

std::string client_hello() {
  // msg type, length, version, random, no session, one suite, the null compression, no extensions
  std::string body("\x03\x03", 2);
  body.append(32, 'r').append(1, '\0').append("\x00\x02\xc0\x2b\x01\x00", 6);
  return std::string("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
}

struct RenegotiationTest : TlsTest {
  void SetUp() override {
    TlsPolicy policy = policy_of(TLS1_2_VERSION, TLS1_2_VERSION);
    policy.cipher_list = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    open({{.policy = policy, .verifier = verifier}});
    link = connect({.version = TLS1_2_VERSION, .certificate = &client});
    ASSERT_TRUE(link->good()) << link->error();
    sealer.emplace(link->client->ssl());
  }
  // Whole records only: the server's socket takes them or the test fails.
  bool put(const std::string& bytes) {
    return ::send(link->client->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  std::unique_ptr<Link> link;
  std::optional<Tls12Sealer> sealer;
};

TEST_F(RenegotiationTest, TheSealerSpeaksTls) {
  ASSERT_TRUE(put(sealer->seal(kApplicationData, "hello")));
  char bytes[100];
  turns(2);
  const net::IoResult got = link->stream->try_read(bytes, sizeof bytes);
  EXPECT_EQ(std::string_view(bytes, got.bytes), "hello");
}

// Each is answered with an alert: a client that never reads them must not make the server hold ever more, nor keep it
// busy for ever.
TEST_F(RenegotiationTest, HellosWithoutEndAreCutOff) {
  link->client->stops_reading = true;
  char bytes[16 * 1024];
  bool given_up = false;
  int sent = 0;
  for (; sent < 100'000 && !given_up; ++sent) {
    if (!put(sealer->seal(kHandshake, client_hello()))) break;
    turn();
    const net::IoResult got = link->stream->try_read(bytes, sizeof bytes);
    EXPECT_EQ(got.bytes, 0U);
    given_up = got.state == net::IoState::kFailed;
  }
  EXPECT_TRUE(given_up) << sent;
  EXPECT_EQ(verifier->judged, 1);
}

// The other half of the claim: it is the flood that is cut off.
TEST_F(RenegotiationTest, ALoneHelloIsRefusedAndTheConnectionServes) {
  ASSERT_TRUE(put(sealer->seal(kHandshake, client_hello())));
  char bytes[100];
  turns(2);
  EXPECT_EQ(link->stream->try_read(bytes, sizeof bytes).state, net::IoState::kWantRead);
  ASSERT_TRUE(put(sealer->seal(kApplicationData, "hello")));
  turns(2);
  const net::IoResult got = link->stream->try_read(bytes, sizeof bytes);
  EXPECT_EQ(std::string_view(bytes, got.bytes), "hello");
  EXPECT_EQ(verifier->judged, 1);
}

}  // namespace
}  // namespace portcullis::tls
