#include "store/journal_feed.h"

#include <thread>

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1h};

JournalFeed::Options generous() {
  JournalFeed::Options options;
  options.rates.burst = 1e9;
  options.rates.burst_of_all = 1e9;
  return options;
}

TEST(JournalFeed, NotesNothingWhereTheJournalIsOff) {
  JournalFeed feed(generous());
  feed.add(test_note(), kStart);
  JournalFeed::Taken taken;
  feed.take(taken, kStart, true);
  EXPECT_EQ(taken.used, 0U);
}

TEST(JournalFeed, CopiesWhatItIsTold) {
  JournalFeed feed(generous());
  feed.set_enabled(true);
  for (int i = 0; i < 300; ++i) {
    const std::string sni = "host-" + std::to_string(i) + ".test";
    JournalNote note = test_note("client_cert.expired");
    note.sni = sni;
    const std::string responder = "http://" + sni + "/";
    note.revocation.responder = responder;
    note.connection = static_cast<std::uint64_t>(i);
    feed.add(note, kStart);
  }
  JournalFeed::Taken taken;
  feed.take(taken, kStart, false);
  ASSERT_EQ(taken.used, 300U);
  for (std::size_t i = 0; i < taken.used; ++i) {
    EXPECT_EQ(taken.slots[i].note.sni, "host-" + std::to_string(i) + ".test");
    EXPECT_EQ(taken.slots[i].note.revocation.responder, "http://host-" + std::to_string(i) + ".test/");
    EXPECT_EQ(taken.slots[i].note.listener, "strict");
    EXPECT_EQ(taken.slots[i].note.connection, i);
  }
  feed.take(taken, kStart, false);
  EXPECT_EQ(taken.used, 0U);
}

TEST(JournalFeed, IsBoundedInEntriesAndCountsTheRest) {
  JournalFeed::Options options = generous();
  options.entries = 100;
  int woken = 0;
  options.wake_at = 50;
  options.wake = [&] { ++woken; };
  JournalFeed feed(options);
  feed.set_enabled(true);
  for (int i = 0; i < 1'000; ++i) feed.add(test_note(), kStart);
  EXPECT_EQ(woken, 1);
  JournalFeed::Taken taken;
  feed.take(taken, kStart, true);
  EXPECT_EQ(taken.used, 100U);
  ASSERT_EQ(taken.left_out.size(), 1U);
  EXPECT_EQ(taken.left_out[0].count, 900U);
  EXPECT_EQ(taken.left_out[0].reason, JournalSampler::kManyReason);
}

TEST(JournalFeed, IsBoundedInBytesOfClientsRecords) {
  JournalFeed::Options options = generous();
  options.peer_bytes = 100'000;
  JournalFeed feed(options);
  feed.set_enabled(true);
  for (int i = 0; i < 100; ++i) {
    JournalNote note = test_note();
    note.peer = test_peer("big");
    note.peer_weight = 30'000;
    feed.add(note, kStart);
  }
  feed.add(test_note("x"), kStart);
  JournalFeed::Taken taken;
  feed.take(taken, kStart, true);
  EXPECT_EQ(taken.used, 4U) << "three heavy ones, and one that weighs nothing";
}

TEST(JournalFeed, TakingWhileAWorkerNotesLosesNothing) {
  JournalFeed::Options options = generous();
  options.entries = 1'000'000;
  JournalFeed feed(options);
  feed.set_enabled(true);
  constexpr std::uint64_t kNotes = 20'000;
  std::thread worker([&] {
    for (std::uint64_t i = 1; i <= kNotes; ++i) {
      JournalNote note = test_note();
      note.connection = i;
      feed.add(note, kStart);
    }
  });
  std::uint64_t next = 1;
  JournalFeed::Taken taken;
  while (next <= kNotes) {
    feed.take(taken, kStart, false);
    for (std::size_t i = 0; i < taken.used; ++i) ASSERT_EQ(taken.slots[i].note.connection, next++);
  }
  worker.join();
}

}  // namespace
}  // namespace portcullis::store
