#include "telemetry/log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/test_temporary_directory.h"
#include "telemetry/access_log.h"

namespace portcullis::telemetry {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { set_process_log(nullptr); }
  std::string path(const std::string& name) const { return dir_ / name; }
  static std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::unique_ptr<Log> open_log(Level level = Level::kInfo) {
    auto log = Log::open({.path = path("log"), .level = level, .clock = &clock_});
    EXPECT_TRUE(log);
    return std::move(*log);
  }

  ManualClock clock_;
  TemporaryDirectory dir_;
};

TEST_F(LogTest, OneObjectALineWithItsFields) {
  auto log = open_log();
  set_process_log(log.get());
  log_info("listener.up", {{"listener", std::string("a\"b\n")}, {"port", 8443}, {"tls", true}, {"load", 0.25}});
  log_error("document.refused", Error{"arm.unknown_member", "at /properties/x"}, {{"file", "gw.json"}});
  EXPECT_TRUE(log->flush());
  EXPECT_EQ(
      content(path("log")),
      R"({"time":"2027-01-15T08:00:00.000Z","level":"info","event":"listener.up","listener":"a\"b\n","port":8443,)"
      R"("tls":true,"load":0.25})"
      "\n"
      R"({"time":"2027-01-15T08:00:00.000Z","level":"error","event":"document.refused","file":"gw.json",)"
      R"("code":"arm.unknown_member","message":"at /properties/x"})"
      "\n");
}

TEST_F(LogTest, LevelsBelowTheOneSetAreNotWritten) {
  auto log = open_log(Level::kWarn);
  set_process_log(log.get());
  EXPECT_TRUE(log_enabled(Level::kWarn));
  EXPECT_FALSE(log_enabled(Level::kInfo));
  log_error("e");
  log_warn("w");
  log_info("i");
  log_debug("d");
  log->set_level(Level::kDebug);
  log_debug("d2");
  EXPECT_TRUE(log->flush());
  const std::string text = content(path("log"));
  for (const char* there : {"\"e\"", "\"w\"", "\"d2\""}) EXPECT_NE(text.find(there), std::string::npos) << there;
  for (const char* absent : {"\"i\"", "\"d\""}) EXPECT_EQ(text.find(absent), std::string::npos) << absent;
}

TEST_F(LogTest, BeforeItIsConfiguredLinesGoToStderr) {
  testing::internal::CaptureStderr();
  log_warn("early", {{"why", "no log yet"}});
  log_debug("too detailed");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find(R"("level":"warn","event":"early","why":"no log yet"})"), std::string::npos) << text;
  EXPECT_EQ(text.find("too detailed"), std::string::npos);
}

TEST_F(LogTest, LosesNothingSilentlyOnAFullDisk) {
  testing::internal::CaptureStderr();
  auto log = Log::open({.path = "/dev/full"});
  ASSERT_TRUE(log);
  (*log)->write(Level::kInfo, "lost");
  EXPECT_TRUE((*log)->flush());
  EXPECT_EQ((*log)->losses().failed, 1U);
  EXPECT_NE(testing::internal::GetCapturedStderr().find(R"("event":"log.lines_lost","dropped":0,"failed":1)"),
            std::string::npos);
}

TEST_F(LogTest, ReopensAfterARename) {
  auto log = open_log();
  log->write(Level::kInfo, "one");
  std::filesystem::rename(path("log"), path("log.1"));
  log->reopen();
  EXPECT_TRUE(log->flush());
  log->write(Level::kInfo, "two");
  EXPECT_TRUE(log->flush());
  EXPECT_NE(content(path("log.1")).find("\"one\""), std::string::npos);
  EXPECT_NE(content(path("log")).find("\"two\""), std::string::npos);
}

TEST(LogLevel, NamesAreReadWithoutRegardToCase) {
  for (const Level level : {Level::kError, Level::kWarn, Level::kInfo, Level::kDebug}) {
    EXPECT_EQ(parse_level(level_name(level)), level);
  }
  EXPECT_EQ(parse_level("WARN"), Level::kWarn);
  for (const char* bad : {"", "warning", "trace", "inf"}) EXPECT_FALSE(parse_level(bad)) << bad;
}

TEST_F(LogTest, AccessLogOffCostsNothingAndWritesNothing) {
  auto sink = AccessLogSink::open({.path = "off"});
  ASSERT_TRUE(sink);
  auto producer = (*sink)->producer();
  EXPECT_FALSE(producer.enabled());
  producer.append("x");
  (*sink)->reopen();
  EXPECT_TRUE((*sink)->flush());
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(LogTest, AccessLogWritesTheLinesOfItsProducers) {
  auto sink = AccessLogSink::open({.path = path("access")});
  ASSERT_TRUE(sink);
  auto first = (*sink)->producer();
  auto second = (*sink)->producer();
  EXPECT_TRUE(first.enabled());
  first.append(R"({"a":1})");
  second.append(R"({"b":2})");
  EXPECT_TRUE((*sink)->flush());
  EXPECT_EQ(content(path("access")), "{\"a\":1}\n{\"b\":2}\n");
}

TEST_F(LogTest, AccessLogThatCannotBeWrittenIsCountedAndTold) {
  auto log = open_log();
  set_process_log(log.get());
  Registry metrics;
  auto sink = AccessLogSink::open({.path = "/dev/full", .metrics = &metrics});
  ASSERT_TRUE(sink);
  auto producer = (*sink)->producer();
  producer.append("a");
  producer.append("b");
  EXPECT_TRUE((*sink)->flush());
  EXPECT_TRUE(log->flush());
  EXPECT_EQ((*sink)->losses().failed, 2U);
  const std::string text = metrics.prometheus_text();
  EXPECT_NE(text.find("portcullis_access_log_lines_lost_total{reason=\"write_failed\"} 2\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("portcullis_access_log_lines_lost_total{reason=\"queue_full\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(
      content(path("log"))
          .find(R"("level":"warn","event":"access_log.lines_lost","dropped":0,"failed":2,"message":"No space left)"),
      std::string::npos);
}

}  // namespace
}  // namespace portcullis::telemetry
