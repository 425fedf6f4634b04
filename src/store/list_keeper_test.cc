#include "store/list_keeper.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test_temporary_directory.h"
#include "store/store.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

SavedList list_of(std::uint8_t number, std::string bytes = "a list") {
  SavedList list;
  list.key.bytes[0] = number;
  list.url = "http://crl.test/" + std::to_string(number);
  list.bytes = std::move(bytes);
  list.fetched_at = kNow;
  return list;
}

struct ListKeeperTest : testing::Test {
  ListKeeperTest() { directory = lists_path(own.path()); }
  ListKeeper::Options options(std::size_t most_waiting_bytes = 1'000) {
    return {.directory = directory,
            .limits = {.lists = 3, .bytes = 10'000},
            .clock = &clock,
            .metrics = &metrics,
            .most_waiting_bytes = most_waiting_bytes};
  }
  static Result<void> ours() { return {}; }
  static Result<void> locked() { return fail("store.locked", "somebody else"); }
  std::optional<SavedList> find(std::uint8_t number) const {
    const SavedList like = list_of(number);
    return find_list(directory, like.key, like.url);
  }
  std::string path(std::uint8_t number) const { return directory + "/" + list_of(number).key.hex() + ".list"; }
  bool metric(const std::string& line) const { return metrics.prometheus_text().find(line) != std::string::npos; }
  // As if written so long ago.
  void age(std::uint8_t number, std::chrono::hours by) const {
    std::filesystem::last_write_time(path(number), std::filesystem::file_time_type::clock::now() - by);
  }

  const TemporaryDirectory own;
  std::string directory;
  ManualClock clock{kNow};
  telemetry::Registry metrics;
};

TEST_F(ListKeeperTest, WhatIsSavedIsFoundAsItWas) {
  ListKeeper keeper(options());
  EXPECT_FALSE(find(1));
  keeper.save(list_of(1));
  keeper.write(ours, false);
  EXPECT_FALSE(std::filesystem::exists(directory)) << "it is off";
  keeper.set_enabled(true);
  const std::string bytes("line\nnull\0end\n\n", 15);
  keeper.save(list_of(1, bytes));
  keeper.save(list_of(2, ""));
  keeper.write(ours, false);
  const auto found = find(1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, bytes);
  EXPECT_EQ(found->fetched_at, kNow);
  ASSERT_TRUE(find(2));
  EXPECT_EQ(find(2)->bytes, "");
  struct stat status {};
  ASSERT_EQ(::stat(path(1).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  keeper.save(list_of(1, "a newer one"));
  keeper.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "a newer one");
  EXPECT_TRUE(metric("portcullis_crl_lists_saved_total 3"));
}

TEST_F(ListKeeperTest, AFileThatIsNotAsItWasWrittenIsNone) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(list_of(1));
  keeper.write(ours, false);
  std::filesystem::copy_file(path(1), path(2));
  EXPECT_FALSE(find(2)) << "another URL's";
  for (const std::string& text :
       {std::string(), std::string("portcullis list 1\n"), std::string("portcullis list 2\nhttp://crl.test/2\n1\nx"),
        std::string("portcullis list 1\nhttp://crl.test/2\n"), std::string("portcullis list 1\nhttp://crl.test/2\n1"),
        std::string("portcullis list 1\nhttp://crl.test/2\n\nx"),
        std::string("portcullis list 1\nhttp://crl.test/2\n-1\nx"),
        std::string("portcullis list 1\nhttp://crl.test/2\n12y\nx"),
        std::string("portcullis list 1\nhttp://crl.test/2\n9999999999999999\nx")}) {
    std::ofstream(path(2), std::ios::trunc) << text;
    EXPECT_FALSE(find(2)) << text;
  }
  std::ofstream(path(2), std::ios::trunc) << "portcullis list 1\nhttp://crl.test/2\n1\nx";
  EXPECT_TRUE(find(2));
  std::filesystem::resize_file(path(2), SavedList::kMostBytes + 10'000);
  EXPECT_FALSE(find(2)) << "larger than anything that is saved";
  std::filesystem::remove(path(2));
  std::filesystem::create_symlink(path(1), path(2));
  EXPECT_FALSE(find(2)) << "no file of ours";
  std::filesystem::remove(path(2));
  ASSERT_EQ(::mkfifo(path(2).c_str(), 0600), 0);
  EXPECT_FALSE(find(2)) << "and nobody waits for its other end";
}

TEST_F(ListKeeperTest, WhatCannotBeWrittenWaitsAndIsTriedAgain) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(list_of(1, "old"));
  keeper.save(list_of(2));
  keeper.write(locked, false);
  EXPECT_FALSE(std::filesystem::exists(directory));
  keeper.save(list_of(1, "new"));
  keeper.write(ours, false);
  EXPECT_FALSE(find(1)) << "it is not tried again at once";
  clock.advance(5s);
  keeper.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "new");
  EXPECT_TRUE(find(2));
  EXPECT_TRUE(metric("portcullis_crl_lists_saved_total 2"));
  EXPECT_TRUE(metric("portcullis_crl_lists_not_saved_total 0"));
}

TEST_F(ListKeeperTest, OnlySoMuchWaits) {
  ListKeeper keeper(options(10));
  keeper.set_enabled(true);
  keeper.save(list_of(1, "12345678"));
  keeper.save(list_of(2, "123"));
  keeper.save(list_of(1, "1234567890"));
  keeper.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "1234567890") << "in place of the one that waited";
  EXPECT_FALSE(find(2));
  EXPECT_TRUE(metric("portcullis_crl_lists_not_saved_total 1"));
  EXPECT_TRUE(keeper.save(list_of(2, "1234567890")));
  keeper.write(ours, false);
  EXPECT_TRUE(find(2)) << "there is room again";
}

TEST_F(ListKeeperTest, TheLastTimeNothingGoesOnWaiting) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(list_of(1));
  keeper.write(locked, true);
  EXPECT_TRUE(metric("portcullis_crl_lists_not_saved_total 1"));
  keeper.write(ours, true);
  EXPECT_FALSE(find(1));
}

TEST_F(ListKeeperTest, WhatIsSwitchedOffNoLongerWaits) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  EXPECT_TRUE(keeper.save(list_of(1)));
  keeper.set_enabled(false);
  EXPECT_FALSE(keeper.save(list_of(2)));
  keeper.forget();
  EXPECT_TRUE(metric("portcullis_crl_lists_not_saved_total 1"));
  keeper.write(ours, false);
  EXPECT_FALSE(find(1));
}

TEST_F(ListKeeperTest, AListThatWasFetchedLaterStays) {
  ListKeeper before(options()), after(options());
  before.set_enabled(true);
  after.set_enabled(true);
  SavedList later = list_of(1, "later");
  later.fetched_at = kNow - 1s;
  SavedList earlier = list_of(1, "earlier");
  earlier.fetched_at = kNow - 2s;
  after.save(earlier);
  after.write(locked, false);
  before.save(later);
  before.write(ours, false);
  clock.advance(5s);
  after.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "later");
  // One of a clock that was ahead does not.
  later.fetched_at = kNow + 24h;
  before.save(later);
  before.write(ours, false);
  after.save(earlier);
  after.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "earlier");
}

TEST_F(ListKeeperTest, AFullDiskOrAFileInTheWayLosesNothingThatWasThere) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  keeper.save(list_of(1, "old"));
  keeper.write(ours, false);
  // What a file would be written beside is taken by a directory.
  const std::string draft = directory + "/" + list_of(1).key.hex() + ".new";
  std::filesystem::create_directory(draft);
  keeper.save(list_of(1, "new"));
  keeper.save(list_of(2));
  keeper.save(list_of(3));
  keeper.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "old");
  EXPECT_TRUE(find(2) && find(3)) << "the others are written";
  std::filesystem::remove(draft);
  clock.advance(5s);
  keeper.write(ours, false);
  EXPECT_EQ(find(1)->bytes, "new");
}

TEST_F(ListKeeperTest, TheOldestGiveWay) {
  ListKeeper keeper(options(1'000'000));
  keeper.set_enabled(true);
  for (std::uint8_t number = 1; number <= 3; ++number) keeper.save(list_of(number));
  keeper.write(ours, false);
  age(1, 1h);
  age(2, 3h);
  age(3, 2h);
  keeper.save(list_of(4));
  keeper.write(ours, false);
  EXPECT_FALSE(find(2)) << "four are too many";
  EXPECT_TRUE(find(1) && find(3) && find(4));
  keeper.save(list_of(5, std::string(9'900, 'x')));
  keeper.write(ours, false);
  EXPECT_TRUE(find(5));
  EXPECT_FALSE(find(1) || find(3) || find(4)) << "too many bytes";
}

TEST_F(ListKeeperTest, WhatACrashLeftHalfWrittenIsCleanedUp) {
  ListKeeper keeper(options());
  keeper.set_enabled(true);
  std::filesystem::create_directory(directory);
  std::ofstream(directory + "/abc.new") << "half";
  std::ofstream(directory + "/somebody.txt") << "else's";
  keeper.save(list_of(1));
  keeper.write(ours, false);
  EXPECT_FALSE(std::filesystem::exists(directory + "/abc.new"));
  EXPECT_TRUE(std::filesystem::exists(directory + "/somebody.txt"));
}

TEST_F(ListKeeperTest, TheStoreWritesWhatItIsGivenAndHoldsTheDirectorysLockMeanwhile) {
  SystemClock system;
  Store::Options made;
  made.state_dir = own.path();
  made.clock = &system;
  made.metrics = &metrics;
  made.interval = 5ms;
  Store store(made);
  store.start();
  store.keep_lists(true);
  store.lists().save(list_of(1));
  ASSERT_TRUE(store.flush());
  ASSERT_TRUE(store.flush());
  EXPECT_TRUE(find(1));
  EXPECT_FALSE(StateLock::take(own.path()));
  store.lists().save(list_of(2));
  ASSERT_TRUE(store.stop());
  EXPECT_TRUE(find(2)) << "what waited is written at the end";
  EXPECT_TRUE(StateLock::take(own.path()));
}

}  // namespace
}  // namespace portcullis::store
