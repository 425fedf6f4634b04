#include "store/store.h"

#include <csignal>

#include <sys/resource.h>

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

struct StoreTest : JournalTest {
  Store::Options store_options(std::uint64_t entries = 1'000) {
    Store::Options options;
    options.state_dir = dir;
    options.journal_entries = entries;
    options.describe = describe_test_peer;
    options.clock = &clock;
    options.metrics = &metrics;
    options.interval = 5ms;
    options.retry = 1ms;
    return options;
  }
  void wait_until(const std::function<bool()>& holds) const {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(holds());
  }
  std::size_t entries_there() const {
    auto reader = JournalReader::open(path);
    if (!reader) return 0;
    const auto page = reader->find({.limit = 1'000});
    return page ? page->entries.size() : 0;
  }
  bool metric(const std::string& line) const { return metrics.prometheus_text().find(line) != std::string::npos; }

  SystemClock clock;
  telemetry::Registry metrics;
};

TEST_F(StoreTest, WhatWorkersNoteIsWrittenWithoutAsking) {
  Store store(store_options());
  JournalFeed& one = store.add_feed();
  JournalFeed& two = store.add_feed();
  store.start();
  one.add(test_note(), clock.mono());
  two.add(test_note("client_cert.expired"), clock.mono());
  wait_until([this] { return entries_there() == 2; });
  EXPECT_TRUE(metric("portcullis_journal_entries_total 2"));
}

TEST_F(StoreTest, StoppingWritesWhatIsLeftAndTheCounts) {
  {
    auto options = store_options();
    options.interval = 1h;
    Store store(options);
    JournalFeed& feed = store.add_feed();
    store.start();
    ASSERT_TRUE(store.flush());
    for (int i = 0; i < 5'000; ++i) feed.add(test_note("client_cert.expired"), clock.mono());
    feed.add(test_note("client_cert.expired", "192.0.2.2"), clock.mono());
    ASSERT_TRUE(store.stop());
    ASSERT_TRUE(store.stop()) << "twice is once";
  }
  EXPECT_EQ(all({.outcome = JournalOutcome::kRefused}).size(), 51U);
  EXPECT_EQ(all({.client = "192.0.2.2"}).size(), 1U) << "the flood has not pushed it out";
  const auto counts = all({.outcome = JournalOutcome::kLeftOut});
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].left_out, 4'950U);
  EXPECT_TRUE(metric("portcullis_journal_left_out_total{reason=\"sampled\"} 4950"));
}

TEST_F(StoreTest, EntriesOfAllWorkersAreInOrderOfTime) {
  auto options = store_options();
  options.interval = 1h;
  Store store(options);
  JournalFeed* feeds[] = {&store.add_feed(), &store.add_feed()};
  store.start();
  for (int i = 0; i < 20; ++i) {
    JournalNote note = test_note();
    note.at = kNow + std::chrono::seconds(i);
    note.connection = static_cast<std::uint64_t>(i);
    feeds[i % 2]->add(note, clock.mono());
  }
  ASSERT_TRUE(store.stop());
  std::uint64_t next = 20;
  for (const JournalEntry& entry : all()) EXPECT_EQ(entry.connection, --next);
}

TEST_F(StoreTest, OffItWritesNothingAndCanBeTurnedOnAndOff) {
  Store store(store_options(0));
  JournalFeed& feed = store.add_feed();
  store.start();
  EXPECT_FALSE(feed.enabled());
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  EXPECT_FALSE(std::filesystem::exists(path));
  store.set_journal_entries(10);
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  EXPECT_EQ(entries_there(), 1U);
  feed.add(test_note(), clock.mono());
  store.set_journal_entries(0);
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  EXPECT_EQ(entries_there(), 2U) << "what was noted before is written";
  EXPECT_TRUE(StateLock::take(dir)) << "others may have it now";
}

TEST_F(StoreTest, ALimitThatIsLoweredWhileItRuns) {
  Store store(store_options(1'000));
  JournalFeed& feed = store.add_feed();
  store.start();
  for (int i = 0; i < 50; ++i) feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  store.set_journal_entries(7);
  ASSERT_TRUE(store.flush());
  EXPECT_EQ(entries_there(), 7U);
}

TEST_F(StoreTest, ASecondProcessWaitsForTheFirstAndLosesNothingMeanwhile) {
  auto first = std::make_unique<StateLock>(std::move(*StateLock::take(dir)));
  Store store(store_options());
  JournalFeed& feed = store.add_feed();
  store.start();
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  EXPECT_FALSE(std::filesystem::exists(path));
  first.reset();
  wait_until([this] { return entries_there() == 1; });
}

TEST_F(StoreTest, AFileThatCannotBeOpenedIsTriedAgain) {
  std::filesystem::create_directory(path);
  Store store(store_options());
  JournalFeed& feed = store.add_feed();
  store.start();
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  std::filesystem::remove(path);
  wait_until([this] { return entries_there() == 1; });
}

TEST_F(StoreTest, StoppedWhileItCannotWriteItCountsWhatIsLost) {
  std::filesystem::create_directory(path);
  Store store(store_options());
  JournalFeed& feed = store.add_feed();
  store.start();
  for (int i = 0; i < 10; ++i) feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.stop());
  EXPECT_TRUE(metric("portcullis_journal_left_out_total{reason=\"not_written\"} 10"));
}

TEST_F(StoreTest, AFileThatIsMovedAwayIsBegunAnew) {
  Store store(store_options());
  JournalFeed& feed = store.add_feed();
  store.start();
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::rename(path + suffix, path + ".old" + suffix);
  feed.add(test_note("client_cert.expired"), clock.mono());
  ASSERT_TRUE(store.flush());
  ASSERT_EQ(entries_there(), 1U);
  EXPECT_EQ(all().front().reason, "client_cert.expired");
}

TEST_F(StoreTest, AFullDiskIsCountedInTheJournalOnceThereIsRoom) {
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  Store store(store_options(100'000));
  JournalFeed& feed = store.add_feed();
  store.start();
  feed.add(test_note(), clock.mono());
  ASSERT_TRUE(store.flush());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4'096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  for (int i = 0; i < 5; ++i) feed.add(test_note("client_cert.expired"), clock.mono());
  const bool flushed = store.flush();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(flushed);
  EXPECT_TRUE(metric("portcullis_journal_left_out_total{reason=\"not_written\"} 5"));
  feed.add(test_note("client_cert.expired"), clock.mono());
  ASSERT_TRUE(store.stop());
  std::signal(SIGXFSZ, old);
  const auto lost = all({.reason = "journal.not_written"});
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].left_out, 5U);
  EXPECT_EQ(all({.outcome = JournalOutcome::kRefused}).size(), 1U);
}

}  // namespace
}  // namespace portcullis::store
