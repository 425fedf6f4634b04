#include "clientauth/chain_cache.h"

#include <thread>

#include "clientauth/test_policies.h"

namespace portcullis::clientauth {
namespace {

using std::chrono::hours;
using Record = std::shared_ptr<const tls::PeerState>;

struct ChainCacheTest : PolicyTest {
  std::shared_ptr<Verifier> knowing(const ClientPolicy& policy) { return std::make_shared<Verifier>(policy, cache); }
  std::shared_ptr<Verifier> strict() { return knowing(policy(Mode::kStrict)); }

  std::shared_ptr<ChainCache> cache = std::make_shared<ChainCache>();
};

TEST_F(ChainCacheTest, ConnectionsOfOneClientShareOneRecord) {
  for (const Mode mode : {Mode::kStrict, Mode::kPassthrough}) {
    const auto judge = knowing(policy(mode));
    const Record first = judge->judge(good.presented(), kNow);
    // As another connection hands it over: parsed anew.
    x509::CertificateList again;
    for (const x509::Certificate& one : good.presented()) again.push_back(*x509::Certificate::from_der(one.der()));
    EXPECT_EQ(judge->judge(again, kNow + hours(1)), first);
    // Also by a verifier of the next snapshot.
    EXPECT_EQ(knowing(policy(mode))->judge(again, kNow), first);
  }
  EXPECT_EQ(cache->size(), 2U);
}

// A time at which something else may be true, a refusal above all, is never answered from memory (I26).
TEST_F(ChainCacheTest, RefusalsAreJudgedEachTime) {
  const auto judge = strict();
  for (const x509::Issued* who : {&expired, &early, &stranger, &server_only, &self_signed}) {
    const Record first = judge->judge(who->presented(), kNow);
    EXPECT_NE(judge->judge(who->presented(), kNow), first);
  }
  EXPECT_EQ(cache->size(), 0U);
  const Record later = judge->judge(early.presented(), kNow + hours(48));
  EXPECT_TRUE(static_cast<const PeerRecord&>(*later).path.ok) << "refused before, valid now";
}

TEST_F(ChainCacheTest, AJudgementEndsWithTheFirstCertificateOfItsPath) {
  const auto judge = strict();
  const Record alive = judge->judge(dying.presented(), kNow);
  EXPECT_EQ(judge->judge(dying.presented(), kNow + std::chrono::minutes(59)), alive);
  const Record dead = judge->judge(dying.presented(), kNow + hours(1));
  EXPECT_EQ(static_cast<const PeerRecord&>(*dead).path.reason_code, x509::kReasonExpired);
  EXPECT_EQ(cache->size(), 0U);
}

TEST_F(ChainCacheTest, AClockTurnedBackMeansANewJudgement) {
  const auto judge = strict();
  const Record later = judge->judge(early.presented(), kNow + hours(48));
  ASSERT_TRUE(static_cast<const PeerRecord&>(*later).path.ok);
  const Record before = judge->judge(early.presented(), kNow);
  EXPECT_EQ(static_cast<const PeerRecord&>(*before).path.reason_code, x509::kReasonNotYetValid);
}

TEST_F(ChainCacheTest, WhatDecidesMakesAnotherEntry) {
  const ClientPolicy base = policy(Mode::kStrict);
  ClientPolicy with_dn = base, deeper = base, wider = base, passing = base, shadowless = base;
  with_dn.verify_issuer_dn = true;
  deeper.verify_depth = 9;
  wider.anchors = trust({root.pem() + ca.pem(), other_root.pem()});
  passing.mode = shadowless.mode = Mode::kPassthrough;
  shadowless.anchors = nullptr;
  std::set<Record> records;
  for (const ClientPolicy& each : {base, with_dn, deeper, wider, passing, shadowless}) {
    records.insert(knowing(each)->judge(good.presented(), kNow));
  }
  EXPECT_EQ(records.size(), 6U);
  EXPECT_EQ(cache->size(), 6U);
  // What was admitted under one trust is nothing under another that does not know the CA.
  ClientPolicy foreign = base;
  foreign.anchors = trust({other_root.pem()});
  const Record refused = knowing(foreign)->judge(good.presented(), kNow);
  EXPECT_FALSE(static_cast<const PeerRecord&>(*refused).path.ok);
}

TEST_F(ChainCacheTest, EveryByteAndThePlaceOfEachCertificateCount) {
  const auto judge = strict();
  const x509::CertificateList chain = good.presented();
  std::set<Record> records{judge->judge(chain, kNow)};
  records.insert(judge->judge({chain[0]}, kNow));
  records.insert(judge->judge({chain[0], chain[1], chain[1]}, kNow));
  records.insert(judge->judge({chain[0], root.certificate, chain[1]}, kNow));
  records.insert(judge->judge({chain[0], chain[1], root.certificate}, kNow));
  EXPECT_EQ(records.size(), 5U);
  // The same names and key, signed by a CA that only looks the same.
  const x509::Issued false_root = pki.root("Root"), false_ca = pki.intermediate("Issuing CA", false_root);
  const x509::Issued forged = pki.leaf("good", false_ca);
  const Record refused = judge->judge(forged.presented(), kNow);
  EXPECT_FALSE(static_cast<const PeerRecord&>(*refused).path.ok);
}

TEST_F(ChainCacheTest, LimitsHoldForKnownChainsToo) {
  ClientPolicy limited = policy(Mode::kStrict);
  ASSERT_NE(strict()->judge(good.presented(), kNow), nullptr);
  limited.presented_certificates = 1;
  EXPECT_EQ(knowing(limited)->judge(good.presented(), kNow), nullptr);
}

TEST_F(ChainCacheTest, ManyClientsFillItToItsBoundAndTheLeastUsedGiveWay) {
  const auto small = std::make_shared<ChainCache>(16, 1U << 30U);  // one entry a shard
  const auto record = std::make_shared<const PeerRecord>();
  for (std::uint8_t i = 0; i < 200; ++i) {
    Digest chain;
    chain.bytes.fill(i);
    small->put(chain, record, kNow);
    EXPECT_EQ(small->find(chain, kNow), record);
  }
  EXPECT_EQ(small->size(), 16U);

  ChainCache two_a_shard(32, 1U << 30U);
  const auto chain = [](std::uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
  };
  two_a_shard.put(chain(1), record, kNow);
  two_a_shard.put(chain(2), record, kNow);
  EXPECT_NE(two_a_shard.find(chain(1), kNow), nullptr);
  two_a_shard.put(chain(3), record, kNow);
  EXPECT_NE(two_a_shard.find(chain(1), kNow), nullptr);
  EXPECT_EQ(two_a_shard.find(chain(2), kNow), nullptr) << "the least recently used";
}

TEST_F(ChainCacheTest, ItsBytesAreBoundedAndSummedRightly) {
  const auto heavy = std::make_shared<PeerRecord>();
  heavy->presented = good.presented();
  heavy->identity = x509::describe(good.certificate);
  heavy->weigh();
  ChainCache three_a_shard(1U << 20U, 16 * (3 * heavy->weight() + heavy->weight() / 2));
  const auto chain = [](std::uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
  };
  for (std::uint8_t i = 0; i < 100; ++i) three_a_shard.put(chain(i), heavy, kNow);
  EXPECT_EQ(three_a_shard.size(), 3U);
  for (int i = 0; i < 10; ++i) three_a_shard.put(chain(99), heavy, kNow);
  EXPECT_EQ(three_a_shard.size(), 3U) << "an entry put again weighs once";
}

TEST_F(ChainCacheTest, WithdrawnTrustIsForgotten) {
  const auto judge = strict();
  const auto other = knowing(policy(Mode::kPassthrough));
  judge->judge(good.presented(), kNow);
  const Record kept = other->judge(good.presented(), kNow);
  cache->keep_only({other->trust()});
  EXPECT_EQ(cache->size(), 1U);
  EXPECT_EQ(other->judge(good.presented(), kNow), kept);
}

TEST_F(ChainCacheTest, WorkersMayJudgeAtOnce) {
  const auto judge = strict();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        for (const x509::Issued* who : {&good, &dying, &stranger}) {
          const Record record = judge->judge(who->presented(), kNow);
          EXPECT_EQ(static_cast<const PeerRecord&>(*record).path.ok, who != &stranger);
        }
        if (i % 10 == 0) cache->keep_only({});
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

}  // namespace
}  // namespace portcullis::clientauth
