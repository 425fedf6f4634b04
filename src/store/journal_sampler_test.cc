#include "store/journal_sampler.h"

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

struct JournalSamplerTest : testing::Test {
  int keep(const JournalNote& note, int times) {
    int kept = 0;
    for (int i = 0; i < times; ++i) kept += sampler.keep(note, now) ? 1 : 0;
    return kept;
  }
  std::vector<LeftOut> collect(bool all = false) {
    std::vector<LeftOut> out;
    sampler.collect(now, all, out);
    return out;
  }

  MonoTime now{1h};
  JournalSampler sampler;
};

TEST_F(JournalSamplerTest, AFloodOfOneClientIsSampledAndOthersAreKept) {
  EXPECT_EQ(keep(test_note("client_cert.expired"), 5'000), 50);
  EXPECT_EQ(keep(test_note("client_cert.expired", "192.0.2.2"), 1), 1) << "another client";
  EXPECT_EQ(keep(test_note("client_cert.untrusted_issuer"), 1), 1) << "another reason";
  JournalNote handshake = test_note("client_cert.expired");
  handshake.event = JournalEvent::kHandshake;
  EXPECT_EQ(keep(handshake, 1), 1) << "another event";
}

TEST_F(JournalSamplerTest, WhatIsLeftOutIsCountedByReasonAndClient) {
  keep(test_note("client_cert.expired"), 5'000);
  keep(test_note("tls.handshake_failed", "2001:db8::1"), 60);
  EXPECT_TRUE(collect().empty()) << "not yet";
  now += 2s;
  auto counts = collect();
  ASSERT_EQ(counts.size(), 2U);
  if (counts[0].count < counts[1].count) std::swap(counts[0], counts[1]);
  EXPECT_EQ(counts[0].count, 4'950U);
  EXPECT_EQ(counts[0].reason, "client_cert.expired");
  EXPECT_EQ(counts[0].client.to_string(), "192.0.2.1");
  EXPECT_EQ(counts[0].event, JournalEvent::kRequest);
  EXPECT_EQ(counts[0].since, kNow);
  EXPECT_EQ(counts[1].count, 10U);
  EXPECT_TRUE(collect(true).empty()) << "told once";
}

TEST_F(JournalSamplerTest, ALongFloodIsReportedMoreAndMoreSeldom) {
  std::size_t reports = 0;
  for (int second = 0; second < 600; ++second) {
    keep(test_note("client_cert.expired"), 100);
    now += 1s;
    reports += collect().size();
  }
  EXPECT_GE(reports, 8U);
  EXPECT_LE(reports, 16U);
}

TEST_F(JournalSamplerTest, EachOfManyAdmittedCertificatesBehindOneAddressIsKept) {
  int kept = 0;
  for (int device = 0; device < 500; ++device) {
    const std::string name = "device-" + std::to_string(device);
    JournalNote note = test_note();
    note.peer_name = name;
    kept += keep(note, 2);
  }
  EXPECT_EQ(kept, 1'000);
}

TEST_F(JournalSamplerTest, ARefusedClientIsNotAnotherForEachNameItTakes) {
  int kept = 0;
  for (int name = 0; name < 500; ++name) {
    const std::string made_up = "name-" + std::to_string(name);
    JournalNote note = test_note("client_cert.self_signed");
    note.peer_name = made_up;
    kept += keep(note, 1);
  }
  EXPECT_EQ(kept, 50);
}

TEST_F(JournalSamplerTest, AnIpv6HouseholdIsOneClient) {
  int kept = 0;
  for (int host = 1; host <= 500; ++host) kept += keep(test_note("x", "2001:db8::" + std::to_string(host)), 1);
  EXPECT_EQ(kept, 50);
  EXPECT_EQ(keep(test_note("x", "2001:db8:0:1::1"), 1), 1);
}

TEST_F(JournalSamplerTest, ABucketFillsAgain) {
  keep(test_note("x"), 100);
  now += 100s;
  EXPECT_EQ(keep(test_note("x"), 100), 10);
  now += 1h;
  EXPECT_EQ(keep(test_note("x"), 100), 50);
}

TEST_F(JournalSamplerTest, MoreClientsThanBucketsAreBoundedTogetherAndAllAreCounted) {
  std::uint64_t kept = 0;
  std::uint64_t sent = 0;
  for (std::uint32_t client = 0; client < 20'000; ++client) {
    JournalNote note = test_note("client_cert.expired");
    note.client.address = IpAddress::v4(0x0a000000U + client);
    kept += static_cast<std::uint64_t>(keep(note, 3));
    sent += 3;
  }
  EXPECT_EQ(kept, 2'000U);
  EXPECT_EQ(keep(test_note(), 1), 1) << "those who are admitted have an allowance of their own";
  std::uint64_t counted = 0;
  for (const LeftOut& some : collect(true)) counted += some.count;
  EXPECT_EQ(kept + counted, sent);
}

TEST_F(JournalSamplerTest, CountsOfBucketsThatGaveWayAreNotLost) {
  JournalSampler::Rates rates;
  rates.buckets = 4;
  rates.burst = 1;
  JournalSampler small(rates);
  std::uint64_t kept = 0;
  for (std::uint32_t client = 0; client < 100; ++client) {
    JournalNote note = test_note("x");
    note.client.address = IpAddress::v4(client + 1);
    for (int i = 0; i < 10; ++i) kept += small.keep(note, now) ? 1U : 0U;
  }
  std::vector<LeftOut> out;
  small.collect(now, true, out);
  std::uint64_t counted = 0;
  for (const LeftOut& some : out) counted += some.count;
  EXPECT_EQ(kept + counted, 1'000U);
  EXPECT_EQ(out.size(), 5U) << "four that have a bucket, and all others together";
}

}  // namespace
}  // namespace portcullis::store
