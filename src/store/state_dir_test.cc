#include "store/state_dir.h"

#include <sys/stat.h>

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

struct StateDirTest : JournalTest {
  static unsigned mode_of(const std::string& of) {
    struct stat status {};
    return stat(of.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  static std::string refusal_of(const std::string& of) {
    const auto checked = check_state_dir(of);
    return checked ? "" : checked.error().message;
  }
};

TEST_F(StateDirTest, IsMadeForItsOwnerOnly) {
  const std::string deep = dir + "/a/b/state";
  ASSERT_TRUE(make_state_dir(deep, geteuid(), getegid()));
  EXPECT_EQ(mode_of(deep), 0700U);
  EXPECT_TRUE(check_state_dir(deep));
  EXPECT_TRUE(make_state_dir(deep, geteuid(), getegid())) << "it may be there";
}

TEST_F(StateDirTest, AFileInItsPlaceIsUnusable) {
  write(dir + "/file", "");
  EXPECT_NE(refusal_of(dir + "/file").find("not a directory"), std::string::npos);
  const auto made = make_state_dir(dir + "/file/state", 0, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "state_dir.unusable");
  EXPECT_NE(made.error().message.find(dir + "/file/state"), std::string::npos);
}

TEST_F(StateDirTest, OneThatOthersMayWriteToIsUnusable) {
  const std::string open = dir + "/open";
  std::filesystem::create_directory(open);
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  EXPECT_NE(refusal_of(open).find("others may write"), std::string::npos);
  ASSERT_EQ(chmod(open.c_str(), 0755), 0);
  EXPECT_EQ(refusal_of(open), "");
}

TEST_F(StateDirTest, SomebodyElsesIsUnusable) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const std::string theirs = dir + "/theirs";
  ASSERT_TRUE(make_state_dir(theirs, 12'345, 12'345));
  EXPECT_NE(refusal_of(theirs).find("belongs to user 12345"), std::string::npos);
}

TEST_F(StateDirTest, OneProcessHasTheLock) {
  {
    auto first = StateLock::take(dir);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->held());
    const auto second = StateLock::take(dir);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "store.locked");
    EXPECT_NE(second.error().message.find("process " + std::to_string(getpid())), std::string::npos);
    const StateLock moved = std::move(*first);
    EXPECT_FALSE(StateLock::take(dir));
  }
  EXPECT_TRUE(StateLock::take(dir));
  EXPECT_EQ(mode_of(dir + "/lock"), 0600U);
}

}  // namespace
}  // namespace portcullis::store
