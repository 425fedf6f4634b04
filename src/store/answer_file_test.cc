#include "store/answer_file.h"

#include <csignal>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/test_journal.h"

namespace portcullis::store {
namespace {

using namespace std::chrono_literals;

Digest key_of(int number) {
  Digest key;
  for (std::size_t i = 0; i < 4; ++i) key.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return key;
}

SavedAnswer answer_of(int number, bool revoked = false) {
  SavedAnswer answer;
  answer.key = key_of(number);
  answer.response = "response " + std::to_string(number);
  answer.revoked = revoked;
  answer.this_update = kNow;
  answer.heard_at = kNow + 1s;
  answer.until = kNow + 1h;
  return answer;
}

struct AnswerFileTest : JournalTest {
  AnswerFileTest() { path = dir + "/ocsp.db"; }
  std::unique_ptr<AnswerFile> open(const AnswerLimits& limits = {}) {
    auto file = AnswerFile::open(path, limits, &set_aside);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::move(*file) : nullptr;
  }
  static Result<void> save(AnswerFile& file, const SavedAnswer& answer) { return file.save({&answer, 1}); }
  std::string found(int number) { return reader().find(key_of(number)).value_or(SavedAnswer{}).response; }
  AnswerReader& reader() {
    if (reader_ == nullptr) reader_ = std::make_unique<AnswerReader>(path);
    return *reader_;
  }
  void forget_reader() { reader_.reset(); }

 private:
  std::unique_ptr<AnswerReader> reader_;
};

TEST_F(AnswerFileTest, GivesBackWhatWasSavedToThisProcessAndTheNext) {
  EXPECT_EQ(found(1), "") << "there is no file yet";
  auto file = open();
  EXPECT_EQ(found(1), "");
  ASSERT_TRUE(save(*file, answer_of(1)));
  SavedAnswer revoked = answer_of(2, true);
  revoked.response = std::string("\x30\x00\xff", 3);
  ASSERT_TRUE(save(*file, revoked));
  for (int process = 0; process < 2; ++process) {
    const auto one = reader().find(key_of(1));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->response, "response 1");
    EXPECT_FALSE(one->revoked);
    EXPECT_EQ(one->this_update, kNow);
    EXPECT_EQ(one->heard_at, kNow + 1s);
    EXPECT_EQ(one->until, kNow + 1h);
    const auto two = reader().find(key_of(2));
    ASSERT_TRUE(two);
    EXPECT_EQ(two->response, revoked.response);
    EXPECT_TRUE(two->revoked);
    EXPECT_FALSE(reader().find(key_of(3)));
    file.reset();
    file = open();
    EXPECT_EQ(file->answers(), 2U);
  }
}

TEST_F(AnswerFileTest, ARevokedAnswerGivesWayOnlyToANewerGoodOne) {
  auto file = open();
  SavedAnswer good = answer_of(1);
  const SavedAnswer revoked = answer_of(1, true);
  ASSERT_TRUE(save(*file, good));
  ASSERT_TRUE(save(*file, revoked));
  EXPECT_TRUE(reader().find(key_of(1))->revoked);
  for (const auto age : {0s, 1s, 3600s}) {
    good.this_update = kNow - age;
    ASSERT_TRUE(save(*file, good)) << "passed over, which is no failure";
    EXPECT_TRUE(reader().find(key_of(1))->revoked) << age.count();
  }
  good.this_update = kNow + 1s;
  ASSERT_TRUE(save(*file, good));
  EXPECT_FALSE(reader().find(key_of(1))->revoked);
  EXPECT_EQ(file->answers(), 1U);
}

TEST_F(AnswerFileTest, WhatEndsFirstGivesWayAndTheRevokedLast) {
  auto file = open({.answers = 10});
  for (int i = 0; i < 4; ++i) {
    SavedAnswer revoked = answer_of(i, true);
    revoked.until = kNow - 1h;
    ASSERT_TRUE(save(*file, revoked));
  }
  for (int i = 10; i < 30; ++i) {
    SavedAnswer good = answer_of(i);
    good.until = kNow + std::chrono::minutes(100 - i);
    ASSERT_TRUE(save(*file, good));
  }
  EXPECT_EQ(file->answers(), 10U);
  for (int i = 0; i < 4; ++i) EXPECT_NE(found(i), "") << i;
  EXPECT_NE(found(10), "");
  EXPECT_EQ(found(29), "");
  for (int i = 100; i < 120; ++i) ASSERT_TRUE(save(*file, answer_of(i, true)));
  EXPECT_EQ(file->answers(), 10U);
  EXPECT_EQ(found(10), "");
  EXPECT_EQ(found(0), "") << "where all are revoked, one of them has to go";
  EXPECT_NE(found(119), "");
}

TEST_F(AnswerFileTest, IsBoundedInBytesHoweverLargeTheAnswers) {
  auto file = open({.answers = 100'000, .bytes = AnswerLimits::kLeastBytes});
  for (int i = 0; i < 100; ++i) {
    SavedAnswer large = answer_of(i);
    large.response.assign(60'000, 'x');
    large.until = kNow + std::chrono::minutes(i);
    ASSERT_TRUE(save(*file, large));
  }
  EXPECT_LT(file->answers(), 20U);
  EXPECT_GT(file->answers(), 8U);
  EXPECT_EQ(found(99).size(), 60'000U);
  EXPECT_LE(number("PRAGMA page_count") * 4'096, 2'000'000);
  // One that no responder may send is not kept, and is not read where somebody has put it there.
  SavedAnswer huge = answer_of(1'000);
  huge.response.assign(SavedAnswer::kMostBytes + 1, 'x');
  ASSERT_TRUE(save(*file, huge));
  EXPECT_EQ(found(1'000), "");
  change("UPDATE answer SET response=zeroblob(70000)");
  EXPECT_EQ(found(99), "");
}

TEST_F(AnswerFileTest, ADamagedFileIsSetAsideAndReadsAsNothing) {
  {
    auto file = open();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(save(*file, answer_of(i)));
  }
  const std::string whole = content(path);
  const std::vector<std::pair<const char*, std::string>> broken = {
      {"garbage", "no database, but long enough to be taken for one " + std::string(8'192, 'x')},
      {"cut", whole.substr(0, whole.size() / 2)},
      {"a page of zeros", whole.substr(0, 4'096) + std::string(4'096, '\0') + whole.substr(8'192)},
      {"short", whole.substr(0, 50)}};
  for (const auto& [what, bytes] : broken) {
    forget_reader();
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path + suffix);
    write(path, bytes);
    found(1);  // whatever it says is checked; it must not stand in the writer's way
    auto file = open();
    EXPECT_TRUE(set_aside) << what;
    EXPECT_TRUE(content(path + ".damaged") == bytes) << what;
    ASSERT_TRUE(save(*file, answer_of(1)));
    EXPECT_EQ(found(1), "response 1") << what;
    EXPECT_EQ(file->answers(), 1U);
  }
}

TEST_F(AnswerFileTest, AnotherDatabaseIsNotTakenForItNorIsALaterVersions) {
  for (const char* sql :
       {"CREATE TABLE answer(key,revoked,this_update,heard_at,until,response);",
        "PRAGMA application_id=1346583345; PRAGMA user_version=1; CREATE VIEW answer AS WITH RECURSIVE n(i) AS (SELECT "
        "1 UNION ALL SELECT i+1 FROM n) SELECT i AS key,0 AS revoked,0 AS this_update,0 AS heard_at,0 AS until,'' AS "
        "response FROM n;"}) {
    std::filesystem::remove(path);
    change(sql);
    EXPECT_EQ(found(1), "");
    EXPECT_NE(open(), nullptr);
    EXPECT_TRUE(set_aside) << sql;
  }
  change("PRAGMA user_version=2");
  const auto later = AnswerFile::open(path, {});
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, "store.newer");
  EXPECT_EQ(found(1), "");
}

TEST_F(AnswerFileTest, WhatWasCommittedOutlivesTheProcess) {
  const pid_t child = fork();
  if (child == 0) {
    auto file = open();
    for (int i = 0; i < 50; ++i) static_cast<void>(save(*file, answer_of(i)));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(found(49), "response 49") << "read before anybody has opened it for writing";
  EXPECT_EQ(open()->answers(), 50U);
  EXPECT_FALSE(set_aside);
}

TEST_F(AnswerFileTest, AFullDiskFailsAndChangesNothing) {
  auto file = open();
  ASSERT_TRUE(save(*file, answer_of(1)));
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4'096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto done = save(*file, answer_of(2));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "store.full");
  EXPECT_EQ(file->answers(), 1U);
  EXPECT_EQ(found(1), "response 1");
  ASSERT_TRUE(save(*file, answer_of(2)));
  EXPECT_EQ(found(2), "response 2");
}

TEST_F(AnswerFileTest, IsReadableByNobodyElse) {
  const mode_t before = umask(0);
  auto file = open();
  ASSERT_TRUE(save(*file, answer_of(1)));
  umask(before);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status {};
    ASSERT_EQ(stat((path + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
  file.reset();
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  file = open();
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(AnswerFileTest, AReaderFollowsAFileThatTakesItsPlace) {
  auto file = open();
  ASSERT_TRUE(save(*file, answer_of(1)));
  EXPECT_EQ(found(1), "response 1");
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::rename(path + suffix, path + ".old" + suffix);
  EXPECT_FALSE(file->in_place());
  EXPECT_EQ(found(1), "");
  file = open();
  ASSERT_TRUE(save(*file, answer_of(2)));
  EXPECT_EQ(found(1), "");
  EXPECT_EQ(found(2), "response 2");
}

}  // namespace
}  // namespace portcullis::store
