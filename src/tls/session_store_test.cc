#include "tls/session_store.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace portcullis::tls {
namespace {

struct Peer final : PeerState {
  explicit Peer(std::size_t bytes = 0) : bytes_(bytes) {}
  std::size_t weight() const override { return bytes_; }
  std::size_t bytes_;
};

Digest digest_of(std::uint8_t first) {
  Digest digest;
  digest.bytes[0] = first;
  return digest;
}
StoredSession stored(std::uint8_t digest = 1) {
  StoredSession made;
  made.session = SessionRef(SSL_SESSION_new());
  made.session_digest = digest_of(digest);
  made.peer = std::make_shared<Peer>();
  made.original = WallTime{std::chrono::seconds(5)};
  return made;
}
bool has(SessionStore& store, std::string_view id) {
  StoredSession out;
  return store.find(id, digest_of(1), false, out);
}

TEST(SessionStore, GivesBackWhatWasPut) {
  SessionStore store;
  StoredSession in = stored();
  const SSL_SESSION* native = in.session.native();
  const auto peer = in.peer;
  store.put("id", std::move(in));
  for (int i = 0; i < 2; ++i) {
    StoredSession out;
    ASSERT_TRUE(store.find("id", digest_of(1), false, out));
    EXPECT_EQ(out.session.native(), native);
    EXPECT_EQ(out.peer, peer);
    EXPECT_EQ(out.original, WallTime{std::chrono::seconds(5)});
  }
}

TEST(SessionStore, ForgetsWhatIsGoodForOneUse) {
  SessionStore store;
  store.put("id", stored());
  StoredSession out;
  EXPECT_TRUE(store.find("id", digest_of(1), true, out));
  EXPECT_FALSE(store.find("id", digest_of(1), true, out));
  EXPECT_EQ(store.size(), 0U);
}

TEST(SessionStore, AnotherPolicyNeitherFindsNorForgets) {
  SessionStore store;
  store.put("id", stored(1));
  StoredSession out;
  EXPECT_FALSE(store.find("id", digest_of(2), true, out));
  EXPECT_EQ(out.session.native(), nullptr);
  EXPECT_TRUE(has(store, "id"));
}

TEST(SessionStore, RemovesAndReplaces) {
  SessionStore store;
  store.put("id", stored(2));
  store.put("id", stored(1));
  EXPECT_EQ(store.size(), 1U);
  EXPECT_TRUE(has(store, "id"));
  store.remove("id");
  store.remove("never there");
  EXPECT_FALSE(has(store, "id"));
}

TEST(SessionStore, HoldsNoMoreThanItsCapacityAndDropsTheOldest) {
  SessionStore store(160);
  for (int i = 0; i < 5000; ++i) {
    store.put("id" + std::to_string(i), stored());
    ASSERT_LE(store.size(), 160U);
  }
  EXPECT_TRUE(has(store, "id4999"));
  EXPECT_FALSE(has(store, "id0"));
  EXPECT_GT(store.size(), 100U);
}

TEST(SessionStore, HoldsNoMoreBytesThanItMay) {
  constexpr std::size_t kBytes = 16U << 20U, kPeer = 100'000;
  SessionStore store(1'000'000, kBytes);
  for (int i = 0; i < 2000; ++i) {
    StoredSession heavy = stored();
    heavy.peer = std::make_shared<Peer>(kPeer);
    store.put("id" + std::to_string(i), std::move(heavy));
    ASSERT_LE(store.size(), kBytes / kPeer);
  }
  EXPECT_TRUE(has(store, "id1999"));
  // What goes gives its weight back, whichever way it goes.
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 2000; ++i) {
      const std::string id = "id" + std::to_string(i);
      StoredSession out;
      if (i % 2 == 0) store.remove(id);
      if (i % 2 == 1) store.find(id, digest_of(1), true, out);
    }
    ASSERT_EQ(store.size(), 0U);
    for (int i = 0; i < 2000; ++i) store.put("id" + std::to_string(i), stored());
    EXPECT_EQ(store.size(), 2000U);
    for (int i = 0; i < 2000; ++i) store.put("id" + std::to_string(i), stored());
    EXPECT_EQ(store.size(), 2000U);
  }
}

TEST(SessionStore, AReplacedSessionIsAsYoungAsItsReplacement) {
  SessionStore store(16);  // one a shard
  store.put("a", stored());
  store.put("a", stored());
  store.put("a", stored());
  EXPECT_TRUE(has(store, "a"));
}

// TLS 1.3 puts a session and forgets it for every resumption: one busy client must not push out everybody else.
TEST(SessionStore, SessionsUsedUpPushNoLiveOneOut) {
  SessionStore store(160);
  store.put("live", stored());
  for (int i = 0; i < 5000; ++i) {
    const std::string id = "used" + std::to_string(i);
    store.put(id, stored());
    StoredSession out;
    ASSERT_TRUE(store.find(id, digest_of(1), true, out));
  }
  EXPECT_TRUE(has(store, "live"));
  EXPECT_EQ(store.size(), 1U);
}

TEST(SessionStore, ServesManyThreadsAndASingleUseOnce) {
  SessionStore store(100'000);
  std::atomic<int> won{0};
  constexpr int kIds = 2000;
  for (int i = 0; i < kIds; ++i) store.put(std::to_string(i), stored());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store, &won, t] {
      for (int i = 0; i < kIds; ++i) {
        StoredSession out;
        if (store.find(std::to_string(i), digest_of(1), true, out)) ++won;
        store.put("own" + std::to_string(t) + "-" + std::to_string(i), stored());
        store.remove("own" + std::to_string(3 - t) + "-" + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, kIds);
}

}  // namespace
}  // namespace portcullis::tls
