// A fleet of distinct clients leaves memory flat: what is kept of them is bounded in number and in bytes, and what has
// given way is really given back. By malloc's own books, where no sanitizer stands in for it.
#include <malloc.h>

#include "clientauth/test_policies.h"
#include "tls/test_tls.h"

namespace portcullis::clientauth {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORTCULLIS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PORTCULLIS_SANITIZED
#endif
#ifdef PORTCULLIS_SANITIZED
constexpr bool kCounts = false;
constexpr int kFleet = 15'000, kSessions = 100'000;
#else
constexpr bool kCounts = true;
constexpr int kFleet = 45'000, kSessions = 1'000'000;
#endif
constexpr std::size_t kMebibyte = 1U << 20U;

std::size_t bytes_in_use() {
  const struct mallinfo2 books = mallinfo2();
  return kCounts ? books.uordblks + books.hblkhd : 0;
}

// Certificates that differ in their subject only. Nobody looks at the signature that this breaks: passthrough.
class Fleet {
 public:
  explicit Fleet(const x509::Issued& one) : chain_(one.presented()), der_(one.certificate.der()) {
    at_ = der_.find(kName);
    CHECK(at_ != std::string::npos);
  }
  x509::CertificateList chain_of(int number) {
    std::string digits = std::to_string(number);
    der_.replace(at_ + kName.size() - digits.size(), digits.size(), digits);
    auto leaf = x509::Certificate::from_der(der_);
    CHECK(leaf.has_value());
    chain_.front() = std::move(*leaf);
    return chain_;
  }
  static constexpr std::string_view kName = "device 0000000";

 private:
  x509::CertificateList chain_;
  std::string der_;
  std::size_t at_;
};

tls::StoredSession session_of(std::shared_ptr<const tls::PeerState> peer) {
  tls::StoredSession made;
  made.session = tls::SessionRef(SSL_SESSION_new());
  made.peer = std::move(peer);
  return made;
}

TEST_F(PolicyTest, DistinctClientsLeaveMemoryFlat) {
  Fleet fleet(pki.leaf(std::string(Fleet::kName), ca));
  const auto known = std::make_shared<ChainCache>();
  Verifier verifier(policy(Mode::kPassthrough, false), known);
  tls::SessionStore store;
  const std::size_t before = bytes_in_use();
  std::size_t half = 0;
  for (int i = 1; i <= kFleet; ++i) {
    auto peer = verifier.judge(fleet.chain_of(i), kNow);
    ASSERT_NE(peer, nullptr);
    store.put("session " + std::to_string(i), session_of(std::move(peer)));
    if (i == kFleet / 2) half = bytes_in_use() - before;
  }
  const std::size_t all = kCounts ? bytes_in_use() - before : 0;
  RecordProperty("KiBAtHalf", static_cast<int>(half / 1024));
  RecordProperty("KiBAtAll", static_cast<int>(all / 1024));
  // Another client each time, and every place is taken.
  EXPECT_GT(known->size(), 5'000U);
  EXPECT_LE(known->size(), 16'384U);
  EXPECT_LE(store.size(), 20'480U);
  EXPECT_LE(all, half + 2 * kMebibyte);
  // 64 MiB of records, 128 MiB of sessions: what they are said to weigh is no less than what they take.
  EXPECT_LE(all, 192 * kMebibyte);
}

TEST_F(PolicyTest, AMillionHandshakesLeaveTheSessionStoreFlat) {
  tls::SessionStore store;
  const auto peer = verifier(policy(Mode::kStrict))->judge(good.presented(), kNow);
  const std::size_t before = bytes_in_use();
  std::size_t tenth = 0;
  for (int i = 1; i <= kSessions; ++i) {
    const std::string id = "session " + std::to_string(i);
    store.put(id, session_of(peer));
    // Every third client comes back at once, as in TLS 1.3: its session is used up.
    tls::StoredSession used;
    if (i % 3 == 0) store.find(id, Digest(), true, used);
    if (i == kSessions / 10) tenth = bytes_in_use() - before;
  }
  const std::size_t all = kCounts ? bytes_in_use() - before : 0;
  EXPECT_GT(store.size(), 1'000U);
  EXPECT_LE(store.size(), 20'480U);
  EXPECT_LE(all, tenth + 2 * kMebibyte);
}

}  // namespace
}  // namespace portcullis::clientauth
