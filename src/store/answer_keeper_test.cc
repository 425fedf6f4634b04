#include "store/answer_keeper.h"

#include <thread>

#include "store/store.h"
#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

SavedAnswer answer_of(std::uint8_t number, bool revoked = false) {
  SavedAnswer answer;
  answer.key.bytes[0] = number;
  answer.response = "response " + std::to_string(number);
  answer.revoked = revoked;
  answer.this_update = answer.heard_at = kNow;
  answer.until = kNow + 1h;
  return answer;
}

struct AnswerKeeperTest : JournalTest {
  AnswerKeeperTest() { path = dir + "/ocsp.db"; }
  // By hand, where a test is the store's thread.
  AnswerKeeper::Options options(std::size_t most_waiting_bytes = 8U << 20U) {
    return {.path = path,
            .clock = &manual,
            .metrics = &metrics,
            .retry = 5s,
            .report = 60s,
            .most_waiting_bytes = most_waiting_bytes};
  }
  Store::Options store_options(std::uint64_t journal = 0) {
    Store::Options made;
    made.state_dir = dir;
    made.journal_entries = journal;
    made.clock = &clock;
    made.metrics = &metrics;
    made.interval = 5ms;
    made.retry = 1ms;
    return made;
  }
  static Result<void> ours() { return {}; }
  static Result<void> locked() { return fail("store.locked", "somebody else"); }
  std::optional<SavedAnswer> find(std::uint8_t number) const { return AnswerReader(path).find(answer_of(number).key); }
  bool metric(const std::string& line) const { return metrics.prometheus_text().find(line) != std::string::npos; }

  SystemClock clock;
  ManualClock manual;
  telemetry::Registry metrics;
};

TEST_F(AnswerKeeperTest, WhatCannotBeWrittenWaitsAndIsTriedAgain) {
  AnswerKeeper keeper(options());
  keeper.save(answer_of(1));
  keeper.set_enabled(true);
  keeper.save(answer_of(2, true));
  keeper.write(locked, false);
  keeper.save(answer_of(3));
  SavedAnswer older = answer_of(2);
  older.this_update -= 1s;
  keeper.save(older);
  keeper.write(ours, false);
  EXPECT_FALSE(find(2)) << "it is not tried again at once";
  manual.advance(5s);
  keeper.write(ours, false);
  EXPECT_FALSE(find(1)) << "it was off";
  ASSERT_TRUE(find(2));
  EXPECT_TRUE(find(2)->revoked) << "an older good answer takes nothing back while it waits";
  EXPECT_TRUE(find(3));
  EXPECT_TRUE(metric("portcullis_ocsp_answers_saved_total 2"));
}

TEST_F(AnswerKeeperTest, WhatIsPutBackDoesNotReplaceWhatIsNewer) {
  AnswerKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(answer_of(1));
  SavedAnswer newer = answer_of(1);
  newer.this_update += 1s;
  // It comes while the first is being written.
  keeper.write(
      [&]() -> Result<void> {
        keeper.save(newer);
        return locked();
      },
      false);
  keeper.write(ours, true);
  ASSERT_TRUE(find(1));
  EXPECT_EQ(find(1)->this_update, newer.this_update);
}

TEST_F(AnswerKeeperTest, WhatWaitsIsBoundedAndTheRestCounted) {
  AnswerKeeper keeper(options(10 * 300));
  keeper.set_enabled(true);
  for (int i = 0; i < 100; ++i) keeper.save(answer_of(static_cast<std::uint8_t>(i)));
  keeper.write(locked, false);
  EXPECT_TRUE(metric("portcullis_ocsp_answers_not_saved_total 89")) << metrics.prometheus_text();
  keeper.write(locked, true);
  EXPECT_TRUE(metric("portcullis_ocsp_answers_not_saved_total 100")) << "the last try";
}

TEST_F(AnswerKeeperTest, AFileThatTurnsOutToBeDamagedCostsWhatWasInIt) {
  AnswerKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(answer_of(1));
  keeper.write(ours, false);
  change("ALTER TABLE answer RENAME TO other");
  keeper.save(answer_of(2));
  keeper.write(ours, false);
  EXPECT_FALSE(find(1));
  EXPECT_TRUE(find(2)) << "at once";
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
}

TEST_F(AnswerKeeperTest, TheStoreWritesThemAndSharesTheDirectorysLock) {
  Store store(store_options(100));
  JournalFeed& feed = store.add_feed();
  store.keep_answers(true);
  store.start();
  feed.add(test_note(), clock.mono());
  store.answers().save(answer_of(1));
  ASSERT_TRUE(store.flush());
  EXPECT_TRUE(find(1));
  store.set_journal_entries(0);
  ASSERT_TRUE(store.flush());
  EXPECT_FALSE(StateLock::take(dir)) << "the answers are still kept";
  store.answers().save(answer_of(2));
  ASSERT_TRUE(store.flush());
  EXPECT_TRUE(find(2));
  store.keep_answers(false);
  store.answers().save(answer_of(3));
  ASSERT_TRUE(store.flush());
  EXPECT_FALSE(find(3));
  EXPECT_TRUE(StateLock::take(dir)) << "others may have it now";
  store.keep_answers(true);
  store.answers().save(answer_of(4));
  ASSERT_TRUE(store.stop());
  EXPECT_TRUE(find(4)) << "stopping writes what is left";
}

TEST_F(AnswerKeeperTest, ASecondProcessReadsMeanwhileAndWritesAfterwards) {
  {
    Store first(store_options());
    first.keep_answers(true);
    first.start();
    first.answers().save(answer_of(1));
    ASSERT_TRUE(first.stop());
  }
  auto other = std::make_unique<StateLock>(std::move(*StateLock::take(dir)));
  Store store(store_options());
  store.keep_answers(true);
  store.start();
  store.answers().save(answer_of(2));
  ASSERT_TRUE(store.flush());
  EXPECT_TRUE(find(1));
  EXPECT_FALSE(find(2));
  other.reset();
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!find(2) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(find(2));
}

}  // namespace
}  // namespace portcullis::store
